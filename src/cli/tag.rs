//! `showroom tag`: tag the catalogue again from what was kept of each photo.

use showroom_catalog::seams::Catalogue;
use showroom_pipeline::{RetagOptions, retag, silence_guarded_panics};

use crate::args::Tag;
use crate::config::Config;
use crate::exit::Failure;
use crate::labels::decisions;
use crate::progress::Bar;
use crate::table::{counted, print, print_json};
use crate::{interrupt, wire};

pub fn run(config: &Config, verb: &Tag) -> Result<(), Failure> {
    silence_guarded_panics();
    let runtime = wire::runtime()?;
    let cancel = interrupt::listen(&runtime)?;
    let catalogue = runtime.block_on(wire::open_for_write(config))?;
    let tagger = wire::tagger(config, catalogue.manifest())?;
    let options = RetagOptions {
        force: verb.force,
        decisions: decisions(config)?,
        ..RetagOptions::default()
    };
    let bar = Bar::new(config);
    let mut progress = |now: &showroom_pipeline::RetagSummary| {
        bar.show(now.tagged + now.current, Some(now.photos), "photos tagged");
    };
    let done = retag(
        &catalogue,
        tagger.as_ref(),
        &options,
        &cancel,
        &mut progress,
        runtime.handle(),
    );
    bar.finish();
    let summary = done?;
    if config.json {
        print_json(&summary)?;
    } else {
        print(format!(
            "{} tagged, {} tagged by this tagger already",
            counted(summary.tagged, "photo"),
            summary.current
        ))?;
    }
    if summary.interrupted {
        return Err(Failure::Interrupted);
    }
    Ok(())
}
