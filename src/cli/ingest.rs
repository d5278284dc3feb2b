//! `showroom ingest`: the main job.

use std::time::Duration;

use showroom_catalog::seams::Source;
use showroom_pipeline::{
    IngestOptions, IngestSummary, Parts, SkuFrom, Sources, ingest, silence_guarded_panics,
};

use crate::args::{Ingest, SkuFromArg};
use crate::config::Config;
use crate::exit::Failure;
use crate::labels::decisions;
use crate::progress::{Bar, human_seconds};
use crate::source::Opened;
use crate::table::{counted, print, print_json};
use crate::watch::{Lent, watch};
use crate::{interrupt, wire};

/// Memory of decoded photos that are in flight, unless a batch needs more: `BATCH_PHOTO_BYTES` for each
/// of the photos of three batches (two at the device, one waiting) of some 750 × 1000 pixels.
const DEFAULT_PIXEL_BYTES: u64 = 512 << 20;
const BATCH_PHOTO_BYTES: u64 = 3 * (4 << 20);

/// Photos that are fetched from the web at once, where a feed may name such: a shop's server waits more
/// than a disk, and is not to be overrun.
const WEB_FETCHERS: usize = 8;

pub fn run(config: &Config, verb: &Ingest) -> Result<(), Failure> {
    let open = || Opened::new(&verb.paths, &verb.feed, sku_from(verb.sku_from));
    let opened = open()?;
    if verb.feed.dry_run {
        return opened.preview(config);
    }
    opened.tell_unclaimed(config)?;
    let may_fetch = !opened.feeds.is_empty() && !verb.feed.fetch.no_fetch;
    let source = opened.into_source();
    // A folder that is watched may fill up later.
    if !verb.watch.watch {
        check_any(&source, verb)?;
    }
    let encoder = wire::encoder_for(config, verb.encoder.as_deref())?;
    let models = wire::Ingest::open_with(config, verb.batch, encoder.as_deref())?;
    let options = options(config, verb, models.batch, may_fetch);
    config.say(&models.engine);
    silence_guarded_panics();
    let runtime = wire::runtime()?;
    let cancel = interrupt::listen(&runtime)?;
    let encoders = Lent::all(wire::Ingest::boxed_encoders(models.encoders));
    let round = |source: &Sources| -> Result<IngestSummary, Failure> {
        let catalogue = runtime.block_on(wire::create_or_open(config, &models.manifest))?;
        let parts = Parts {
            source,
            encoders: Lent::again(&encoders),
            tagger: models.tagger.as_ref(),
            catalogue: &catalogue,
        };
        let bar = Bar::new(config);
        let options = IngestOptions {
            decisions: decisions(config)?,
            ..options.clone()
        };
        let done = ingest(parts, options, &cancel, &bar, runtime.handle());
        bar.finish();
        let summary = done?;
        if config.json {
            print_json(&summary)?;
        } else {
            print(sentence(&summary))?;
        }
        Ok(summary)
    };
    if !verb.watch.watch {
        return outcome(verb, &round(&source)?);
    }
    drop(source);
    let every = Duration::from_secs_f32(verb.watch.watch_every);
    let look = || Ok(open()?.into_source());
    watch(config, every, &cancel, look, |source| {
        round(source).map(drop)
    })
}

/// Fails where there is nothing to do, before a catalogue is made.
fn check_any(source: &dyn Source, verb: &Ingest) -> Result<(), Failure> {
    let mut any = false;
    source.list(&mut |_| {
        any = true;
        false
    })?;
    if any {
        return Ok(());
    }
    let paths: Vec<String> = verb
        .paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    Err(Failure::BadInput(format!(
        "there are no photos in {}; photos are JPEG, PNG, WebP, GIF, BMP and TIFF files",
        paths.join(", ")
    )))
}

/// How a run uses the machine, for batches of that size.
pub fn options_for(config: &Config, batch: usize) -> IngestOptions {
    IngestOptions {
        decoders: config.threads,
        // A device that takes many photos at a time must find them waiting.
        queue: (2 * config.threads).max(2 * batch),
        max_pixel_bytes: DEFAULT_PIXEL_BYTES.max(batch as u64 * BATCH_PHOTO_BYTES),
        batch,
        ..IngestOptions::default()
    }
}

fn options(config: &Config, verb: &Ingest, batch: usize, may_fetch: bool) -> IngestOptions {
    let mut options = IngestOptions {
        write_every: Duration::from_secs_f32(verb.write_every),
        retry_rejects: verb.retry_rejects,
        delete_missing: verb.feed.delete_missing || verb.watch.watch,
        ..options_for(config, batch)
    };
    if may_fetch {
        options.fetchers = options.fetchers.max(WEB_FETCHERS);
    }
    options.decode.limits.max_bytes = verb.max_bytes;
    options.decode.limits.max_pixels = verb.max_pixels;
    options
}

fn sku_from(arg: SkuFromArg) -> SkuFrom {
    match arg {
        SkuFromArg::Stem => SkuFrom::Stem,
        SkuFromArg::Folder => SkuFrom::Folder,
        SkuFromArg::None => SkuFrom::None,
    }
}

fn sentence(summary: &IngestSummary) -> String {
    let totals = &summary.totals;
    let mut text = format!(
        "{} added, {} updated, {} unchanged, {} rejected in {} ({:.1}/s)",
        counted(totals.added, "photo"),
        totals.updated,
        totals.unchanged,
        totals.rejected,
        human_seconds(totals.seconds),
        totals.rate(),
    );
    if let Some(slowest) = totals.slowest().filter(|_| totals.handled > 0) {
        text += &format!("; the slowest stage was {}", slowest.stage.name());
    }
    if totals.skipped_other_files > 0 {
        text += &format!(
            "; {} passed over",
            counted(totals.skipped_other_files, "other file")
        );
    }
    if summary.deleted > 0 {
        text += &format!("; {} deleted", summary.deleted);
    }
    if summary.deletion_held {
        text += "; nothing was deleted, because a part of the source could not be read";
    }
    if totals.rejected + totals.rejected_before > 0 {
        text += "; see: showroom rejects";
    }
    text
}

fn outcome(verb: &Ingest, summary: &IngestSummary) -> Result<(), Failure> {
    let totals = &summary.totals;
    if summary.interrupted {
        return Err(Failure::Interrupted);
    }
    let rejected = totals.rejected + totals.rejected_before;
    if verb.strict && rejected > 0 {
        let rejects = counted(rejected, "photo");
        return Err(Failure::Rejects(format!(
            "{rejects} rejected, and --strict was asked for; see: showroom rejects"
        )));
    }
    Ok(())
}
