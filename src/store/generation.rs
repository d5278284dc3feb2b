//! New vectors beside the old ones: the next generation of a store's tables.
//!
//! The tables of generation 0 are `photos.lance` and `rejects.lance`, those of generation N
//! `photos-N.lance` and `rejects-N.lance`; `showroom.json` says which generation counts. The next one is
//! filled while everybody reads the one that counts, and then counts at the moment in which a new
//! `showroom.json` is renamed over the old one. A process that is killed before leaves the old one
//! as it was, and `reindex.json`, which lets the work be taken up again.
//!
//! The old tables stay for those who still read them, until the catalogue is compacted.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use showroom_catalog::manifest::StoreManifest;
use showroom_catalog::seams::StoreError;

use crate::error::file_failed;
use crate::meta;
use crate::open::{self, LanceCatalogue, Writer};
use crate::schema::{self, PHOTOS, REJECTS};

const PLAN: &str = "reindex.json";

/// What a generation that does not count yet is made for.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Plan {
    generation: u32,
    manifest: StoreManifest,
    /// Version of the old photos when the work began: where they have changed since, it begins anew.
    photos_version: u64,
}

/// Name of a table in a generation.
pub(crate) fn table_name(table: &str, generation: u32) -> String {
    match generation {
        0 => table.to_string(),
        generation => format!("{table}-{generation}"),
    }
}

impl LanceCatalogue {
    /// The next generation, made with `manifest`: empty, or as it was left by a process that began the
    /// same and was stopped, as long as the photos have not changed since. Needs the right to write,
    /// which both then have.
    pub async fn next_generation(
        &self,
        manifest: &StoreManifest,
    ) -> Result<LanceCatalogue, StoreError> {
        let lock = Arc::clone(&self.writer()?.lock);
        open::check_wanted(&self.at, manifest)?;
        let version = self.photos.version().await;
        let plan = Plan {
            generation: self.generation + 1,
            manifest: manifest.clone(),
            photos_version: version.map_err(|error| self.failed(error))?,
        };
        let file = self.dir.join(PLAN);
        let begun = fs::read(&file).ok();
        let begun: Option<Plan> = begun.and_then(|text| serde_json::from_slice(&text).ok());
        if begun.as_ref() != Some(&plan) {
            self.begin(&file, &plan).await?;
        }
        let writer = Writer::new(lock);
        let (dir, at) = (&self.dir, self.at.clone());
        open::open_generation(dir, at, manifest.clone(), plan.generation, Some(writer)).await
    }

    /// Makes empty tables, and notes what they are for when they are there.
    async fn begin(&self, file: &Path, plan: &Plan) -> Result<(), StoreError> {
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(file_failed(&self.at, file, &error));
            }
            _ => {}
        }
        self.remove_tables(|generation| generation == plan.generation)?;
        let connection = open::connect(&self.dir, &self.at, None).await?;
        for (table, columns) in [
            (PHOTOS, schema::photos(&plan.manifest.dimensions)),
            (REJECTS, schema::rejects()),
        ] {
            let name = table_name(table, plan.generation);
            open::make_table(&connection, &self.dir, &self.at, &name, columns).await?;
        }
        meta::write_json(file, &self.at, plan)
    }

    /// From now on `next` counts. Whoever has the catalogue open reads on in the old tables; whoever
    /// opens it from here on, the new ones.
    pub async fn switch_to(self, next: &LanceCatalogue) -> Result<(), StoreError> {
        // All that was written, indices too, is on the disk before anything names it.
        next.sync(SystemTime::UNIX_EPOCH).await?;
        meta::write_manifest(&self.dir, &self.at, &next.manifest, next.generation)?;
        meta::sync_folder(&self.dir, &self.at)?;
        // Only tidying: the plan of a generation that counts is never taken up.
        let _ = fs::remove_file(self.dir.join(PLAN));
        Ok(())
    }

    /// Removes the tables of the generations before this one.
    pub(crate) fn remove_old_generations(&self) -> Result<(), StoreError> {
        self.remove_tables(|generation| generation < self.generation)
    }

    fn remove_tables(&self, which: impl Fn(u32) -> bool) -> Result<(), StoreError> {
        for table in [PHOTOS, REJECTS] {
            for generation in (0..=self.generation + 1).filter(|at| which(*at)) {
                let name = table_name(table, generation);
                let path = self.dir.join(format!("{name}.lance"));
                match fs::remove_dir_all(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(file_failed(&self.at, &path, &error));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}
