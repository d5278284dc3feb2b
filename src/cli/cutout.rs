//! `showroom cutout`: products without their background.

use std::io::{self, Read, Write};
use std::path::Path;

use serde::Serialize;
use showroom_catalog::seams::Maker;
use showroom_catalog::{Asset, AssetKind, Reject};
use showroom_pipeline::{
    AssetEvent, AssetOptions, AssetParts, AssetSummary, FolderSink, make_assets,
    silence_guarded_panics,
};
use showroom_pixels::{Limits, photo_id};
use showroom_store::add_assets;
use showroom_studio::cutout::{CutoutMaker, CutoutOptions, DEFAULT_FILL, Frame};
use showroom_studio::write::ImageFormat;

use crate::args::{Cutout, PictureFormat};
use crate::config::Config;
use crate::exit::Failure;
use crate::progress::{Bar, human_seconds};
use crate::studio::source;
use crate::table::{counted, plain, print, print_json};
use crate::wire::Work;
use crate::{interrupt, wire};

pub fn run(config: &Config, verb: &Cutout) -> Result<(), Failure> {
    if verb.photos.paths == [Path::new("-")] {
        return pipe(config, verb);
    }
    let folder = match verb.output.as_deref() {
        Some(folder) if folder != Path::new("-") => folder,
        _ => return Err(Failure::Usage("name a folder to write into: -o DIR".into())),
    };
    let runtime = wire::runtime()?;
    let photos = source(config, &verb.photos)?;
    let work = match verb.photos.paths.as_slice() {
        [one] if one.is_file() => Work::Question,
        _ => Work::Bulk,
    };
    let (engine, matting) = wire::matting(config, &verb.model, work)?;
    config.say(&engine);
    let makers = matting
        .into_iter()
        .map(|matting| -> Box<dyn Maker> { Box::new(CutoutMaker::new(matting, options(verb))) });
    let parts = AssetParts {
        source: photos.as_ref(),
        makers: makers.collect(),
        sink: &FolderSink::new(folder)?,
    };
    silence_guarded_panics();
    let cancel = interrupt::listen(&runtime)?;
    let asset_options = AssetOptions {
        max_bytes: verb.max_bytes,
        again: verb.photos.force,
    };
    let bar = Bar::new(config);
    let mut told = Told {
        config,
        verb,
        bar: &bar,
        failure: None,
    };
    let done = make_assets(parts, asset_options, &cancel, &mut |event, now| {
        told.event(event, now);
        // A reader that went away, or a full disk: nothing that is made from here on would be told.
        if told.failure.is_some() {
            cancel.cancel();
        }
    });
    bar.finish();
    if let Some(failure) = told.failure {
        return Err(failure);
    }
    outcome(config, verb, &done?)
}

/// One photo from standard input to standard output.
fn pipe(config: &Config, verb: &Cutout) -> Result<(), Failure> {
    if verb
        .output
        .as_deref()
        .is_some_and(|output| output != Path::new("-"))
    {
        return Err(Failure::Usage(
            "what is read from - is written to standard output; leave -o out".into(),
        ));
    }
    let mut bytes = Vec::new();
    io::stdin()
        .take(verb.max_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::BadInput(format!("standard input cannot be read: {error}")))?;
    let (engine, matting) = wire::matting(config, &verb.model, Work::Question)?;
    config.say(&engine);
    for matting in matting.into_iter().take(1) {
        let mut maker = CutoutMaker::new(
            matting,
            CutoutOptions {
                mask: false,
                ..options(verb)
            },
        );
        let files = maker
            .make(photo_id(&bytes), &bytes)?
            .map_err(|bad| Failure::BadInput(format!("standard input: {}", bad.reason)))?;
        for file in files {
            if !file.flags.is_empty() {
                config.say(format!("look at it: {}", file.flags.join(", ")));
            }
            let mut out = io::stdout().lock();
            out.write_all(&file.bytes)
                .and_then(|()| out.flush())
                .map_err(|error| Failure::write(Path::new("standard output"), &error))?;
        }
    }
    Ok(())
}

fn options(verb: &Cutout) -> CutoutOptions {
    let framed = verb.fill.is_some() || verb.aspect.is_some() || verb.size.is_some();
    CutoutOptions {
        format: match verb.format {
            PictureFormat::Png => ImageFormat::Png,
            PictureFormat::Webp => ImageFormat::Webp,
            PictureFormat::Avif => ImageFormat::Avif,
        },
        quality: verb.quality,
        mask: verb.mask,
        frame: framed.then(|| Frame {
            fill: verb.fill.unwrap_or(DEFAULT_FILL),
            aspect: verb.aspect,
            size: verb.size,
        }),
        limits: Limits {
            max_bytes: verb.max_bytes,
            max_pixels: verb.max_pixels,
            ..Limits::default()
        },
    }
}

/// What is told of each photo while the run goes.
struct Told<'a> {
    config: &'a Config,
    verb: &'a Cutout,
    bar: &'a Bar,
    failure: Option<Failure>,
}

/// A line of `--json`.
#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Photo {
        uri: &'a str,
        made: bool,
        assets: &'a [Asset],
    },
    Reject {
        uri: &'a str,
        reject: &'a Reject,
    },
}

impl Told<'_> {
    fn event(&mut self, event: &AssetEvent, now: &AssetSummary) {
        if self.failure.is_none() {
            self.failure = self.tell(event).err();
        }
        let mut message = String::from("photos");
        if now.flagged + now.rejected > 0 {
            message += &format!(", {} to look at, {} rejected", now.flagged, now.rejected);
        }
        self.bar.show(
            now.handled(),
            now.listing_done.then_some(now.listed),
            message,
        );
    }

    fn tell(&self, event: &AssetEvent) -> Result<(), Failure> {
        match event {
            AssetEvent::Rejected(reject) => {
                let uri = reject.source.uri.as_str();
                match self.config.json {
                    true => print_json(&Line::Reject { uri, reject }),
                    false => {
                        self.config.say(format!(
                            "rejected {}: {}",
                            plain(uri),
                            plain(&reject.reason)
                        ));
                        Ok(())
                    }
                }
            }
            AssetEvent::Done { assets, made } => {
                // Only what is the catalogue's own is kept there.
                if *made && self.verb.photos.paths.is_empty() {
                    add_assets(&self.config.store, assets)?;
                }
                let flagged = assets.iter().find(|asset| !asset.flags.is_empty());
                let uri = assets.first().map_or("", |asset| asset.uri.as_str());
                match (self.config.json, flagged) {
                    (true, None) if self.verb.review_only => Ok(()),
                    (true, _) => print_json(&Line::Photo {
                        uri,
                        made: *made,
                        assets,
                    }),
                    (false, Some(asset)) => print(review(asset)),
                    (false, None) if self.verb.review_only => Ok(()),
                    (false, None) => {
                        cut_out(assets).map_or(Ok(()), |asset| print(plain(&asset.file)))
                    }
                }
            }
        }
    }
}

fn cut_out(assets: &[Asset]) -> Option<&Asset> {
    assets.iter().find(|asset| asset.kind == AssetKind::Cutout)
}

/// A file that a person should look at, and why.
fn review(asset: &Asset) -> String {
    let confidence = asset
        .confidence
        .map_or(String::new(), |sure| format!(" {sure:.2}"));
    format!(
        "{}  look at it: {}{confidence}",
        plain(&asset.file),
        asset.flags.join(", ")
    )
}

fn outcome(config: &Config, verb: &Cutout, summary: &AssetSummary) -> Result<(), Failure> {
    config.say(format!(
        "{} cut out, {} there already, {} to look at, {} rejected in {}",
        counted(summary.made, "photo"),
        summary.kept,
        summary.flagged,
        summary.rejected,
        human_seconds(summary.seconds),
    ));
    if summary.interrupted {
        return Err(Failure::Interrupted);
    }
    if verb.photos.strict && summary.rejected > 0 {
        let rejects = counted(summary.rejected, "photo");
        return Err(Failure::Rejects(format!(
            "{rejects} rejected, and --strict was asked for"
        )));
    }
    Ok(())
}
