//! `showroom adapt`: what the shop's own titles teach about its photos, kept where it helps.

use serde::Serialize;
use showroom_catalog::adapter::Titled;
use showroom_catalog::seams::{Catalogue, ModelError, TextEncoder};
use showroom_pipeline::adapt::{Verdict, gather, judge};
use showroom_pipeline::{Estimate, Resampling, Retrieval};
use showroom_store::{remove_adapter, write_adapter};
use showroom_vision::adapter::{
    About, Adapter, AdapterError, check_titles, learn, rehearsal_steps, rehearse, settings,
};

use crate::args::Adapt;
use crate::config::Config;
use crate::exit::Failure;
use crate::progress::Bar;
use crate::table::{counted, print, print_json, table};
use crate::wire;

/// Titles that are encoded between two looks at the progress bar.
const TITLES_AT_ONCE: usize = 256;
/// How often titles are drawn anew for the intervals.
const RESAMPLES: usize = 1000;

/// `adapt --json`.
#[derive(Serialize)]
struct Answer {
    titles: usize,
    photos: usize,
    /// Steps of learning, and how much the adapter counts beside the words, which count 1.
    steps: usize,
    weight: f32,
    #[serde(flatten)]
    verdict: Verdict,
    /// Whether searches use it from now on.
    used: bool,
}

/// `adapt --forget --json`.
#[derive(Serialize)]
struct Forgotten {
    forgotten: bool,
}

pub fn run(config: &Config, verb: &Adapt) -> Result<(), Failure> {
    let runtime = wire::runtime()?;
    let catalogue = runtime.block_on(wire::open(config))?;
    if verb.forget {
        return forget(config);
    }
    let manifest = catalogue.manifest().clone();
    let Some(sentences) = wire::sentences(config, &manifest)? else {
        return Err(Failure::BadInput(format!(
            "the catalogue was made with {}, whose words and photos share a space already: there is \
             nothing to adapt",
            manifest.encoder
        )));
    };
    let pairs = runtime.block_on(gather(&catalogue))?;
    check_titles(&pairs)?;
    let bar = Bar::new(config);
    let titles = encode(&sentences, &pairs, &bar)?;
    let words = wire::text_query(config, &manifest)?;
    let width = manifest.dimensions.text;
    let mut ask = |title: &str| match words.text_query(title) {
        Err(ModelError::BadInput(_)) => Ok(vec![0.0; width]),
        understood => understood,
    };
    let all = rehearsal_steps(&pairs);
    let mut steps = counting(&bar, all, "steps of learning, held-back titles apart");
    let outcomes = rehearse(&pairs, &titles, &mut ask, &mut steps)?;
    let resampling = Resampling {
        seed: verb.seed,
        times: RESAMPLES,
    };
    let verdict = judge(&outcomes, resampling)
        .ok_or_else(|| Failure::Other("no title was held back".into()))?;
    let setting = settings()[verdict.setting];
    let used = verdict.helps && !verb.dry_run;
    if used {
        let mut steps = counting(&bar, setting.steps, "steps of learning, all titles");
        let map = learn(&pairs, &titles, setting, &mut steps)?;
        let about = About {
            encoder: manifest.encoder,
            sentences: sentences.id().to_string(),
            weight: setting.weight,
            titles: pairs.titles.len(),
            photos: pairs.photos.len(),
        };
        write_adapter(&config.store, &Adapter::new(about, map).to_bytes())?;
    } else if !verb.dry_run {
        // One that was kept before was learned from less.
        remove_adapter(&config.store)?;
    }
    bar.finish();
    let answer = Answer {
        titles: pairs.titles.len(),
        photos: pairs.photos.len(),
        steps: setting.steps,
        weight: setting.weight,
        verdict,
        used,
    };
    if config.json {
        return print_json(&answer);
    }
    show(verb, &answer)
}

fn forget(config: &Config) -> Result<(), Failure> {
    let forgotten = remove_adapter(&config.store)?;
    if config.json {
        return print_json(&Forgotten { forgotten });
    }
    print(match forgotten {
        true => "forgotten; words are searched for without an adapter",
        false => "there was no adapter",
    })
}

/// A vector a title.
fn encode(
    sentences: &dyn TextEncoder,
    pairs: &Titled,
    bar: &Bar,
) -> Result<Vec<Vec<f32>>, Failure> {
    let all = pairs.titles.len() as u64;
    let mut vectors = Vec::with_capacity(pairs.titles.len());
    for titles in pairs.titles.chunks(TITLES_AT_ONCE) {
        bar.show(vectors.len() as u64, Some(all), "titles read");
        let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
        vectors.extend(sentences.encode(&titles)?);
    }
    Ok(vectors)
}

/// Shows one step more each time that it is called.
fn counting<'a>(bar: &'a Bar, all: usize, what: &'a str) -> impl FnMut() + 'a {
    let mut done = 0;
    move || {
        done += 1;
        bar.show(done, Some(all as u64), what);
    }
}

fn show(verb: &Adapt, answer: &Answer) -> Result<(), Failure> {
    let verdict = &answer.verdict;
    let mut rows = table(&["PHOTOS FOUND BY THEIR TITLE", "WORDS ALONE", "WITH ADAPTER"]);
    let mut row = |what: &str, of: fn(&Retrieval) -> Estimate| {
        let [alone, adapted] = [&verdict.alone, &verdict.adapted].map(|found| {
            let Estimate {
                value, low, high, ..
            } = of(found);
            format!("{value:.3} ({low:.3}–{high:.3})")
        });
        rows.add_row([what, &alone, &adapted]);
    };
    row("first 1", |found| found.recall_at_1);
    row("first 5", |found| found.recall_at_5);
    row("first 10", |found| found.recall_at_10);
    row("mean average precision", |found| {
        found.mean_average_precision
    });
    let Estimate {
        value,
        low,
        high,
        of,
    } = verdict.gain;
    let from = [
        counted(answer.titles as u64, "title"),
        counted(answer.photos as u64, "photo"),
    ];
    let end = match (verdict.helps, verb.dry_run) {
        (true, false) => "it helps: `search --text` uses it from now on",
        (true, true) => "it helps; run the same without --dry-run to use it",
        (false, false) => "it does not help beyond doubt and is not used",
        (false, true) => "it does not help beyond doubt",
    };
    print(format!(
        "{rows}\nlearned from {}, measured on {of} held back; mean average precision {value:+.3} \
         ({low:+.3} to {high:+.3})\n{end}",
        from.join(" and ")
    ))
}

impl From<AdapterError> for Failure {
    fn from(error: AdapterError) -> Failure {
        match error {
            AdapterError::Titles(reason) => Failure::BadInput(reason),
            AdapterError::Refused(reason) => Failure::Model(reason),
            AdapterError::Model(error) => error.into(),
            AdapterError::Failed(reason) => Failure::Other(reason),
        }
    }
}
