//! The paths that the user named as one source: feeds, folders, photos.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use showroom_catalog::feed::Table;
use showroom_catalog::seams::Source;
use showroom_pipeline::{
    CsvTable, FeedSource, FolderSource, JsonTable, Mapping, SkuFrom, Sources, Survey, Unclaimed,
    Web, is_feed,
};
use showroom_store::ParquetTable;

use crate::args::FeedArgs;
use crate::config::Config;
use crate::exit::Failure;
use crate::table::{counted, plain, print, print_json, table};

/// A feed as it was understood: `ingest --dry-run --json` prints one a line.
#[derive(Serialize)]
struct Preview<'a> {
    #[serde(flatten)]
    survey: &'a Survey,
    photos: u64,
    /// Products without photos, photos that are not there, rows that cannot be used; the first of
    /// them in words.
    problems: u64,
    first_problems: Vec<String>,
    photos_without_product: Option<Unclaimed>,
}

/// Problems that a preview tells.
const MOST_PROBLEMS: usize = 20;

/// What the user named, opened.
pub struct Opened {
    pub feeds: Vec<FeedSource>,
    pub folders: Option<FolderSource>,
    web: Option<Web>,
}

impl Opened {
    pub fn new(paths: &[PathBuf], feed: &FeedArgs, sku_from: SkuFrom) -> Result<Opened, Failure> {
        let is_feed = |path: &&PathBuf| path.is_file() && is_feed(path);
        let (feeds, others): (Vec<&PathBuf>, Vec<&PathBuf>) = paths.iter().partition(is_feed);
        let folders = match others.is_empty() {
            true => None,
            false => Some(FolderSource::new(&others, sku_from)?),
        };
        let mapping = mapping(feed)?;
        let web = feed.fetch.web();
        let feeds = feeds
            .into_iter()
            .map(|path| {
                Ok(
                    FeedSource::new(open(path)?, &mapping, feed.image_root.as_deref())?
                        .with_web(web.clone()),
                )
            })
            .collect::<Result<_, Failure>>()?;
        Ok(Opened {
            feeds,
            folders,
            web,
        })
    }

    /// Photos below the image root that no feed names.
    pub fn tell_unclaimed(&self, config: &Config) -> Result<(), Failure> {
        for feed in &self.feeds {
            if let Some(unclaimed) = feed.unclaimed()?.filter(|unclaimed| unclaimed.photos > 0) {
                let first = unclaimed.first.first().map_or("", String::as_str);
                let photos = counted(unclaimed.photos, "photo");
                config.say(format!(
                    "{photos} below the image root without a product in the feed, first {}",
                    plain(first)
                ));
            }
        }
        Ok(())
    }

    /// All of it as one source.
    pub fn into_source(self) -> Sources {
        let feeds = self
            .feeds
            .into_iter()
            .map(|feed| Box::new(feed) as Box<dyn Source>);
        let folders = self
            .folders
            .map(|folder| Box::new(folder) as Box<dyn Source>);
        Sources::new(feeds.chain(folders).collect(), self.web)
    }

    /// Says what was understood of the feeds.
    pub fn preview(&self, config: &Config) -> Result<(), Failure> {
        if self.feeds.is_empty() {
            return Err(Failure::Usage(
                "--dry-run previews feeds, and no .csv, .tsv, .jsonl or .parquet file is named"
                    .into(),
            ));
        }
        for feed in &self.feeds {
            let preview = preview(feed)?;
            match config.json {
                true => print_json(&preview)?,
                false => show(&preview)?,
            }
        }
        Ok(())
    }
}

fn open(path: &Path) -> Result<Box<dyn Table>, Failure> {
    let bad = |reason: &dyn std::fmt::Display| {
        Failure::BadInput(format!("{} cannot be read: {reason}", path.display()))
    };
    let full = path.canonicalize().map_err(|error| bad(&error))?;
    let Some(full) = full.to_str().map(str::to_string) else {
        return Err(bad(&"its path is not UTF-8; rename it"));
    };
    let ending = path
        .extension()
        .map(|e| e.to_string_lossy().to_ascii_lowercase());
    Ok(match ending.as_deref() {
        Some("jsonl" | "ndjson") => Box::new(JsonTable::new(full)),
        Some("parquet") => Box::new(ParquetTable::new(full)),
        _ => Box::new(CsvTable::new(full)),
    })
}

fn mapping(feed: &FeedArgs) -> Result<Mapping, Failure> {
    let mut mapping = match &feed.mapping {
        None => Mapping::default(),
        Some(path) => {
            let bad = |error: &dyn std::fmt::Display| {
                Failure::BadInput(format!("{}: {error}", path.display()))
            };
            let text = fs::read_to_string(path).map_err(|error| bad(&error))?;
            toml::from_str(&text).map_err(|error| bad(&error))?
        }
    };
    for said in &feed.map {
        mapping.add(said).map_err(Failure::Usage)?;
    }
    Ok(mapping)
}

fn preview(feed: &FeedSource) -> Result<Preview<'_>, Failure> {
    let mut preview = Preview {
        survey: feed.survey(),
        photos: 0,
        problems: 0,
        first_problems: Vec::new(),
        photos_without_product: feed.unclaimed()?,
    };
    feed.list(&mut |found| {
        match found {
            Ok(_) => preview.photos += 1,
            Err(reject) => {
                preview.problems += 1;
                if preview.first_problems.len() < MOST_PROBLEMS {
                    let uri = &reject.source.uri;
                    preview
                        .first_problems
                        .push(format!("{uri}: {}", reject.reason));
                }
            }
        }
        true
    })?;
    Ok(preview)
}

fn show(preview: &Preview) -> Result<(), Failure> {
    let survey = preview.survey;
    print(format!(
        "{}: {}, {}, {}, {}",
        plain(&survey.feed),
        counted(survey.rows, "row"),
        counted(survey.products, "product"),
        counted(preview.photos, "photo"),
        counted(preview.problems, "problem"),
    ))?;
    let mut columns = table(&["COLUMN", "TAKEN AS", "FILLED", "FOR INSTANCE"]);
    for column in &survey.columns {
        let taken = match (&column.attribute, column.kind) {
            (Some(name), Some(kind)) => format!("{} {name}", kind.name()),
            _ => column.role.to_string(),
        };
        columns.add_row([
            plain(&column.heading),
            taken,
            column.filled.to_string(),
            plain(&column.samples.join(" · ")),
        ]);
    }
    print(columns)?;
    if survey.repeated_skus > 0 {
        let rows = counted(survey.repeated_skus, "row");
        print(format!(
            "{rows} with a SKU that came before, elsewhere in the feed"
        ))?;
    }
    for problem in &preview.first_problems {
        print(plain(problem))?;
    }
    if let Some(unclaimed) = preview
        .photos_without_product
        .as_ref()
        .filter(|u| u.photos > 0)
    {
        print(format!(
            "{} without a product:",
            counted(unclaimed.photos, "photo")
        ))?;
        for uri in &unclaimed.first {
            print(plain(uri))?;
        }
    }
    Ok(())
}
