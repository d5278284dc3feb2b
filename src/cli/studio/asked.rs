//! What a client of the server asks of the studio, by the names of the API.

use std::str::FromStr;
use std::sync::Arc;

use showroom_catalog::studio::StudioError;
use showroom_studio::backdrop::{Layout, Scene};
use showroom_studio::check::RuleSet;
use showroom_studio::cutout::{Aspect, BadParameter, RemoveParams};
use showroom_studio::write::ImageFormat;

use super::backdrop::colours;
use super::check::rules_hash;

/// Longer side of a backdrop in pixels, unless asked for otherwise, and at the most.
const SIDE: u32 = 2000;
const MOST_SIDE: u32 = 4096;

/// The parameters of one request; where one comes several times the last is taken.
pub struct Asked<'a>(pub &'a [(String, String)]);

/// A backdrop, by what it is called: it is made when it is needed.
pub struct BackdropAsk {
    pub on: String,
    pub layout: Layout,
    pub format: ImageFormat,
    pub quality: u8,
}

/// Rules, and the hash of what they say.
pub struct CheckAsk {
    pub rules: Arc<RuleSet>,
    pub hash: String,
}

impl<'a> Asked<'a> {
    fn word(&self, name: &str) -> Option<&'a str> {
        let last = self.0.iter().rev().find(|(known, _)| known == name);
        let (_, value) = last?;
        (!value.is_empty()).then_some(value.as_str())
    }

    /// A value of a kind that passes; `wanted` says which.
    fn value<T: FromStr>(
        &self,
        name: &str,
        wanted: &str,
        passes: impl FnOnce(&T) -> bool,
    ) -> Result<Option<T>, StudioError> {
        let read = |text: &str| {
            let value = text.parse().ok().filter(passes);
            value.ok_or_else(|| bad(name, text, wanted))
        };
        self.word(name).map(read).transpose()
    }

    /// The network that is asked for; the first of those that there are where none is.
    pub fn model(&self, models: &[String]) -> Result<String, StudioError> {
        let first = models.first().cloned().unwrap_or_default();
        match self.word("model") {
            None => Ok(first),
            Some(name) if models.iter().any(|known| known == name) => Ok(name.to_string()),
            Some(name) => Err(bad("model", name, &format!("take {}", models.join(" or ")))),
        }
    }

    pub fn cutout(&self) -> Result<RemoveParams, StudioError> {
        let pairs = self.0.iter();
        let pairs = pairs.map(|(name, value)| (name.as_str(), value.as_str()));
        RemoveParams::from_pairs(pairs).map_err(
            |BadParameter {
                 name,
                 value,
                 wanted,
             }| StudioError::BadParameter {
                name,
                value,
                wanted: wanted.to_string(),
            },
        )
    }

    pub fn backdrop(&self) -> Result<BackdropAsk, StudioError> {
        let on = self.word("on").unwrap_or("white");
        let is_scene = Scene::built_in_names().any(|name| name == on);
        match colours(on) {
            Some(Err(wanted)) => return Err(bad("on", on, &wanted)),
            None if !is_scene => {
                let names: Vec<&str> = Scene::built_in_names().collect();
                let names = names.join(", ");
                let wanted = format!("take white, #rrggbb, #from..#to or a scene: {names}");
                return Err(bad("on", on, &wanted));
            }
            _ => {}
        }
        let aspect: Option<Aspect> = self.value(
            "aspect",
            "take width:height, 1:10 to 10:1",
            |aspect: &Aspect| (0.1..=10.0).contains(&ratio(*aspect)),
        )?;
        let side = format!("take pixels, 16 to {MOST_SIDE}");
        let size = self.value("size", &side, |size: &u32| (16..=MOST_SIDE).contains(size))?;
        let share = |share: &f32| (0.0..=1.0).contains(share);
        let format = self.value("format", "take png, webp, avif or jpeg", |_| true)?;
        let quality = self.value("quality", "take 1 to 100", |q: &u8| (1..=100).contains(q))?;
        Ok(BackdropAsk {
            on: on.to_string(),
            layout: Layout {
                fill: self.value("fill", "take a share, 0.05 to 1", |fill: &f64| {
                    (0.05..=1.0).contains(fill)
                })?,
                aspect: aspect.map(ratio),
                longest_side: Some(size.unwrap_or(SIDE)),
                harmonise: self
                    .value("harmonise", "take a share, 0 to 1", share)?
                    .unwrap_or(0.0),
                seed: self
                    .value("seed", "take a whole number", |_| true)?
                    .unwrap_or(0),
            },
            format: format.unwrap_or(ImageFormat::Png),
            quality: quality.unwrap_or(90),
        })
    }

    pub fn check(&self) -> Result<CheckAsk, StudioError> {
        let name = self.word("rules").unwrap_or_default();
        let names: Vec<&str> = RuleSet::built_in_names().collect();
        let missing = || bad("rules", name, &format!("take {}", names.join(", ")));
        let rules = RuleSet::built_in(name).ok_or_else(missing)?;
        // What is built in can be read: a test holds that.
        let rules = rules.map_err(|reason| bad("rules", name, &reason))?;
        Ok(CheckAsk {
            hash: rules_hash(&rules),
            rules: Arc::new(rules),
        })
    }
}

fn ratio(aspect: Aspect) -> f64 {
    f64::from(aspect.width) / f64::from(aspect.height)
}

fn bad(name: &str, value: &str, wanted: &str) -> StudioError {
    StudioError::BadParameter {
        name: name.to_string(),
        value: value.chars().take(80).collect(),
        wanted: wanted.to_string(),
    }
}
