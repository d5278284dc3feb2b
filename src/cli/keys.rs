//! The keys of a server: from the command line, and from `keys.toml`.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use showroom_server::{Key, Keys, Scope};

use crate::exit::Failure;

/// Shortest key that is taken, in characters: shorter ones can be guessed.
const SHORTEST_KEY: usize = 16;

/// `keys.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    #[serde(default)]
    key: Vec<KeyEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    name: String,
    scope: String,
    key: Option<String>,
    /// Of the key, in hexadecimal.
    sha256: Option<String>,
}

/// The keys that were given, and those of the file.
pub fn keys(given: &[String], file: Option<&Path>) -> Result<Keys, Failure> {
    let mut keys = Vec::new();
    for said in given {
        let bad = |what: &str| {
            Failure::Usage(format!("--key is read:KEY, write:KEY or admin:KEY; {what}"))
        };
        let (scope, key) = said
            .split_once(':')
            .ok_or_else(|| bad("there is no : in it"))?;
        let scope = Scope::from_name(scope).ok_or_else(|| bad("it begins with none of them"))?;
        if key.chars().count() < SHORTEST_KEY {
            return Err(bad(&format!("a key has {SHORTEST_KEY} characters or more")));
        }
        keys.push(Key::new("command line", scope, key));
    }
    if let Some(path) = file {
        keys.extend(read_keys(path)?);
    }
    Ok(Keys::new(keys))
}

fn read_keys(path: &Path) -> Result<Vec<Key>, Failure> {
    let bad =
        |what: &dyn std::fmt::Display| Failure::BadInput(format!("{}: {what}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| bad(&error))?;
    // The sentence of the error would quote the file.
    let file: KeyFile = toml::from_str(&text).map_err(|error| bad(&error.message()))?;
    if file.key.is_empty() {
        return Err(bad(&"there is no [[key]] in it"));
    }
    let key = |entry: KeyEntry| {
        let name = &entry.name;
        let scope = Scope::from_name(&entry.scope);
        let scope = scope.ok_or_else(|| bad(&format!("{name}: scope is read, write or admin")))?;
        match (entry.key, entry.sha256) {
            (Some(key), None) if key.chars().count() >= SHORTEST_KEY => {
                Ok(Key::new(name, scope, &key))
            }
            (Some(_), None) => Err(bad(&format!(
                "{name}: a key has {SHORTEST_KEY} characters or more"
            ))),
            (None, Some(digits)) => Ok(Key {
                name: name.clone(),
                scope,
                sha256: sha256(&digits)
                    .ok_or_else(|| bad(&format!("{name}: sha256 is 64 hexadecimal digits")))?,
            }),
            _ => Err(bad(&format!("{name}: give key or sha256, one of them"))),
        }
    };
    file.key.into_iter().map(key).collect()
}

fn sha256(digits: &str) -> Option<[u8; 32]> {
    // 64 digits are what a photo's id is written with too.
    let id: showroom_catalog::PhotoId = digits.parse().ok()?;
    Some(id.0)
}
