//! What `showroom search` takes.

use std::path::Path;

use clap::ValueEnum;

/// Find products by words, by photos, or like those of the catalogue, in any combination.
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("what").required(true).multiple(true).args(["text", "image", "like"]),
    after_help = "Examples:
  showroom search --text 'red running shoes'
  showroom search --image photo.jpg --text 'but in blue'
  showroom search --like SKU-123 --text 'boots^0.5' --minus leather -k 5
  showroom search --image photo.jpg --group-by sku --mmr 0.7 --facets
  showroom search --like SKU-123 --where \"colour = black and width >= 800\"
  showroom search --text mug --json | jq -r '.hits[].uri'

--text, --image, --like, --minus and --minus-image may be given several times; WORDS^2 counts twice,
FILE^0.5 half. Words that name colours take the place of the colours of the photos asked with.

--where takes conditions on id, uri, sku, format, category, colour, label, category_score, width,
height, bytes, sharpness, brightness, clipped_dark, clipped_bright, border_white, border_uniform,
transparent, product_share; joined by and, or, not, ( ). `category = X` takes an id or a name and
holds for everything below it."
)]
pub struct Search {
    /// Words of a shopper, e.g. 'black leather boots'; looked for in the photos, and in the titles
    /// where there are any.
    #[arg(long, value_name = "WORDS", env = "SHOWROOM_TEXT", value_parser = weighted)]
    pub text: Vec<Weighted>,
    /// A photo to search with.
    #[arg(long, value_name = "FILE", env = "SHOWROOM_IMAGE", value_parser = weighted_file)]
    pub image: Vec<Weighted>,
    /// SKU, id (or its first 8 digits) or URI of a photo of the catalogue.
    #[arg(long, value_name = "SKU|ID", env = "SHOWROOM_LIKE", value_parser = weighted)]
    pub like: Vec<Weighted>,
    /// Words for what it should not be.
    #[arg(long, value_name = "WORDS", env = "SHOWROOM_MINUS", value_parser = weighted)]
    pub minus: Vec<Weighted>,
    /// A photo of what it should not look like.
    #[arg(long, value_name = "FILE", env = "SHOWROOM_MINUS_IMAGE", value_parser = weighted_file)]
    pub minus_image: Vec<Weighted>,
    /// How much colour counts beside shape (which counts 1) with photos: 0 looks at shape alone.
    #[arg(long, value_name = "W", env = "SHOWROOM_COLOUR_WEIGHT", alias = "color-weight",
          default_value_t = crate::search::DEFAULT_COLOUR_WEIGHT, value_parser = colour_weight)]
    pub colour_weight: f32,
    /// Only photos for which this holds, e.g. "colour = red and width >= 800".
    #[arg(long = "where", value_name = "FILTER", env = "SHOWROOM_WHERE")]
    pub filter: Option<String>,
    /// Of all photos of a product only the best.
    #[arg(long, value_enum, value_name = "FIELD", env = "SHOWROOM_GROUP_BY")]
    pub group_by: Option<GroupBy>,
    /// Spread the hits out (maximal marginal relevance): 1 counts only how well a hit answers, 0
    /// only how unlike it is to those before it.
    #[arg(long, value_name = "WEIGHT", env = "SHOWROOM_MMR", value_parser = share)]
    pub mmr: Option<f32>,
    /// Count categories, colours, labels, formats and attributes, over all photos that pass --where
    /// or over the hits alone.
    #[arg(long, value_enum, value_name = "OVER", env = "SHOWROOM_FACETS", num_args = 0..=1,
          require_equals = true, default_missing_value = "filter")]
    pub facets: Option<FacetsOver>,
    /// How many answers.
    #[arg(short, value_name = "N", env = "SHOWROOM_K", default_value_t = 10,
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub k: u16,
    /// Compare with every photo even where there is an index.
    #[arg(long, env = "SHOWROOM_EXACT")]
    pub exact: bool,
}

/// What makes photos one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GroupBy {
    Sku,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FacetsOver {
    Filter,
    Hits,
}

impl FacetsOver {
    pub fn name(self) -> &'static str {
        match self {
            FacetsOver::Filter => "filter",
            FacetsOver::Hits => "hits",
        }
    }
}

/// Something to ask with, and how much it counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighted {
    pub value: String,
    /// Above 0.
    pub weight: f32,
}

/// `boots^0.5`; what follows a `^` that is no number belongs to the words.
fn weighted(text: &str) -> Result<Weighted, String> {
    let parsed = (text.rsplit_once('^'))
        .and_then(|(value, weight)| Some((value.trim_end(), weight.parse::<f32>().ok()?)));
    let (value, weight) = parsed.unwrap_or((text, 1.0));
    if !(weight > 0.0 && weight <= 100.0) {
        return Err("the weight after ^ must be above 0 and at most 100".to_string());
    }
    Ok(Weighted {
        value: value.to_string(),
        weight,
    })
}

/// A file may be called `a^2`, and then it is meant.
fn weighted_file(text: &str) -> Result<Weighted, String> {
    if Path::new(text).exists() {
        return Ok(Weighted {
            value: text.to_string(),
            weight: 1.0,
        });
    }
    weighted(text)
}

pub(super) fn colour_weight(text: &str) -> Result<f32, String> {
    let weight: f32 = text.parse().map_err(|_| "not a number".to_string())?;
    if (0.0..=100.0).contains(&weight) {
        Ok(weight)
    } else {
        Err("must be between 0 and 100".to_string())
    }
}

fn share(text: &str) -> Result<f32, String> {
    let share: f32 = text.parse().map_err(|_| "not a number".to_string())?;
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err("must be between 0 and 1".to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_follows_a_caret() {
        let check = |text: &str, value: &str, weight: f32| {
            let value = value.to_string();
            assert_eq!(weighted(text), Ok(Weighted { value, weight }), "{text}");
        };
        check("boots^0.5", "boots", 0.5);
        check("red boots ^2", "red boots", 2.0);
        check("boots", "boots", 1.0);
        check("boots^", "boots^", 1.0);
        check("a^b", "a^b", 1.0);
        check("a^b^3", "a^b", 3.0);
        for wrong in ["boots^0", "boots^-1", "boots^101", "boots^nan"] {
            assert!(weighted(wrong).is_err(), "{wrong}");
        }
    }
}
