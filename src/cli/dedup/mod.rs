//! `showroom dedup`: which photos are copies, other views or other colours of each other.

mod csv;
mod dismiss;

use std::io::{self, BufWriter, Write};
use std::path::Path;

use showroom_catalog::seams::ExactSearch;
use showroom_catalog::{Filter, PairKind};
use showroom_pipeline::{
    DedupError, DedupOptions, DedupReport, FolderSource, SkuFrom, dedup, silence_guarded_panics,
};
use showroom_store::read_dismissed;

use crate::args::{Dedup, DedupAct};
use crate::config::Config;
use crate::exit::Failure;
use crate::progress::Bar;
use crate::table::{counted, plain, print, print_json, table};
use crate::whole::write_whole;
use crate::{interrupt, wire};

/// Pairs of a kind that are shown to people; files and JSON have all.
const SHOWN: usize = 20;

pub fn run(config: &Config, verb: &Dedup) -> Result<(), Failure> {
    match (&verb.act, &verb.dismiss) {
        (Some(DedupAct::Dismiss { a, b }), _) => dismiss::one(config, a, b, true),
        (Some(DedupAct::Restore { a, b }), _) => dismiss::one(config, a, b, false),
        (None, Some(file)) => dismiss::file(config, file),
        (None, None) => find(config, verb),
    }
}

fn find(config: &Config, verb: &Dedup) -> Result<(), Failure> {
    silence_guarded_panics();
    let filter: Option<Filter> = verb.filter.as_deref().map(str::parse).transpose()?;
    let runtime = wire::runtime()?;
    let cancel = interrupt::listen(&runtime)?;
    let catalogue = runtime.block_on(wire::open(config))?;
    let dismissed = read_dismissed(&config.store)?;
    if dismissed.unreadable_lines > 0 {
        config.say(format!(
            "{} of the dismissed pairs in {} cannot be read and are passed over",
            counted(dismissed.unreadable_lines as u64, "line"),
            config.store.display()
        ));
    }
    let no_paths: [&Path; 0] = [];
    let source = FolderSource::new(&no_paths, SkuFrom::None)?;
    let search = wire::bulk_search(config)?;
    let options = DedupOptions {
        filter,
        kinds: verb.kinds.iter().map(|kind| (*kind).into()).collect(),
        threads: config.threads,
        search: search.as_ref().map(|search| search as &dyn ExactSearch),
        source: (verb.read_photos > 0).then_some(&source),
        max_read: verb.read_photos as usize,
        is_dismissed: &|pair| dismissed.pairs.contains(pair),
    };
    let bar = Bar::new(config);
    let progress = |done: u64, total: u64, what: &str| bar.show(done, Some(total), what);
    let found = dedup(&catalogue, &options, &cancel, &progress, runtime.handle());
    bar.finish();
    let report = found.map_err(|error| match error {
        DedupError::Store(error) => error.into(),
        DedupError::TooMany => Failure::Usage(error.to_string()),
        DedupError::Interrupted => Failure::Interrupted,
    })?;
    let to_stdout = verb.output.as_deref() == Some(Path::new("-"));
    match verb.output.as_deref() {
        Some(_) if to_stdout => csv::write(&report, &mut BufWriter::new(io::stdout()))
            .map_err(|error| Failure::write(Path::new("standard output"), &error))?,
        Some(path) => write_whole(path, |out: &mut (dyn Write + Send)| {
            csv::write(&report, out).map_err(|error| Failure::write(path, &error))
        })?,
        None => {}
    }
    if !to_stdout {
        match config.json {
            true => print_json(&report)?,
            false => show(&report)?,
        }
    }
    remarks(config, &report);
    Ok(())
}

fn show(report: &DedupReport) -> Result<(), Failure> {
    for kind in PairKind::ALL {
        let pairs = || report.pairs.iter().filter(|pair| pair.kind == kind);
        let count = pairs().count();
        if count == 0 {
            continue;
        }
        print(format!(
            "{}: {}",
            kind.name(),
            counted(count as u64, "pair")
        ))?;
        let mut rows = table(&["A", "B", "WHY"]);
        for pair in pairs().take(SHOWN) {
            rows.add_row([&plain(&pair.a.uri), &plain(&pair.b.uri), &pair.reason]);
        }
        print(rows)?;
        if count > SHOWN {
            print(format!(
                "and {} more: --json and -o have them all",
                count - SHOWN
            ))?;
        }
    }
    let in_groups: usize = report.groups.iter().map(|group| group.uris.len()).sum();
    print(format!(
        "{}: {}, of which {} to keep would do",
        counted(report.photos, "photo"),
        counted(in_groups as u64, "copy").replace("copys", "copies"),
        report.groups.len()
    ))
}

fn remarks(config: &Config, report: &DedupReport) {
    let method = &report.method;
    let mut how = match method.recall {
        _ if method.exhaustive => "each photo compared with each".to_string(),
        Some(recall) => format!("compared in {} cells, recall {recall:.3}", method.cells),
        None => format!("compared in {} cells", method.cells),
    };
    if let Some(device) = &method.device {
        how += &format!(" on {device}");
    }
    if let Some(failed) = &method.device_failed {
        config.say(format!("the CPU compared the photos: {failed}"));
    }
    how += &format!(
        "; {} laid over one another; {:.1} s",
        counted(method.pictures_compared, "pair"),
        report.seconds
    );
    config.say(how);
    if report.dismissed > 0 {
        config.say(format!("{} dismissed", counted(report.dismissed, "pair")));
    }
    if method.unreadable > 0 {
        config.say(format!(
            "{} cannot be read as it was ingested: judged by the vectors alone; ingest it again",
            counted(method.unreadable, "photo")
        ));
    }
    if method.pictures_left_out > 0 {
        config.say(format!(
            "{} judged by the vectors alone; raise --read-photos to compare their pictures",
            counted(method.pictures_left_out, "pair")
        ));
    }
    if report.left_out > 0 {
        config.say(format!(
            "{} left out; take fewer kinds, or a part with --where",
            counted(report.left_out, "pair")
        ));
    }
}
