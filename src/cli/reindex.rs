//! `showroom reindex`: new vectors beside the old, then the switch.

use showroom_catalog::seams::Catalogue;
use showroom_pipeline::{
    IngestOptions, ReindexParts, ReindexSummary, Sources, reindex, silence_guarded_panics,
};

use crate::args::Reindex;
use crate::config::Config;
use crate::exit::Failure;
use crate::ingest::options_for;
use crate::labels::decisions;
use crate::progress::{Bar, human_seconds};
use crate::table::{counted, print, print_json};
use crate::{interrupt, wire};

pub fn run(config: &Config, verb: &Reindex) -> Result<(), Failure> {
    let runtime = wire::runtime()?;
    let old = runtime.block_on(wire::open_for_write(config))?;
    let encoder = wire::encoder_for(config, Some(&verb.encoder))?;
    let models = wire::Ingest::open_with(config, verb.batch, encoder.as_deref())?;
    config.say(&models.engine);
    if &models.manifest == old.manifest() {
        return told(
            config,
            &ReindexSummary::default(),
            false,
            "the catalogue has these vectors already",
        );
    }
    silence_guarded_panics();
    let cancel = interrupt::listen(&runtime)?;
    let next = runtime.block_on(old.next_generation(&models.manifest))?;
    let source = Sources::new(Vec::new(), verb.fetch.web());
    let parts = ReindexParts {
        source: &source,
        encoders: wire::Ingest::boxed_encoders(models.encoders),
        tagger: models.tagger.as_ref(),
        old: &old,
        next: &next,
    };
    let bar = Bar::new(config);
    let options = IngestOptions {
        decisions: decisions(config)?,
        ..options_for(config, models.batch)
    };
    let done = reindex(parts, options, &cancel, &bar, runtime.handle());
    bar.finish();
    let done = done?;
    if done.interrupted {
        return Err(Failure::Interrupted);
    }
    // A disk that is not there looks like this: nothing of it must be lost.
    if done.lost > done.encoded && !verb.force {
        return Err(Failure::BadInput(format!(
            "{} of {} cannot be read any more, so the old vectors stay; is a disk or a folder not there? The \
             same command goes on from here, and with --force it switches over all the same",
            done.lost,
            counted(done.photos, "photo")
        )));
    }
    runtime.block_on(async {
        next.build_index().await?;
        old.switch_to(&next).await
    })?;
    let text = format!(
        "{} encoded again in {}, {} that cannot be read any more; {} counts from now on",
        counted(done.encoded, "photo"),
        human_seconds(done.totals.seconds),
        done.lost,
        models.manifest.encoder
    );
    let see = if done.lost > 0 {
        "; see: showroom rejects"
    } else {
        ""
    };
    told(config, &done, true, &(text + see))
}

fn told(config: &Config, done: &ReindexSummary, switched: bool, text: &str) -> Result<(), Failure> {
    if config.json {
        return print_json(&serde_json::json!({
            "switched": switched, "photos": done.photos, "encoded": done.encoded, "lost": done.lost,
            "seconds": done.totals.seconds,
        }));
    }
    print(text)
}
