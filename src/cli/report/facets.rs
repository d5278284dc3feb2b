//! What can be filtered by, with how many photos of the page each holds for.

use std::collections::BTreeMap;

use super::flags::{FLAGS, Flag};
use super::page::Card;

/// Deepest level of the taxonomy that is offered as a filter; the text filter finds the rest.
const MAX_DEPTH: usize = 4;

/// One category with everything below it.
#[derive(Debug, PartialEq, Eq)]
pub struct CategoryFacet {
    pub id: String,
    pub name: String,
    /// 0 at the top.
    pub depth: usize,
    pub photos: usize,
}

/// One named colour.
#[derive(Debug, PartialEq)]
pub struct ColourFacet {
    pub name: String,
    /// Mean of the photos' colours of this name, weighted by their shares.
    pub hex: String,
    pub photos: usize,
    /// Share of all the products' pixels on the page, 0–1.
    pub share: f32,
}

/// Categories as a tree read from the top: each followed by what is below it.
pub fn categories(cards: &[Card]) -> Vec<CategoryFacet> {
    let mut nodes: BTreeMap<Vec<&str>, (&str, usize)> = BTreeMap::new();
    for category in cards
        .iter()
        .filter_map(|card| card.record.category.as_ref())
    {
        for (depth, id) in category
            .ancestors()
            .take(category.path.len().min(MAX_DEPTH))
            .enumerate()
        {
            let path = category.path[..=depth].iter().map(String::as_str).collect();
            nodes.entry(path).or_insert((id, 0)).1 += 1;
        }
    }
    nodes
        .into_iter()
        .map(|(path, (id, photos))| CategoryFacet {
            id: id.to_string(),
            name: path.last().copied().unwrap_or_default().to_string(),
            depth: path.len() - 1,
            photos,
        })
        .collect()
}

/// Colours, the one that covers most first.
pub fn colours(cards: &[Card]) -> Vec<ColourFacet> {
    #[derive(Default)]
    struct Sum {
        photos: usize,
        share: f64,
        rgb: [f64; 3],
    }
    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    for colour in cards.iter().flat_map(|card| &card.record.colours) {
        let sum = sums.entry(&colour.name).or_default();
        let share = f64::from(colour.share.clamp(0.0, 1.0));
        sum.photos += 1;
        sum.share += share;
        for (mean, channel) in sum.rgb.iter_mut().zip(rgb(&colour.hex)) {
            *mean += share * f64::from(channel);
        }
    }
    let all: f64 = sums.values().map(|sum| sum.share).sum();
    let mut facets: Vec<ColourFacet> = sums
        .into_iter()
        .filter(|(_, sum)| sum.share > 0.0)
        .map(|(name, sum)| {
            let [r, g, b] = sum.rgb.map(|channel| (channel / sum.share).round() as u8);
            ColourFacet {
                name: name.to_string(),
                hex: format!("#{r:02x}{g:02x}{b:02x}"),
                photos: sum.photos,
                share: (sum.share / all) as f32,
            }
        })
        .collect();
    facets.sort_by(|a, b| {
        b.share
            .total_cmp(&a.share)
            .then_with(|| a.name.cmp(&b.name))
    });
    facets
}

/// Flags that hold for at least one photo.
pub fn flag_counts(cards: &[Card]) -> Vec<(&'static Flag, usize)> {
    FLAGS
        .iter()
        .map(|flag| {
            let holding = cards.iter().filter(|card| flag.holds(&card.record.facts));
            (flag, holding.count())
        })
        .filter(|(_, photos)| *photos > 0)
        .collect()
}

/// Channels of `#rrggbb`; grey for what is none.
pub fn rgb(hex: &str) -> [u8; 3] {
    let channel = |at: usize| {
        hex.get(at..at + 2)
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
            .unwrap_or(128)
    };
    [channel(1), channel(3), channel(5)]
}
