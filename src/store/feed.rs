//! Parquet feeds as rows.

use std::fs::File;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use showroom_catalog::AttributeValue;
use showroom_catalog::feed::{BadRow, Cell, Row, Table};
use showroom_catalog::seams::SourceError;

/// Rows in memory at once.
const ROWS_AT_ONCE: usize = 1024;

/// A Parquet file.
pub struct ParquetTable {
    path: String,
}

impl ParquetTable {
    pub fn new(path: String) -> ParquetTable {
        ParquetTable { path }
    }

    fn unreadable(&self, reason: impl ToString) -> SourceError {
        SourceError::Unreadable {
            uri: self.path.clone(),
            reason: format!(
                "it is no Parquet file that can be read: {}",
                reason.to_string()
            ),
        }
    }
}

impl Table for ParquetTable {
    fn path(&self) -> &str {
        &self.path
    }

    fn rows(&self, each: &mut dyn FnMut(Result<Row, BadRow>) -> bool) -> Result<(), SourceError> {
        let file = File::open(&self.path).map_err(|e| self.unreadable(e))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)
            .and_then(|builder| builder.with_batch_size(ROWS_AT_ONCE).build())
            .map_err(|e| self.unreadable(e))?;
        let mut number = 0;
        for batch in reader {
            let batch = batch.map_err(|e| self.unreadable(e))?;
            for at in 0..batch.num_rows() {
                number += 1;
                let cells = cells(&batch, at);
                if !each(Ok(Row { number, cells })) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn cells(batch: &RecordBatch, at: usize) -> Vec<(String, Cell)> {
    let columns = batch.schema_ref().fields().iter().zip(batch.columns());
    columns
        .filter_map(|(field, column)| {
            let value = value(column, at)?;
            Some((field.name().clone(), Cell::Value(value)))
        })
        .collect()
}

/// `None` where the cell is empty, or of a type that an attribute cannot have (a date, a picture).
fn value(column: &ArrayRef, at: usize) -> Option<AttributeValue> {
    if column.is_null(at) {
        return None;
    }
    macro_rules! number {
        ($type:ty) => {
            AttributeValue::Number(column.as_primitive::<$type>().value(at) as f64)
        };
    }
    let value = match column.data_type() {
        DataType::Utf8 => AttributeValue::Text(column.as_string::<i32>().value(at).into()),
        DataType::LargeUtf8 => AttributeValue::Text(column.as_string::<i64>().value(at).into()),
        DataType::Utf8View => AttributeValue::Text(column.as_string_view().value(at).into()),
        DataType::Boolean => AttributeValue::Bool(column.as_boolean().value(at)),
        DataType::Float64 => number!(Float64Type),
        DataType::Float32 => number!(Float32Type),
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::List(_) => list(&column.as_list::<i32>().value(at)),
        DataType::LargeList(_) => list(&column.as_list::<i64>().value(at)),
        _ => return None,
    };
    match value {
        AttributeValue::Number(number) if !number.is_finite() => None,
        AttributeValue::Text(text) if text.trim().is_empty() => None,
        value => Some(value),
    }
}

fn list(elements: &ArrayRef) -> AttributeValue {
    let words = (0..elements.len()).filter_map(|at| Some(value(elements, at)?.to_string()));
    AttributeValue::List(words.collect())
}
