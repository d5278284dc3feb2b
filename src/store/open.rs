//! A store on the local disk: how it is made, opened and locked.
//!
//! A store is a folder with the tables `photos.lance` and `rejects.lance` and, written last when it
//! is made, `showroom.json`. So where `showroom.json` is, the tables must be; where it is not, there
//! is no store yet.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow_schema::SchemaRef;
use lancedb::{Connection, Table};
use showroom_catalog::manifest::{STORE_FORMAT, StoreManifest};
use showroom_catalog::seams::{ExactSearch, StoreError};
use tokio::sync::Mutex;

use crate::accelerator::Accelerator;
use crate::error::{failed, file_failed};
use crate::etags::Etags;
use crate::generation::table_name;
use crate::hot::Hot;
use crate::meta;
use crate::schema::{self, PHOTOS, REJECTS};

/// Longest vector, in numbers.
const MAX_DIMENSION: usize = 65_536;

/// A catalogue in a folder of the local disk, in Lance's format.
///
/// One process at a time opens it for writing; any number read, without a lock, and each query
/// sees what was written before it began.
pub struct LanceCatalogue {
    pub(crate) dir: PathBuf,
    /// The folder as the user wrote it, for sentences.
    pub(crate) at: String,
    pub(crate) manifest: StoreManifest,
    /// Of its tables; see `generation.rs`.
    pub(crate) generation: u32,
    pub(crate) photos: Table,
    pub(crate) rejects: Table,
    /// `None` where it was opened for reading.
    pub(crate) writer: Option<Writer>,
    /// What exact searches ask first; `None` where the CPU compares every row.
    pub(crate) accelerator: Option<Accelerator>,
    /// Vectors that stay in memory; `None` where each search reads them.
    pub(crate) hot: Option<Hot>,
}

/// The right to write.
pub(crate) struct Writer {
    /// Held, never read: the operating system frees the lock when the process ends. Shared with the
    /// next generation.
    pub(crate) lock: Arc<File>,
    /// What the tables hold; `None` until it is needed, and again after a write that failed or was
    /// broken off. Locked while a write goes on.
    pub(crate) etags: Mutex<Option<Etags>>,
}

impl Writer {
    pub(crate) fn new(lock: Arc<File>) -> Writer {
        Writer {
            lock,
            etags: Mutex::new(None),
        }
    }
}

impl LanceCatalogue {
    /// Opens the store in `dir` for writing, and makes it where there is none.
    ///
    /// Fails with [`StoreError::OtherModel`] where it was made with another encoder than
    /// `manifest` names, and with [`StoreError::Locked`] where another process writes to it.
    pub async fn create_or_open_for_write(
        dir: &Path,
        manifest: &StoreManifest,
    ) -> Result<LanceCatalogue, StoreError> {
        let at = dir.display().to_string();
        check_wanted(&at, manifest)?;
        // What is refused is refused before anything is written.
        let found = meta::read_manifest(dir, &at)?;
        if let Some(found) = &found {
            check_same(&at, found, manifest)?;
        }
        fs::create_dir_all(dir).map_err(|error| file_failed(&at, dir, &error))?;
        let lock = meta::lock(dir, &at)?;
        if meta::read_manifest(dir, &at)?.is_none() {
            let connection = connect(dir, &at, None).await?;
            make_table(
                &connection,
                dir,
                &at,
                PHOTOS,
                schema::photos(&manifest.dimensions),
            )
            .await?;
            make_table(&connection, dir, &at, REJECTS, schema::rejects()).await?;
            meta::write_manifest(dir, &at, manifest, 0)?;
        }
        open(dir, at, Some(lock)).await
    }

    /// Opens the store in `dir` for writing, whatever encoder made it: to delete, index, compact.
    pub async fn open_for_write(dir: &Path) -> Result<LanceCatalogue, StoreError> {
        let at = dir.display().to_string();
        if meta::read_manifest(dir, &at)?.is_none() {
            return Err(StoreError::NotFound { at });
        }
        let lock = meta::lock(dir, &at)?;
        open(dir, at, Some(lock)).await
    }

    /// Opens the store in `dir` for reading.
    pub async fn open_for_read(dir: &Path) -> Result<LanceCatalogue, StoreError> {
        open(dir, dir.display().to_string(), None).await
    }

    /// Lets exact searches, and the measuring of recall, find their hits through `search`. The
    /// answers stay the same: hits, order, scores and what each part contributed.
    ///
    /// Where `search` fails the CPU does the work, and `tell` is given a sentence about it; the same
    /// sentence is not given twice in a row.
    pub fn with_exact_search(
        mut self,
        search: Arc<dyn ExactSearch>,
        tell: impl Fn(&str) + Send + Sync + 'static,
    ) -> LanceCatalogue {
        self.accelerator = Some(Accelerator::new(search, tell));
        self
    }

    pub(crate) fn failed(&self, error: lancedb::Error) -> StoreError {
        failed(&self.at, &error)
    }

    pub(crate) fn damaged(&self, reason: impl Into<String>) -> StoreError {
        StoreError::Damaged {
            at: self.at.clone(),
            reason: reason.into(),
        }
    }

    pub(crate) fn writer(&self) -> Result<&Writer, StoreError> {
        self.writer.as_ref().ok_or_else(|| StoreError::Failed {
            at: self.at.clone(),
            reason: "it was opened for reading".into(),
        })
    }
}

async fn open(dir: &Path, at: String, lock: Option<File>) -> Result<LanceCatalogue, StoreError> {
    let Some((manifest, generation)) = meta::read_kept(dir, &at)? else {
        return Err(StoreError::NotFound { at });
    };
    let writer = lock.map(|lock| Writer::new(Arc::new(lock)));
    open_generation(dir, at, manifest, generation, writer).await
}

/// Opens the tables of one generation, which were made with `manifest`.
pub(crate) async fn open_generation(
    dir: &Path,
    at: String,
    manifest: StoreManifest,
    generation: u32,
    writer: Option<Writer>,
) -> Result<LanceCatalogue, StoreError> {
    // A reader asks for the newest version with every query; the one writer knows it.
    let interval = writer.is_none().then_some(Duration::ZERO);
    let connection = connect(dir, &at, interval).await?;
    let photos = open_table(&connection, &at, &table_name(PHOTOS, generation)).await?;
    let rejects = open_table(&connection, &at, &table_name(REJECTS, generation)).await?;
    let found = photos.schema().await.map_err(|error| failed(&at, &error))?;
    check_columns(&at, &found, &schema::photos(&manifest.dimensions))?;
    Ok(LanceCatalogue {
        dir: dir.to_path_buf(),
        at,
        manifest,
        generation,
        photos,
        rejects,
        writer,
        accelerator: None,
        hot: None,
    })
}

pub(crate) async fn connect(
    dir: &Path,
    at: &str,
    interval: Option<Duration>,
) -> Result<Connection, StoreError> {
    let absolute = fs::canonicalize(dir).map_err(|error| file_failed(at, dir, &error))?;
    let uri = absolute.to_str().ok_or_else(|| StoreError::Failed {
        at: at.into(),
        reason: "its path is not valid UTF-8; use another --store".into(),
    })?;
    let mut builder = lancedb::connect(uri);
    if let Some(interval) = interval {
        builder = builder.read_consistency_interval(interval);
    }
    builder.execute().await.map_err(|error| failed(at, &error))
}

async fn open_table(connection: &Connection, at: &str, name: &str) -> Result<Table, StoreError> {
    match connection.open_table(name).execute().await {
        Ok(table) => Ok(table),
        Err(lancedb::Error::TableNotFound { .. }) => Err(StoreError::Damaged {
            at: at.into(),
            reason: format!("its table {name} is missing"),
        }),
        Err(lancedb::Error::TableCorrupted { source, .. }) => {
            let StoreError::Failed { at, reason } = failed(at, source.as_ref()) else {
                return Err(failed(at, source.as_ref()));
            };
            Err(StoreError::Damaged {
                at,
                reason: format!("its table {name} cannot be read: {reason}"),
            })
        }
        Err(error) => Err(failed(at, &error)),
    }
}

/// Makes an empty table in the place of what an interrupted making left there. A table with rows
/// is never touched.
pub(crate) async fn make_table(
    connection: &Connection,
    dir: &Path,
    at: &str,
    name: &str,
    schema: SchemaRef,
) -> Result<(), StoreError> {
    if let Ok(table) = connection.open_table(name).execute().await {
        let rows = table.count_rows(None).await;
        if rows.map_err(|error| failed(at, &error))? > 0 {
            return Err(StoreError::Damaged {
                at: at.into(),
                reason: "it has rows and no showroom.json".into(),
            });
        }
    }
    let left = dir.join(format!("{name}.lance"));
    if left.exists() {
        fs::remove_dir_all(&left).map_err(|error| file_failed(at, &left, &error))?;
    }
    connection
        .create_empty_table(name, schema)
        .execute()
        .await
        .map_err(|error| failed(at, &error))?;
    Ok(())
}

pub(crate) fn check_wanted(at: &str, manifest: &StoreManifest) -> Result<(), StoreError> {
    let dimensions = &manifest.dimensions;
    let lengths = [
        dimensions.shape,
        dimensions.colour,
        dimensions.text,
        dimensions.classes,
    ];
    if manifest.format == STORE_FORMAT
        && lengths
            .iter()
            .all(|length| (1..=MAX_DIMENSION).contains(length))
    {
        return Ok(());
    }
    Err(StoreError::Failed {
        at: at.into(),
        reason: format!("no store can be made with {manifest:?}"),
    })
}

fn check_same(at: &str, found: &StoreManifest, wanted: &StoreManifest) -> Result<(), StoreError> {
    if found == wanted {
        return Ok(());
    }
    let name = |manifest: &StoreManifest| {
        if found.encoder == wanted.encoder {
            format!("{} ({:?})", manifest.encoder, manifest.dimensions)
        } else {
            manifest.encoder.clone()
        }
    };
    Err(StoreError::OtherModel {
        at: at.into(),
        found: name(found),
        wanted: name(wanted),
    })
}

fn check_columns(at: &str, found: &SchemaRef, wanted: &SchemaRef) -> Result<(), StoreError> {
    for field in wanted.fields() {
        if field.name() == schema::TITLE && found.field_with_name(schema::TITLE).is_err() {
            continue;
        }
        let same = found
            .field_with_name(field.name())
            .is_ok_and(|found| found.data_type() == field.data_type());
        if !same {
            return Err(StoreError::Damaged {
                at: at.into(),
                reason: format!(
                    "its column {} is missing or of another type than showroom.json says",
                    field.name()
                ),
            });
        }
    }
    Ok(())
}
