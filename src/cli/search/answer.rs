//! What `showroom search` prints.

use serde::Serialize;
use showroom_catalog::VectorName;
use showroom_catalog::bands::{Bands, Match};
use showroom_catalog::facets::{Count, Facets};
use showroom_catalog::query::{Hit, Hits, Query};
use showroom_catalog::seams::{Matched, MatchedKind, TextQuery};
use showroom_store::{HitJson, WhyJson};

use super::Asked;
use crate::args::{Search, Weighted};
use crate::config::Config;
use crate::exit::Failure;
use crate::table::{plain, print, table};

/// What a part of the query is called that an adapter has made of words.
const ADAPTER: &str = "adapter";
/// Values of a facet in the table for people.
const FACET_VALUES: usize = 8;

/// Everything that there is to say.
pub struct Answer<'a> {
    pub verb: &'a Search,
    /// `--where` as it was understood.
    pub filter: Option<String>,
    pub query: &'a Query,
    pub asked: &'a [Asked<'a>],
    pub words: Option<&'a dyn TextQuery>,
    /// `None` where nobody has measured what scores of this encoder mean.
    pub bands: Option<Bands>,
    pub hits: &'a Hits,
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

#[derive(Serialize)]
struct AskedJson<'a> {
    kind: &'static str,
    value: &'a str,
    /// Negative for what it should not be.
    weight: f32,
}

#[derive(Serialize)]
struct FacetsJson<'a> {
    /// What was counted: `filter` for all photos that pass it, or `hits`.
    over: &'static str,
    #[serde(flatten)]
    counts: &'a Facets,
}

impl Answer<'_> {
    pub fn json(&self) -> AnswerJson<'_> {
        let verb = self.verb;
        let asked = self.asked.iter().map(|asked| AskedJson {
            kind: asked.kind,
            value: asked.value,
            weight: asked.term.weight,
        });
        let hits = self.hits.hits.iter();
        AnswerJson {
            query: QueryJson {
                text: first(&verb.text),
                image: first(&verb.image),
                like: first(&verb.like),
                r#where: self.filter.as_deref(),
                colour_weight: verb.colour_weight,
                k: verb.k,
                asked: asked.collect(),
                group_by: verb.group_by.map(|_| "sku"),
                mmr: verb.mmr,
            },
            r#match: self.best(),
            hits: hits
                .map(|hit| HitJson {
                    r#match: self.judge(hit),
                    why: self.why(hit),
                    ..HitJson::from(hit)
                })
                .collect(),
            facets: (self.hits.facets.as_ref().zip(verb.facets)).map(|(counts, over)| FacetsJson {
                over: over.name(),
                counts,
            }),
            exact: self.hits.exact,
            took_ms: (self.took_ms * 100.0).round() / 100.0,
        }
    }

    fn judge(&self, hit: &Hit) -> Option<Match> {
        let terms: Vec<_> = self.asked.iter().map(|asked| asked.term.clone()).collect();
        self.bands?.judge(&terms, &hit.why, hit.title.as_ref())
    }

    fn best(&self) -> Option<Match> {
        self.bands?;
        let hits = self.hits.hits.iter();
        let best = hits.filter_map(|hit| self.judge(hit)).max();
        Some(best.unwrap_or(Match::NoGoodMatch))
    }

    /// Each part of the query, and what answered it.
    fn why<'b>(&'b self, hit: &'b Hit) -> Vec<WhyJson<'b>> {
        let mut reasons = Vec::new();
        for asked in self.asked {
            let is_words = matches!(asked.kind, "text" | "minus");
            let (mut learned, mut weight) = (0.0, 0.0);
            for place in asked.term.parts.clone() {
                let (part, why) = (&self.query.parts[place], &hit.why[place]);
                if is_words && part.on != VectorName::Text {
                    learned += part.weight * why.score;
                    weight += part.weight;
                    continue;
                }
                let text = &hit.record.vectors.text;
                let matched = match self.words {
                    Some(words) if is_words => words.matched(&part.vector, text),
                    _ => Vec::new(),
                };
                reasons.push(WhyJson {
                    part: why.part.name(),
                    score: why.score,
                    asked: Some(asked.value),
                    weight: Some(part.weight),
                    matched,
                });
            }
            if weight != 0.0 {
                reasons.push(WhyJson {
                    part: ADAPTER,
                    score: learned / weight,
                    asked: Some(asked.value),
                    weight: Some(weight),
                    matched: Vec::new(),
                });
            }
        }
        if let Some(title) = &hit.title {
            reasons.push(WhyJson {
                part: "title",
                score: title.score,
                asked: self.query.title_words.as_deref(),
                weight: None,
                matched: (title.words.iter())
                    .map(|word| Matched {
                        kind: MatchedKind::Title,
                        word: word.clone(),
                        share: None,
                    })
                    .collect(),
            });
        }
        reasons
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

fn first(asked: &[Weighted]) -> Option<&str> {
    asked.first().map(|asked| asked.value.as_str())
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
