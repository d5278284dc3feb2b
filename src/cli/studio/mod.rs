//! Files made of photos: what the verbs `check`, `rendition` and `backdrop` share.

mod asked;
pub mod backdrop;
pub mod check;
mod check_sink;
mod findings;
mod prompt;
pub mod rendition;
mod rendition_sink;
pub mod served;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use showroom_catalog::seams::{Catalogue, Columns, Maker, Sink, Source};
use showroom_catalog::{Asset, AssetKind, Filter, PhotoRef};
use showroom_pipeline::{
    AssetEvent, AssetOptions, AssetParts, AssetSummary, Cancel, FolderSource, PhotoList, SkuFrom,
    make_assets, silence_guarded_panics,
};
use showroom_pixels::Limits;
use showroom_store::add_assets;
use tokio::runtime::Runtime;

use crate::args::studio::PhotoArgs;
use crate::config::Config;
use crate::exit::Failure;
use crate::progress::Bar;
use crate::table::{counted, plain};
use crate::{interrupt, wire};

/// The photos that the user named, or those of the catalogue; the error says that there are none.
pub fn source(config: &Config, photos: &PhotoArgs) -> Result<Box<dyn Source>, Failure> {
    if !photos.paths.is_empty() {
        let source = FolderSource::new(&photos.paths, SkuFrom::Stem)?;
        let mut any = false;
        source.list(&mut |_| {
            any = true;
            false
        })?;
        return match any {
            true => Ok(Box::new(source)),
            false => Err(Failure::BadInput(format!(
                "there are no photos in {}",
                named(&photos.paths)
            ))),
        };
    }
    let filter: Option<Filter> = photos.filter.as_deref().map(str::parse).transpose()?;
    let mut found: Vec<PhotoRef> = Vec::new();
    wire::runtime()?.block_on(async {
        let catalogue = wire::open(config).await?;
        let mut each = |records: Vec<showroom_catalog::Record>| {
            found.extend(records.into_iter().map(|record| record.source));
            true
        };
        catalogue.scan(filter, Columns::Tags, &mut each).await?;
        Ok::<_, Failure>(())
    })?;
    match (found.is_empty(), &photos.filter) {
        (false, _) => Ok(Box::new(PhotoList(found))),
        (true, Some(_)) => Err(Failure::BadInput(
            "no photo of the catalogue passes the filter".into(),
        )),
        (true, None) => Err(Failure::BadInput("the catalogue has no photos".into())),
    }
}

fn named(paths: &[PathBuf]) -> String {
    let paths = paths.iter().map(|path| path.display().to_string());
    paths.collect::<Vec<_>>().join(", ")
}

/// Called for every photo that is done.
type Each<'a> = &'a mut dyn FnMut(&AssetEvent);

/// What a run is watched and stopped with.
struct Watch {
    /// Listens to Ctrl-C as long as it lives.
    _runtime: Runtime,
    cancel: Cancel,
    bar: Arc<Bar>,
}

impl Watch {
    fn new(config: &Config) -> Result<Watch, Failure> {
        let runtime = wire::runtime()?;
        Ok(Watch {
            cancel: interrupt::listen(&runtime)?,
            _runtime: runtime,
            bar: Arc::new(Bar::new(config)),
        })
    }
}

/// Makes the files of all photos; `each` is called for those that are done.
fn make(
    config: &Config,
    photos: &PhotoArgs,
    makers: Vec<Box<dyn Maker>>,
    sink: &dyn Sink,
    each: Each<'_>,
) -> Result<AssetSummary, Failure> {
    make_watched(config, photos, makers, sink, &Watch::new(config)?, each)
}

/// The same for makers that watch and stop too.
fn make_watched(
    config: &Config,
    photos: &PhotoArgs,
    makers: Vec<Box<dyn Maker>>,
    sink: &dyn Sink,
    watch: &Watch,
    each: Each<'_>,
) -> Result<AssetSummary, Failure> {
    silence_guarded_panics();
    let source = source(config, photos)?;
    let Watch { cancel, bar, .. } = watch;
    let parts = AssetParts {
        source: source.as_ref(),
        makers,
        sink,
    };
    let options = AssetOptions {
        max_bytes: Limits::default().max_bytes,
        again: photos.force,
    };
    let mut failed = None;
    let made = make_assets(parts, options, cancel, &mut |event, now| {
        if let AssetEvent::Rejected(reject) = event {
            bar.suspend(|| {
                config.say(format!(
                    "rejected {}: {}",
                    plain(&reject.source.uri),
                    plain(&reject.reason)
                ));
            });
        }
        let total = now.listing_done.then_some(now.listed);
        let rate = now.handled() as f64 / now.seconds.max(1e-3);
        bar.show(now.handled(), total, format!("photos, {rate:.1}/s"));
        if let AssetEvent::Done { assets, made: true } = event
            && photos.paths.is_empty()
            && let Err(error) = add_assets(&config.store, &files(assets))
        {
            failed = failed.take().or(Some(error));
            cancel.cancel();
        }
        each(event);
    });
    bar.finish();
    if let Some(failure) = failed {
        return Err(failure.into());
    }
    Ok(made?)
}

/// The assets that are files of their own; findings are lines of one.
fn files(assets: &[Asset]) -> Vec<Asset> {
    let files = assets.iter().filter(|asset| asset.kind != AssetKind::Check);
    files.cloned().collect()
}

/// What a run did, in words: `3 photos made, 1 there already, 1 photo rejected`.
fn said(summary: &AssetSummary, what: &str) -> String {
    let mut text = format!("{} {what}", counted(summary.made, "photo"));
    if summary.kept > 0 {
        text += &format!(", {} there already", summary.kept);
    }
    if summary.rejected > 0 {
        text += &format!(", {} rejected", counted(summary.rejected, "photo"));
    }
    if summary.flagged > 0 {
        text += &format!(", {} to look at", summary.flagged);
    }
    text
}

/// How a run ends: interrupted, with rejects under `--strict`, or well.
fn ended(summary: &AssetSummary, photos: &PhotoArgs) -> Result<(), Failure> {
    if summary.interrupted {
        return Err(Failure::Interrupted);
    }
    match photos.strict && summary.rejected > 0 {
        true => Err(Failure::Rejects(format!(
            "{} could not be used",
            counted(summary.rejected, "photo")
        ))),
        false => Ok(()),
    }
}

/// The first 16 digits of a text's hash: changes whenever the text does.
fn short_hash(text: &[u8]) -> String {
    showroom_pixels::photo_id(text).to_string()[..16].to_string()
}

/// Reads a file that the user wrote by hand.
fn read_text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::BadInput(format!("{} cannot be read: {error}", path.display())))
}

/// Whether a word of the command line is a file and no name.
fn is_file(word: &str) -> Option<PathBuf> {
    let path = PathBuf::from(word);
    path.is_file().then_some(path)
}
