//! Which labels there are: read from TOML, from a plain text, or from the names of folders.

use serde::Deserialize;
use showroom_catalog::label::LabelAt;

use super::error::LabelError;

/// Bounds of a label set.
const MAX_BYTES: usize = 4 << 20;
const MAX_GROUPS: usize = 100;
const MAX_LABELS: usize = 1000;
const MAX_PHRASES: usize = 50;
/// Longest name or phrase, in characters.
const MAX_NAME: usize = 100;
const MAX_EXAMPLES: usize = 20_000;
/// Heaviest weight of colour beside shape.
const MAX_COLOUR: f32 = 10.0;

/// The group of labels that are in none.
const NO_GROUP: &str = "labels";

/// The labels that are to be learned.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    #[serde(rename = "group", default)]
    pub groups: Vec<GroupSpec>,
}

/// Labels that belong together.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupSpec {
    pub name: String,
    /// Whether a photo has one of them at the most.
    #[serde(default = "yes")]
    pub exclusive: bool,
    /// How much colour counts beside shape, which counts 1, where examples are compared.
    #[serde(default)]
    pub colour: f32,
    #[serde(rename = "label", default)]
    pub labels: Vec<LabelSpec>,
}

/// One label. Its phrases are its name where none are given.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelSpec {
    pub name: String,
    /// What a shopper would call it, in several ways.
    #[serde(default)]
    pub phrases: Vec<String>,
    /// SKUs, ids or URIs of photos of the catalogue that have the label.
    #[serde(default)]
    pub examples: Vec<String>,
    /// The same of photos that have it not.
    #[serde(default)]
    pub not: Vec<String>,
    /// A folder of photos that have the label.
    #[serde(default)]
    pub folder: Option<String>,
}

fn yes() -> bool {
    true
}

fn bad<T>(reason: impl Into<String>) -> Result<T, LabelError> {
    Err(LabelError::Spec(reason.into()))
}

impl Spec {
    /// Reads `[[group]]` tables with `[[group.label]]` tables in them.
    pub fn from_toml(text: &str) -> Result<Spec, LabelError> {
        check_size(text)?;
        let spec: Spec = match toml::from_str(text) {
            Ok(spec) => spec,
            Err(error) => return bad(error.to_string().trim_end().to_string()),
        };
        spec.checked()
    }

    /// Reads a label a line, its phrasings after it with `|` between, and groups by `[name]` lines,
    /// or `[name] multi` where a photo may have several of its labels. Labels before the first such
    /// line do not exclude one another. A line that begins with `#` is a remark.
    pub fn from_text(text: &str) -> Result<Spec, LabelError> {
        check_size(text)?;
        let mut spec = Spec::default();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(rest) = line.strip_prefix('[') {
                let Some((name, how)) = rest.split_once(']') else {
                    return bad(format!("line {}: the ] of the group is missing", at + 1));
                };
                let exclusive = match how.trim() {
                    "" | "exclusive" => true,
                    "multi" => false,
                    other => {
                        return bad(format!(
                            "line {}: after ] comes multi, or nothing, and not {other:?}",
                            at + 1
                        ));
                    }
                };
                spec.groups.push(GroupSpec {
                    name: name.trim().to_string(),
                    exclusive,
                    ..GroupSpec::default()
                });
                continue;
            }
            if spec.groups.is_empty() {
                spec.groups.push(GroupSpec {
                    name: NO_GROUP.into(),
                    ..GroupSpec::default()
                });
            }
            let mut phrases = line.split('|').map(|phrase| phrase.trim().to_string());
            let label = LabelSpec {
                name: phrases.next().unwrap_or_default(),
                phrases: phrases.filter(|phrase| !phrase.is_empty()).collect(),
                ..LabelSpec::default()
            };
            if let Some(group) = spec.groups.last_mut() {
                group.labels.push(label);
            }
        }
        // A text counts on its words, so the name is one of them.
        for label in spec.groups.iter_mut().flat_map(|group| &mut group.labels) {
            label.phrases.insert(0, label.name.clone());
        }
        spec.checked()
    }

    /// Makes groups of the folders that photos were found in: (group, label) of each photo, in any
    /// order. They exclude one another, but for the groups that `is_multi` names.
    pub fn from_folders(
        found: impl IntoIterator<Item = (String, String)>,
        is_multi: impl Fn(&str) -> bool,
    ) -> Result<Spec, LabelError> {
        let mut spec = Spec::default();
        for (group, label) in found {
            let at = match spec.groups.iter().position(|known| known.name == group) {
                Some(at) => at,
                None => {
                    spec.groups.push(GroupSpec {
                        exclusive: !is_multi(&group),
                        name: group,
                        ..GroupSpec::default()
                    });
                    spec.groups.len() - 1
                }
            };
            let labels = &mut spec.groups[at].labels;
            if labels.iter().all(|known| known.name != label) {
                labels.push(LabelSpec {
                    name: label,
                    ..LabelSpec::default()
                });
            }
        }
        spec.checked()
    }

    /// The label of this id (`group/label`) or name; `Err` says why there is none, or which there
    /// are.
    pub fn find(&self, label: &str) -> Result<LabelAt, String> {
        let ids = |at: &LabelAt| self.id(*at);
        let wanted = label.trim().to_lowercase();
        if let Some(at) = self.all().find(|at| self.id(*at) == wanted) {
            return Ok(at);
        }
        let named: Vec<LabelAt> = self
            .all()
            .filter(|at| self.label(*at).name.to_lowercase() == wanted)
            .collect();
        match named.as_slice() {
            [at] => Ok(*at),
            [] => Err(format!("there is no label {label:?}")),
            several => {
                let ids: Vec<String> = several.iter().map(ids).collect();
                Err(format!("{label:?} may be {}", ids.join(" or ")))
            }
        }
    }

    /// Id of a label, as tags have it: `neckline/v-neck`.
    pub fn id(&self, at: LabelAt) -> String {
        id(&self.groups[at.group].name, &self.label(at).name)
    }

    pub fn label(&self, at: LabelAt) -> &LabelSpec {
        &self.groups[at.group].labels[at.label]
    }

    /// Every label, group by group.
    pub fn all(&self) -> impl Iterator<Item = LabelAt> {
        self.groups.iter().enumerate().flat_map(|(group, spec)| {
            (0..spec.labels.len()).map(move |label| LabelAt { group, label })
        })
    }

    fn checked(mut self) -> Result<Spec, LabelError> {
        let labels: usize = self.groups.iter().map(|group| group.labels.len()).sum();
        if labels == 0 {
            return bad("there is no label in it");
        }
        if self.groups.len() > MAX_GROUPS || labels > MAX_LABELS {
            return bad(format!(
                "it has {} groups and {labels} labels; the most are {MAX_GROUPS} and {MAX_LABELS}",
                self.groups.len()
            ));
        }
        let mut ids: Vec<String> = self.all().map(|at| self.id(at)).collect();
        ids.sort();
        if let Some(twice) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return bad(format!("the label {} is there twice", twice[0]));
        }
        let mut examples = 0;
        for group in &mut self.groups {
            check_name("group", &group.name)?;
            if group.labels.is_empty() {
                return bad(format!("the group {} has no label", group.name));
            }
            if !(0.0..=MAX_COLOUR).contains(&group.colour) {
                return bad(format!(
                    "the colour of the group {} is {}; it goes from 0 to {MAX_COLOUR}",
                    group.name, group.colour
                ));
            }
            // One label excludes nothing.
            group.exclusive &= group.labels.len() > 1;
            for label in &group.labels {
                check_name("label", &label.name)?;
                if label.phrases.len() > MAX_PHRASES {
                    return bad(format!(
                        "the label {} has more than {MAX_PHRASES} phrases",
                        label.name
                    ));
                }
                for phrase in &label.phrases {
                    check_words("phrase", phrase)?;
                }
                examples += label.examples.len() + label.not.len();
            }
        }
        if examples > MAX_EXAMPLES {
            return bad(format!(
                "it names {examples} examples; the most are {MAX_EXAMPLES}"
            ));
        }
        Ok(self)
    }
}

/// Id of a label: group and name in lower case.
pub fn id(group: &str, label: &str) -> String {
    format!("{}/{}", group.to_lowercase(), label.to_lowercase())
}

fn check_size(text: &str) -> Result<(), LabelError> {
    if text.len() > MAX_BYTES {
        return bad(format!("it is longer than {MAX_BYTES} bytes"));
    }
    Ok(())
}

fn check_name(what: &str, name: &str) -> Result<(), LabelError> {
    if name.contains('/') {
        return bad(format!("the {what} {name:?} has a / in its name"));
    }
    check_words(what, name)
}

fn check_words(what: &str, words: &str) -> Result<(), LabelError> {
    let fits = !words.trim().is_empty()
        && words.trim() == words
        && words.chars().count() <= MAX_NAME
        && !words.chars().any(char::is_control);
    if !fits {
        return bad(format!(
            "the {what} {words:?} is empty, longer than {MAX_NAME} characters, begins or ends with a \
             space, or has a line break in it"
        ));
    }
    Ok(())
}
