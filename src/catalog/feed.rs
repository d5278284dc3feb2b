//! A shop's feed as rows: what every file format of a feed is read into.

use crate::product::AttributeValue;
use crate::seams::SourceError;

/// One cell that is not empty.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Text of a format that knows no types: whether it is a number its whole column must say.
    Untyped(String),
    Value(AttributeValue),
}

/// One row, its cells under their headings, in the order of the file, empty ones left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Line of the file from 1, the heading included where there is one; of Parquet the row from 1.
    pub number: u64,
    pub cells: Vec<(String, Cell)>,
}

/// A row that cannot be read, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct BadRow {
    pub number: u64,
    pub reason: String,
}

/// A feed's file, read from its beginning as often as it is asked.
pub trait Table: Send + Sync {
    /// Absolute path.
    fn path(&self) -> &str;

    /// Calls `each` with every row, in the order of the file, until it returns `false`. Holds a
    /// bounded number of rows in memory. Fails where the file as a whole cannot be read.
    fn rows(&self, each: &mut dyn FnMut(Result<Row, BadRow>) -> bool) -> Result<(), SourceError>;
}
