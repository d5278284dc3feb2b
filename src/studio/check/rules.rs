//! What a marketplace asks of a photo, as data: `rules/*.toml`, or a file of the user's own.

use serde::{Deserialize, Serialize};

use crate::write::ImageFormat;

/// Name and text of the rules that are part of the program.
const BUILT_IN: [(&str, &str); 4] = [
    ("amazon", include_str!("rules/amazon.toml")),
    ("google", include_str!("rules/google.toml")),
    ("shopify", include_str!("rules/shopify.toml")),
    ("zalando", include_str!("rules/zalando.toml")),
];

/// The rules of one marketplace.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSet {
    pub name: String,
    /// For people.
    pub title: String,
    /// The public guideline that the rules are taken from.
    pub source: String,
    /// When it was read: a year and a month.
    pub read: String,
    /// What the guideline asks for and nobody measures here.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The picture that keeps the rules.
    pub rendition: Target,
    #[serde(rename = "rule")]
    pub rules: Vec<Rule>,
}

/// One limit.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub measure: Measure,
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// Names that are allowed, where the measure is one.
    pub one_of: Option<Vec<String>>,
    #[serde(default)]
    pub level: Level,
    /// The rule in words.
    pub says: String,
}

/// What happens to a photo that does not keep a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It is refused.
    #[default]
    Required,
    /// It is taken, and does worse.
    Recommended,
}

/// The picture that `--fix` makes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    pub format: ImageFormat,
    /// Width / height.
    pub aspect: f64,
    /// Pixels; less where the product is not large enough, as nothing is enlarged.
    pub longest_side: u32,
    /// How much of the frame the product takes along the axis that it fills more, 0–1.
    pub fill: f64,
    pub max_bytes: u64,
}

/// What can be measured. All shares are 0–1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Format of the file, by its bytes.
    Format,
    /// Size of the file.
    Bytes,
    /// Pixels of the upright photo.
    Width,
    Height,
    LongestSide,
    ShortestSide,
    /// Millions of pixels.
    Megapixels,
    /// Width / height.
    Aspect,
    /// Share of the background that is 255, 255, 255. The rim of the product is left out.
    BackgroundExactWhite,
    /// Share of the background of which every channel is at least 240.
    BackgroundNearWhite,
    /// Width or height of the product's box, as a share of the photo's; the larger of both.
    Fill,
    /// Share of the photo's outermost pixels that are the product.
    CutByFrame,
    /// Share of the photo's rim that is neither the product nor white: a shadow, a table's edge.
    EdgeMarks,
    /// Width of a border round the photo, as a share of its shorter side; 0 without one.
    Frame,
    /// Lines or words of text beside the product; print on it does not count.
    Text,
    /// Share of the photo that they take.
    TextShare,
    /// Separate parts of the mask; two that are alike and side by side are one, a pair.
    Products,
    /// Variance of the Laplacian on the product's box at 500 pixels; below about 100 is soft.
    Sharpness,
    /// Mean luma of the product.
    Brightness,
    /// Shares of the product's pixels that are black, and that are white.
    ClippedDark,
    ClippedBright,
    /// Share of pixels that are at least half transparent.
    Transparent,
}

impl Measure {
    /// As the files and the JSON write it.
    pub fn name(self) -> &'static str {
        match self {
            Measure::Format => "format",
            Measure::Bytes => "bytes",
            Measure::Width => "width",
            Measure::Height => "height",
            Measure::LongestSide => "longest-side",
            Measure::ShortestSide => "shortest-side",
            Measure::Megapixels => "megapixels",
            Measure::Aspect => "aspect",
            Measure::BackgroundExactWhite => "background-exact-white",
            Measure::BackgroundNearWhite => "background-near-white",
            Measure::Fill => "fill",
            Measure::CutByFrame => "cut-by-frame",
            Measure::EdgeMarks => "edge-marks",
            Measure::Frame => "frame",
            Measure::Text => "text",
            Measure::TextShare => "text-share",
            Measure::Products => "products",
            Measure::Sharpness => "sharpness",
            Measure::Brightness => "brightness",
            Measure::ClippedDark => "clipped-dark",
            Measure::ClippedBright => "clipped-bright",
            Measure::Transparent => "transparent",
        }
    }

    /// What mends it: `--fix`, or a sentence; `None` where only another photo helps.
    pub fn remedy(self) -> Option<&'static str> {
        match self {
            Measure::Format | Measure::Bytes => Some("--fix writes it again"),
            Measure::BackgroundExactWhite
            | Measure::BackgroundNearWhite
            | Measure::EdgeMarks
            | Measure::Transparent => Some("--fix puts the cut-out on white"),
            Measure::Fill | Measure::Aspect | Measure::Frame => Some("--fix crops and pads"),
            Measure::Text | Measure::TextShare => Some("--fix drops what lies beside the product"),
            Measure::Megapixels => Some("--fix scales it down"),
            _ => None,
        }
    }
}

impl RuleSet {
    /// Whether a rule is about text, so that it has to be looked for.
    pub fn asks_for_text(&self) -> bool {
        let about_text = |rule: &Rule| matches!(rule.measure, Measure::Text | Measure::TextShare);
        self.rules.iter().any(about_text)
    }

    /// Rules that are part of the program.
    pub fn built_in(name: &str) -> Option<Result<RuleSet, String>> {
        let (name, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(RuleSet::parse(text).map_err(|reason| format!("{name}: {reason}")))
    }

    /// Their names.
    pub fn built_in_names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// Reads rules. The error says what is wrong, without the file.
    pub fn parse(text: &str) -> Result<RuleSet, String> {
        let set: RuleSet = toml::from_str(text).map_err(|error| error.to_string())?;
        let target = &set.rendition;
        if !(0.1..=1.0).contains(&target.fill) {
            return Err("rendition.fill must be 0.1 to 1".to_string());
        }
        if !(0.1..=10.0).contains(&target.aspect) {
            return Err("rendition.aspect must be 0.1 to 10, width / height".to_string());
        }
        if !(16..=20_000).contains(&target.longest_side) {
            return Err("rendition.longest_side must be 16 to 20000 pixels".to_string());
        }
        for rule in &set.rules {
            let named = rule.measure == Measure::Format;
            let whole = match named {
                true => rule.one_of.is_some() && rule.min.is_none() && rule.max.is_none(),
                false => rule.one_of.is_none() && (rule.min.is_some() || rule.max.is_some()),
            };
            if !whole {
                let wants = if named { "one_of" } else { "min, max or both" };
                return Err(format!("the rule of {} needs {wants}", rule.measure.name()));
            }
        }
        if set.rules.is_empty() {
            return Err("there is no [[rule]]".to_string());
        }
        Ok(set)
    }
}
