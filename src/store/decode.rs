//! Rows of Arrow → records and rejects. Whatever is in the columns, the answer is a record or a
//! sentence, never a panic.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, FixedSizeListArray, RecordBatch, StringArray};
use showroom_catalog::{
    Category, Colour, Decision, Facts, Format, PhotoRef, Record, Reject, Stage, Tag, VectorName,
    Vectors,
};

use crate::attributes;
use crate::encode::decision_name;
use crate::schema::{CLASSES, TITLE};

/// Records of the rows; vectors and classes are empty where `batch` has no such columns. The error
/// says what is wrong with a row.
pub(crate) fn records(batch: &RecordBatch) -> Result<Vec<Record>, String> {
    let rows = Rows(batch);
    (0..batch.num_rows()).map(|at| rows.record(at)).collect()
}

pub(crate) fn rejects(batch: &RecordBatch) -> Result<Vec<Reject>, String> {
    let rows = Rows(batch);
    (0..batch.num_rows())
        .map(|at| {
            Ok(Reject {
                source: rows.source(at)?,
                stage: stage(&rows.word("stage", at)?)?,
                code: rows.word("code", at)?,
                reason: rows.word("reason", at)?,
                rejected_at_ms: rows.i64("rejected_at_ms", at)?,
            })
        })
        .collect()
}

/// A batch read by the names of its columns.
pub(crate) struct Rows<'a>(pub(crate) &'a RecordBatch);

impl<'a> Rows<'a> {
    fn column(&self, name: &str) -> Result<&'a ArrayRef, String> {
        self.0
            .column_by_name(name)
            .ok_or_else(|| format!("the column {name} is missing"))
    }

    pub(crate) fn words(&self, name: &str) -> Result<&'a StringArray, String> {
        self.column(name)?
            .as_string_opt::<i32>()
            .ok_or_else(|| format!("the column {name} is not text"))
    }

    pub(crate) fn word(&self, name: &str, at: usize) -> Result<String, String> {
        self.maybe_word(name, at)?
            .ok_or_else(|| format!("{name} is missing"))
    }

    pub(crate) fn maybe_word(&self, name: &str, at: usize) -> Result<Option<String>, String> {
        let words = self.words(name)?;
        Ok(words.is_valid(at).then(|| words.value(at).to_string()))
    }

    pub(crate) fn u64s(&self, name: &str) -> Result<&[u64], String> {
        self.column(name)?
            .as_primitive_opt::<UInt64Type>()
            .map(|column| &column.values()[..])
            .ok_or_else(|| format!("the column {name} does not hold u64"))
    }

    fn u64(&self, name: &str, at: usize) -> Result<u64, String> {
        Ok(self.u64s(name)?[at])
    }

    fn u32(&self, name: &str, at: usize) -> Result<u32, String> {
        self.column(name)?
            .as_primitive_opt::<UInt32Type>()
            .map(|column| column.value(at))
            .ok_or_else(|| format!("the column {name} does not hold u32"))
    }

    pub(crate) fn i64(&self, name: &str, at: usize) -> Result<i64, String> {
        self.column(name)?
            .as_primitive_opt::<Int64Type>()
            .map(|column| column.value(at))
            .ok_or_else(|| format!("the column {name} does not hold i64"))
    }

    fn maybe_f32(&self, name: &str, at: usize) -> Result<Option<f32>, String> {
        let column = self
            .column(name)?
            .as_primitive_opt::<Float32Type>()
            .ok_or_else(|| format!("the column {name} does not hold f32"))?;
        Ok(column.is_valid(at).then(|| column.value(at)))
    }

    pub(crate) fn f32(&self, name: &str, at: usize) -> Result<f32, String> {
        self.maybe_f32(name, at)?
            .ok_or_else(|| format!("{name} is missing"))
    }

    fn list(&self, name: &str, at: usize) -> Result<ArrayRef, String> {
        let lists = self
            .column(name)?
            .as_list_opt::<i32>()
            .ok_or_else(|| format!("the column {name} does not hold lists"))?;
        Ok(lists.value(at))
    }

    pub(crate) fn word_list(&self, name: &str, at: usize) -> Result<Vec<String>, String> {
        let list = self.list(name, at)?;
        let words = list
            .as_string_opt::<i32>()
            .ok_or_else(|| format!("the column {name} does not hold lists of text"))?;
        Ok(words.iter().map(|word| word.unwrap_or("").into()).collect())
    }

    fn number_list(&self, name: &str, at: usize) -> Result<Vec<Option<f32>>, String> {
        let list = self.list(name, at)?;
        let numbers = list
            .as_primitive_opt::<Float32Type>()
            .ok_or_else(|| format!("the column {name} does not hold lists of f32"))?;
        Ok(numbers.iter().collect())
    }

    /// The vectors of all rows one after another, and the length of each.
    pub(crate) fn vectors(&self, name: &str) -> Result<(&[f32], usize), String> {
        let bad = || format!("the column {name} does not hold vectors of f32");
        let lists: &FixedSizeListArray = self
            .column(name)?
            .as_fixed_size_list_opt()
            .ok_or_else(bad)?;
        let values = lists
            .values()
            .as_primitive_opt::<Float32Type>()
            .ok_or_else(bad)?;
        let length = usize::try_from(lists.value_length()).map_err(|_| bad())?;
        let start = lists.value_offset(0) as usize;
        values
            .values()
            .get(start..start + length * lists.len())
            .map(|all| (all, length))
            .ok_or_else(bad)
    }

    /// Empty where the batch has no such column.
    fn vector(&self, name: &str, at: usize) -> Result<Vec<f32>, String> {
        if self.0.column_by_name(name).is_none() {
            return Ok(Vec::new());
        }
        let (all, length) = self.vectors(name)?;
        Ok(all[at * length..(at + 1) * length].to_vec())
    }

    fn source(&self, at: usize) -> Result<PhotoRef, String> {
        Ok(PhotoRef {
            uri: self.word("uri", at)?,
            etag: self.word("etag", at)?,
            bytes: self.u64("listed_bytes", at)?,
            sku: self.maybe_word("sku", at)?,
        })
    }

    fn record(&self, at: usize) -> Result<Record, String> {
        let uri = self.word("uri", at)?;
        self.record_unnamed(at)
            .map_err(|error| format!("{uri}: {error}"))
    }

    fn record_unnamed(&self, at: usize) -> Result<Record, String> {
        Ok(Record {
            id: self
                .word("id", at)?
                .parse()
                .map_err(|error| format!("{error}"))?,
            source: self.source(at)?,
            title: match self.0.column_by_name(TITLE) {
                Some(_) => self.maybe_word(TITLE, at)?,
                None => None,
            },
            attributes: attributes::of_row(self.0, at)?,
            facts: Facts {
                width: self.u32("width", at)?,
                height: self.u32("height", at)?,
                bytes: self.u64("bytes", at)?,
                format: format(&self.word("format", at)?)?,
                sharpness: self.f32("sharpness", at)?,
                brightness: self.f32("brightness", at)?,
                clipped_dark: self.f32("clipped_dark", at)?,
                clipped_bright: self.f32("clipped_bright", at)?,
                border_white: self.f32("border_white", at)?,
                border_uniform: self.f32("border_uniform", at)?,
                transparent: self.f32("transparent", at)?,
                product_share: self.f32("product_share", at)?,
                phash: self.u64("phash", at)?,
            },
            category: self.category(at)?,
            colours: self.colours(at)?,
            labels: self.labels(at)?,
            classes: self.vector(CLASSES, at)?,
            vectors: Vectors {
                shape: self.vector(VectorName::Shape.name(), at)?,
                colour: self.vector(VectorName::Colour.name(), at)?,
                text: self.vector(VectorName::Text.name(), at)?,
            },
            tagger: self.word("tagger", at)?,
            ingested_at_ms: self.i64("ingested_at_ms", at)?,
        })
    }

    fn category(&self, at: usize) -> Result<Option<Category>, String> {
        let Some(id) = self.maybe_word("category_id", at)? else {
            return Ok(None);
        };
        Ok(Some(Category {
            id,
            name: self.word("category_name", at)?,
            path: self.word_list("category_path", at)?,
            score: self.f32("category_score", at)?,
            model: self.word("category_model", at)?,
        }))
    }

    fn colours(&self, at: usize) -> Result<Vec<Colour>, String> {
        let names = self.word_list("colour_names", at)?;
        let hexes = self.word_list("colour_hexes", at)?;
        let shares = self.number_list("colour_shares", at)?;
        if names.len() != hexes.len() || names.len() != shares.len() {
            return Err("the lists of its colours differ in length".into());
        }
        let parts = names.into_iter().zip(hexes).zip(shares);
        parts
            .map(|((name, hex), share)| {
                let share = share.ok_or("a share of a colour is missing")?;
                Ok(Colour { name, hex, share })
            })
            .collect()
    }

    fn labels(&self, at: usize) -> Result<Vec<Tag>, String> {
        let ids = self.word_list("label_ids", at)?;
        let names = self.word_list("label_names", at)?;
        let scores = self.number_list("label_scores", at)?;
        let calibrated = self.number_list("label_calibrated", at)?;
        let decisions = self.word_list("label_decisions", at)?;
        let sources = self.word_list("label_sources", at)?;
        let models = self.word_list("label_models", at)?;
        let lengths = [
            names.len(),
            scores.len(),
            calibrated.len(),
            decisions.len(),
            sources.len(),
            models.len(),
        ];
        if lengths.iter().any(|length| *length != ids.len()) {
            return Err("the lists of its labels differ in length".into());
        }
        (0..ids.len())
            .map(|label| {
                Ok(Tag {
                    id: ids[label].clone(),
                    name: names[label].clone(),
                    score: scores[label].ok_or("a score of a label is missing")?,
                    calibrated: calibrated[label],
                    decision: decision(&decisions[label])?,
                    source: sources[label].clone(),
                    model: models[label].clone(),
                })
            })
            .collect()
    }
}

fn format(name: &str) -> Result<Format, String> {
    use Format::{Bmp, Gif, Jpeg, Png, Tiff, Webp};
    [Jpeg, Png, Webp, Gif, Bmp, Tiff]
        .into_iter()
        .find(|format| format.name() == name)
        .ok_or_else(|| format!("no format is called {name:?}"))
}

fn stage(name: &str) -> Result<Stage, String> {
    use Stage::{Decode, Encode, Fetch, List, Tag, Write};
    [List, Fetch, Decode, Encode, Tag, Write]
        .into_iter()
        .find(|stage| stage.name() == name)
        .ok_or_else(|| format!("no stage is called {name:?}"))
}

fn decision(name: &str) -> Result<Decision, String> {
    [Decision::Accept, Decision::Review, Decision::Reject]
        .into_iter()
        .find(|decision| decision_name(*decision) == name)
        .ok_or_else(|| format!("no decision is called {name:?}"))
}
