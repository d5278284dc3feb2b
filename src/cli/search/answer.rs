//! What `showroom search` prints.

use std::ops::Deref;

use serde::Serialize;
use showroom_catalog::answer::{self, AskedJson, FacetsJson};
use showroom_catalog::asked::AskedKind;
use showroom_catalog::bands::Match;
use showroom_catalog::facets::{Count, Facets};
use showroom_catalog::json::{HitJson, WhyJson};

use crate::args::{FacetsOver, Search};
use crate::config::Config;
use crate::exit::Failure;
use crate::table::{plain, print, table};

/// Values of a facet in the table for people.
const FACET_VALUES: usize = 8;

/// Everything that there is to say.
pub struct Answer<'a> {
    pub verb: &'a Search,
    /// `--where` as it was understood.
    pub filter: Option<String>,
    pub found: answer::Answer<'a>,
    /// Encoding the question and searching, without loading models.
    pub took_ms: f64,
}

/// `search --json`.
#[derive(Serialize)]
pub struct AnswerJson<'a> {
    query: QueryJson<'a>,
    /// The best `match` of the hits; `no_good_match` also where there is no hit.
    #[serde(skip_serializing_if = "Option::is_none")]
    r#match: Option<Match>,
    hits: Vec<HitJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facets: Option<FacetsJson<'a>>,
    exact: bool,
    took_ms: f64,
}

/// What was asked. `text`, `image` and `like` are the first of their kind; `asked` is all of it.
#[derive(Serialize)]
struct QueryJson<'a> {
    text: Option<&'a str>,
    image: Option<&'a str>,
    like: Option<&'a str>,
    r#where: Option<&'a str>,
    colour_weight: f32,
    k: u16,
    asked: Vec<AskedJson<'a>>,
    group_by: Option<&'static str>,
    mmr: Option<f32>,
}

impl<'a> Deref for Answer<'a> {
    type Target = answer::Answer<'a>;

    fn deref(&self) -> &answer::Answer<'a> {
        &self.found
    }
}

impl Answer<'_> {
    pub fn json(&self) -> AnswerJson<'_> {
        let verb = self.verb;
        let first = |kind: AskedKind| {
            let mut asked = self.asked.iter();
            (asked.find(|asked| asked.kind == kind)).map(|asked| asked.value.as_str())
        };
        let hits = self.hits.hits.iter();
        AnswerJson {
            query: QueryJson {
                text: first(AskedKind::Text),
                image: first(AskedKind::Image),
                like: first(AskedKind::Like),
                r#where: self.filter.as_deref(),
                colour_weight: verb.colour_weight,
                k: verb.k,
                asked: self.asked(),
                group_by: verb.group_by.map(|_| "sku"),
                mmr: verb.mmr,
            },
            r#match: self.best(),
            hits: hits.map(|hit| self.hit(hit)).collect(),
            facets: (self.hits.facets.as_ref().zip(verb.facets)).map(|(counts, over)| FacetsJson {
                over: FacetsOver::name(over),
                counts,
            }),
            exact: self.hits.exact,
            took_ms: (self.took_ms * 100.0).round() / 100.0,
        }
    }

    pub fn print(&self, config: &Config) -> Result<(), Failure> {
        if self.hits.hits.is_empty() {
            config.say("nothing found");
        } else {
            if self.best() == Some(Match::NoGoodMatch) {
                print("no good match; these are the nearest")?;
            }
            self.print_hits()?;
        }
        match &self.hits.facets {
            Some(facets) => print_facets(facets),
            None => Ok(()),
        }
    }

    fn print_hits(&self) -> Result<(), Failure> {
        let mut rows = table(&[
            "SCORE", "MATCH", "SKU", "CATEGORY", "COLOURS", "WHY", "PHOTO",
        ]);
        for hit in &self.hits.hits {
            let record = &hit.record;
            let category = record
                .category
                .as_ref()
                .map_or("not sure", |c| c.name.as_str());
            let colours: Vec<&str> = record
                .colours
                .iter()
                .take(3)
                .map(|c| c.name.as_str())
                .collect();
            let why: Vec<String> = self.why(hit).iter().map(in_words).collect();
            rows.add_row([
                format!("{:.3}", hit.score),
                self.judge(hit).map_or("", Match::name).to_string(),
                plain(record.source.sku.as_deref().unwrap_or("")),
                category.to_string(),
                colours.join(" "),
                why.join(" "),
                plain(&record.source.uri),
            ]);
        }
        print(rows)
    }
}

/// `text 0.71 (red, running shoe)`.
fn in_words(why: &WhyJson<'_>) -> String {
    let sign = if why.weight.is_some_and(|weight| weight < 0.0) {
        "-"
    } else {
        ""
    };
    let words: Vec<&str> = why
        .matched
        .iter()
        .map(|matched| matched.word.as_str())
        .collect();
    match words.as_slice() {
        [] => format!("{sign}{} {:.2}", why.part, why.score),
        words => format!("{sign}{} {:.2} ({})", why.part, why.score, words.join(", ")),
    }
}

fn print_facets(facets: &Facets) -> Result<(), Failure> {
    let line = |name: &str, counts: Vec<(&str, usize)>| -> Result<(), Failure> {
        let told: Vec<String> = counts
            .iter()
            .take(FACET_VALUES)
            .map(|(value, photos)| format!("{} {photos}", plain(value)))
            .collect();
        match told.as_slice() {
            [] => Ok(()),
            told => print(format!("{name}: {}", told.join(", "))),
        }
    };
    fn counted(counts: &[Count]) -> Vec<(&str, usize)> {
        let each = counts.iter().map(|c| (c.value.as_str(), c.photos));
        each.collect()
    }
    let categories = facets.category.iter();
    let categories = categories.map(|c| (c.value.as_str(), c.photos)).collect();
    print(format!("\n{} photos counted", facets.photos))?;
    line("category", categories)?;
    line("colour", counted(&facets.colour))?;
    line("label", counted(&facets.label))?;
    line("format", counted(&facets.format))?;
    for (name, counts) in &facets.attributes {
        line(&plain(name), counted(counts))?;
    }
    Ok(())
}
