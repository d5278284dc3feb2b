//! Reading every row and saying what is wrong with it.

use std::collections::HashSet;

use arrow_array::RecordBatch;
use futures::TryStreamExt;
use lancedb::query::{ExecutableQuery, QueryBase, Select};
use showroom_catalog::embedding::dot;
use showroom_catalog::seams::StoreError;
use showroom_catalog::{Record, VectorName};

use crate::decode::{self, Rows};
use crate::encode::category_terms;
use crate::open::LanceCatalogue;
use crate::read::small_batches;
use crate::{attributes, schema};

/// Problems that are told one by one.
const MOST_PROBLEMS: usize = 100;

/// How far the length of a vector may be from 1, and the sum of the class probabilities from 1:
/// they are f32 and sums of thousands of them.
const LENGTH_TOLERANCE: f32 = 1e-3;
const SUM_TOLERANCE: f32 = 1e-2;

/// What was found, the first of it in words.
#[derive(Default)]
struct Problems {
    told: Vec<String>,
    more: usize,
}

impl Problems {
    fn add(&mut self, problem: String) {
        if self.told.len() < MOST_PROBLEMS {
            self.told.push(problem);
        } else {
            self.more += 1;
        }
    }

    fn into_list(mut self) -> Vec<String> {
        if self.more > 0 {
            self.told.push(format!("and {} more", self.more));
        }
        self.told
    }
}

impl LanceCatalogue {
    pub(crate) async fn problems(&self) -> Result<Vec<String>, StoreError> {
        let mut problems = Problems::default();
        if let Err(error) = self.check_photos(&mut problems).await {
            problems.add(format!("the photos cannot be read to the end: {error}"));
        }
        match self.all_rejects().await {
            Ok(rejects) => {
                // They are in the order of their URIs.
                for pair in rejects
                    .windows(2)
                    .filter(|p| p[0].source.uri == p[1].source.uri)
                {
                    problems.add(format!("{}: rejected twice", pair[0].source.uri));
                }
            }
            Err(error) => problems.add(format!("the rejects cannot be read: {error}")),
        }
        Ok(problems.into_list())
    }

    async fn check_photos(&self, problems: &mut Problems) -> Result<(), StoreError> {
        let table = self.snapshot().await?;
        let schema = table.schema().await.map_err(|error| self.failed(error))?;
        let mut columns = schema::tag_columns();
        columns.extend(attributes::columns(&schema));
        columns.push(schema::CLASSES.into());
        columns.extend(VectorName::ALL.map(|name| name.name().to_string()));
        let query = table.query().select(Select::columns(&columns));
        let batches = query.execute_with_options(small_batches()).await;
        let mut batches = batches.map_err(|error| self.failed(error))?;
        let mut uris = HashSet::new();
        while let Some(batch) = batches
            .try_next()
            .await
            .map_err(|error| self.failed(error))?
        {
            for at in 0..batch.num_rows() {
                check_row(&batch.slice(at, 1), &mut uris, problems);
            }
        }
        Ok(())
    }
}

fn check_row(row: &RecordBatch, uris: &mut HashSet<String>, problems: &mut Problems) {
    let record = match decode::records(row) {
        Ok(mut records) => match records.pop() {
            Some(record) => record,
            None => return,
        },
        Err(reason) => return problems.add(reason),
    };
    let uri = record.source.uri.clone();
    for problem in problems_of(&record, row) {
        problems.add(format!("{uri}: {problem}"));
    }
    if let Some(uri) = uris.replace(uri) {
        problems.add(format!("{uri}: in the table twice"));
    }
}

fn problems_of(record: &Record, row: &RecordBatch) -> Vec<String> {
    let mut problems = Vec::new();
    for name in VectorName::ALL {
        let vector = record.vectors.get(name);
        let length = dot(vector, vector).sqrt();
        let may_be = match name {
            VectorName::Shape => 1.0..=1.0,
            // A photo without a product has no colours.
            VectorName::Colour if length == 0.0 => 0.0..=0.0,
            VectorName::Colour => 1.0..=1.0,
            // Shorter by what is not known of the photo: colours that have no name, say.
            VectorName::Text => 0.0..=1.0,
        };
        let name = name.name();
        let off = (may_be.start() - length).max(length - may_be.end());
        if !length.is_finite() {
            problems.push(format!("its {name} vector is not finite"));
        } else if off > LENGTH_TOLERANCE {
            problems.push(format!(
                "its {name} vector has length {length}, not {}",
                may_be.end()
            ));
        }
    }
    let classes = &record.classes;
    let sum: f32 = classes.iter().sum();
    let in_range = |number: &f32| (0.0..=1.0 + SUM_TOLERANCE).contains(number);
    if !classes.iter().all(in_range) || (sum - 1.0).abs() > SUM_TOLERANCE {
        problems.push(format!("its class probabilities add up to {sum}, not 1"));
    }
    if let Some(category) = &record.category {
        if category.path.last() != Some(&category.name) {
            problems.push("its category is not the end of its path".into());
        }
        if category.ancestors().count() != category.path.len() {
            problems.push(format!(
                "its category {} is not on the level of its path",
                category.id
            ));
        }
        if !(0.0..=1.0).contains(&category.score) {
            problems.push(format!("its category has the score {}", category.score));
        }
    }
    if Rows(row).word_list("category_terms", 0).as_ref() != Ok(&category_terms(record)) {
        problems.push("its category_terms are not those of its category".into());
    }
    problems
}
