//! Indices, compaction and numbers about a store.

use std::collections::BTreeMap;
use std::time::SystemTime;

use lancedb::index::Index;
use lancedb::index::scalar::{BTreeIndexBuilder, FtsIndexBuilder, LabelListIndexBuilder};
use lancedb::index::vector::IvfHnswSqIndexBuilder;
use lancedb::table::{CompactionOptions, Duration, OptimizeAction, OptimizeOptions};
use lancedb::{DistanceType, Table};
use showroom_catalog::seams::{Columns, IndexStats, Stats, StoreError};
use showroom_catalog::{Query, QueryPart, Record, VectorName};

use crate::INDEX_FROM_ROWS;
use crate::best::Best;
use crate::meta::{self, Measured};
use crate::open::LanceCatalogue;
use crate::read::ROWS_AT_ONCE;
use crate::schema::TITLE;

/// An index that misses more than one row in this many is built anew, not added to: new rows go
/// into the old partitions, which fit them less and less.
const REBUILD_SHARE: usize = 4;

/// Neighbours that are looked at to place a row in the graph. Lance's default of 300 takes twice the
/// time (6.3 against 3.0 CPU seconds for 10,000 rows of 1,280 numbers); both found all of the ten nearest.
const PLACING_EFFORT: u32 = 100;

/// Rows whose neighbours are looked for, both ways, to measure recall.
const RECALL_SAMPLES: usize = 50;
const RECALL_AT: usize = 10;

/// Rows in a file after compaction. Files that have as many are left alone, so that compacting a
/// big table does not write it all again.
const ROWS_IN_FILE: usize = 65_536;

/// Versions younger than this are kept: a reader may be in the middle of one.
const KEEP_VERSIONS_MIN: i64 = 60;

impl LanceCatalogue {
    pub(crate) async fn build_indices(&self) -> Result<Stats, StoreError> {
        // Held, so that nothing is written meanwhile.
        let _writing = self.writer()?.etags.lock().await;
        let rows = self.count(&self.photos, None).await?;
        if rows < INDEX_FROM_ROWS {
            return self.numbers().await;
        }
        for column in ["uri", "sku"] {
            self.index(column, Index::BTree(BTreeIndexBuilder::default()), rows)
                .await?;
        }
        for column in ["category_terms", "colour_names"] {
            self.index(
                column,
                Index::LabelList(LabelListIndexBuilder::default()),
                rows,
            )
            .await?;
        }
        if self.has_titles().await? {
            self.index(TITLE, Index::FTS(FtsIndexBuilder::default()), rows)
                .await?;
        }
        for name in VectorName::ALL {
            let kind = IvfHnswSqIndexBuilder::default()
                .distance_type(DistanceType::Dot)
                .ef_construction(PLACING_EFFORT);
            self.index(name.name(), Index::IvfHnswSq(kind), rows)
                .await?;
        }
        let mut measured = BTreeMap::new();
        for name in VectorName::ALL {
            if let Some(recall_at_10) = self.recall(name).await? {
                measured.insert(name.name().to_string(), Measured { recall_at_10, rows });
            }
        }
        meta::write_measured(&self.dir, &self.at, &measured)?;
        self.numbers().await
    }

    async fn has_titles(&self) -> Result<bool, StoreError> {
        let schema = self.photos.schema().await;
        let schema = schema.map_err(|error| self.failed(error))?;
        if schema.field_with_name(TITLE).is_err() {
            return Ok(false);
        }
        let titled = format!("{TITLE} is not null");
        Ok(self.count(&self.photos, Some(&titled)).await? > 0)
    }

    /// Builds the index of a column, or adds the rows that it misses where they are few.
    async fn index(&self, column: &str, kind: Index, rows: usize) -> Result<(), StoreError> {
        let existing = self.indices().await?;
        let existing = existing.iter().find(|(_, index)| index.column == column);
        let done = match existing {
            Some((_, index)) if index.unindexed_rows == 0 => return Ok(()),
            Some((name, index)) if index.unindexed_rows * REBUILD_SHARE < rows => {
                let options = OptimizeOptions::merge(1).index_names(vec![name.clone()]);
                self.photos
                    .optimize(OptimizeAction::Index(options))
                    .await
                    .map(|_| ())
            }
            _ => self.photos.create_index(&[column], kind).execute().await,
        };
        done.map_err(|error| self.failed(error))
    }

    /// Share of the true ten nearest that the index of a vector finds, over sampled rows; `None`
    /// where no row has such a vector. A row as near as the tenth is as good as the tenth.
    async fn recall(&self, name: VectorName) -> Result<Option<f32>, StoreError> {
        let table = self.snapshot().await?;
        let samples = self.samples(&table).await?;
        let query_of = |record: &Record| Query {
            parts: vec![QueryPart {
                on: name,
                vector: record.vectors.get(name).to_vec(),
                weight: 1.0,
            }],
            k: RECALL_AT,
            exact: false,
            ..Query::default()
        };
        let mut searches: Vec<(Query, Best)> = samples
            .iter()
            .filter(|record| record.vectors.get(name).iter().any(|number| *number != 0.0))
            .map(|record| (query_of(record), Best::new(RECALL_AT)))
            .collect();
        self.compare_all(&table, None, &mut searches).await?;
        let (mut found, mut wanted) = (0, 0);
        for (query, best) in searches {
            let true_best = best.in_order();
            let Some(last) = true_best.last().map(|candidate| candidate.score) else {
                continue;
            };
            let hits = self.search_rows(query).await?.hits;
            found += hits.iter().filter(|hit| hit.score >= last).count();
            wanted += true_best.len();
        }
        Ok((wanted > 0).then(|| found as f32 / wanted as f32))
    }

    /// Rows spread evenly over the table.
    async fn samples(&self, table: &Table) -> Result<Vec<Record>, StoreError> {
        let rows = self.uris(table, None).await?;
        let step = (rows.len() / RECALL_SAMPLES).max(1);
        let ids: Vec<u64> = rows
            .iter()
            .step_by(step)
            .take(RECALL_SAMPLES)
            .map(|row| row.1)
            .collect();
        self.take(table, &ids, Columns::All).await
    }

    pub(crate) async fn compact_files(&self) -> Result<Stats, StoreError> {
        let _writing = self.writer()?.etags.lock().await;
        let since = SystemTime::now();
        let tables = [&self.photos, &self.rejects];
        for table in tables {
            let options = CompactionOptions {
                target_rows_per_fragment: ROWS_IN_FILE,
                batch_size: Some(ROWS_AT_ONCE),
                num_threads: Some(1),
                ..CompactionOptions::default()
            };
            let compacted = table.optimize(OptimizeAction::Compact {
                options,
                remap_options: None,
            });
            compacted.await.map_err(|error| self.failed(error))?;
        }
        // Before anything old goes.
        self.sync(since).await?;
        for table in tables {
            let pruned = table.optimize(OptimizeAction::Prune {
                older_than: Some(Duration::minutes(KEEP_VERSIONS_MIN)),
                // Nobody else writes, so what no version names was left by a write that was killed.
                delete_unverified: Some(true),
                error_if_tagged_old_versions: Some(false),
            });
            pruned.await.map_err(|error| self.failed(error))?;
        }
        self.remove_old_generations()?;
        self.numbers().await
    }

    pub(crate) async fn numbers(&self) -> Result<Stats, StoreError> {
        let table = self.snapshot().await?;
        let files = table.stats().await.map_err(|error| self.failed(error))?;
        let version = table.version().await.map_err(|error| self.failed(error))?;
        let indices = self.indices().await?;
        Ok(Stats {
            photos: self.count(&table, None).await?,
            rejects: self.count(&self.rejects, None).await?,
            categorised: self.count(&table, Some("category_id is not null")).await?,
            bytes_on_disk: meta::bytes_below(&self.dir),
            table_version: version,
            fragments: files.fragment_stats.num_fragments,
            indices: indices.into_iter().map(|(_, index)| index).collect(),
            manifest: self.manifest.clone(),
        })
    }

    /// Name and numbers of each index of the photos, in the order of their columns.
    async fn indices(&self) -> Result<Vec<(String, IndexStats)>, StoreError> {
        let measured = meta::read_measured(&self.dir);
        let configs = self.photos.list_indices().await;
        let mut indices = Vec::new();
        for config in configs.map_err(|error| self.failed(error))? {
            let numbers = self.photos.index_stats(&config.name).await;
            let numbers = numbers.map_err(|error| self.failed(error))?;
            let column = config.columns.first().cloned().unwrap_or_default();
            let recall_at_10 = measured.get(&column).map(|measured| measured.recall_at_10);
            let index = IndexStats {
                kind: config.index_type.to_string(),
                unindexed_rows: numbers.map_or(0, |numbers| numbers.num_unindexed_rows),
                recall_at_10,
                column,
            };
            indices.push((config.name, index));
        }
        indices.sort_by(|a, b| a.1.column.cmp(&b.1.column));
        Ok(indices)
    }

    pub(crate) async fn count(
        &self,
        table: &Table,
        which: Option<&str>,
    ) -> Result<usize, StoreError> {
        let rows = table.count_rows(which.map(String::from)).await;
        rows.map_err(|error| self.failed(error))
    }
}
