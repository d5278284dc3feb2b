//! The keys of a configuration as diffusers writes it. What is there and is not known is refused, unless it
//! is switched off: a checkpoint that needs it would give wrong pictures without it.

use std::path::Path;

use serde_json::{Map, Value};
use showroom_catalog::seams::ModelError;

/// The longest configuration, bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The keys of one file that nobody has asked for yet.
pub struct Keys {
    file: String,
    left: Map<String, Value>,
}

impl Keys {
    pub fn read(path: &Path) -> Result<Keys, ModelError> {
        let refused = |reason: String| refused(&path.display().to_string(), &reason);
        let bytes = std::fs::metadata(path)
            .and_then(|file| match file.len() {
                0..=MAX_BYTES => std::fs::read(path),
                _ => Err(std::io::Error::other("it is too long for a configuration")),
            })
            .map_err(|error| refused(error.to_string()))?;
        let left = serde_json::from_slice(&bytes).map_err(|error| refused(error.to_string()))?;
        Ok(Keys {
            file: path.display().to_string(),
            left,
        })
    }

    /// Of an object that stands in `file`.
    pub fn of(file: &str, left: Map<String, Value>) -> Keys {
        Keys {
            file: file.to_string(),
            left,
        }
    }

    pub fn refused(&self, reason: &str) -> ModelError {
        refused(&self.file, reason)
    }

    fn wrong(&self, key: &str, value: &Value, wanted: &str) -> ModelError {
        self.refused(&format!(
            "its {key} is {value}; this program knows {wanted} alone"
        ))
    }

    /// The value, where there is one that is not null.
    fn value(&mut self, key: &str) -> Option<Value> {
        self.left.remove(key).filter(|value| !value.is_null())
    }

    /// A whole number from 1 to `most`.
    pub fn size(&mut self, key: &str, default: usize, most: usize) -> Result<usize, ModelError> {
        let value = self.value(key).unwrap_or(default.into());
        let size = value.as_u64().map(|size| size as usize);
        size.filter(|size| (1..=most).contains(size))
            .ok_or_else(|| self.wrong(key, &value, &format!("1 to {most}")))
    }

    /// A list of whole numbers from 1 to `most`, or one number, which then stands for `count` of them.
    pub fn sizes(
        &mut self,
        key: &str,
        count: Option<usize>,
        most: usize,
    ) -> Result<Vec<usize>, ModelError> {
        let value = self.value(key).unwrap_or_default();
        let size = |value: &Value| {
            let size = value.as_u64().map(|size| size as usize);
            size.filter(|size| (1..=most).contains(size))
        };
        let sizes = match (&value, count) {
            (Value::Array(values), _) => values.iter().map(size).collect(),
            (value, Some(count)) => size(value).map(|size| vec![size; count]),
            _ => None,
        };
        let right = |sizes: &Vec<usize>| match count {
            Some(count) => sizes.len() == count,
            None => (1..=8).contains(&sizes.len()),
        };
        sizes
            .filter(right)
            .ok_or_else(|| self.wrong(key, &value, &format!("numbers from 1 to {most}")))
    }

    pub fn number(&mut self, key: &str, default: f64) -> Result<f64, ModelError> {
        let value = self.value(key).unwrap_or(default.into());
        let number = value.as_f64().filter(|number| number.is_finite());
        number.ok_or_else(|| self.wrong(key, &value, "numbers"))
    }

    pub fn flag(&mut self, key: &str, default: bool) -> Result<bool, ModelError> {
        let value = self.value(key).unwrap_or(default.into());
        value
            .as_bool()
            .ok_or_else(|| self.wrong(key, &value, "true and false"))
    }

    pub fn word(&mut self, key: &str, default: &str) -> Result<String, ModelError> {
        let value = self.value(key).unwrap_or(default.into());
        value
            .as_str()
            .map(String::from)
            .ok_or_else(|| self.wrong(key, &value, "words"))
    }

    /// A word of these.
    pub fn one_of<T: Copy>(
        &mut self,
        key: &str,
        default: &str,
        known: &[(&str, T)],
    ) -> Result<T, ModelError> {
        let word = self.word(key, default)?;
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let found = known.iter().find(|(name, _)| *name == word);
        found
            .map(|(_, meaning)| *meaning)
            .ok_or_else(|| self.wrong(key, &word.into(), &names.join(", ")))
    }

    /// Holds that a key, where it is there, has the one value that is known.
    pub fn only(&mut self, key: &str, known: impl Into<Value>) -> Result<(), ModelError> {
        let known = known.into();
        let Some(value) = self.value(key) else {
            return Ok(());
        };
        // 1 and 1.0 are the same.
        let same = match (value.as_f64(), known.as_f64()) {
            (Some(value), Some(known)) => value == known,
            _ => value == known,
        };
        match same {
            true => Ok(()),
            false => Err(self.wrong(key, &value, &known.to_string())),
        }
    }

    /// A list whose words are all known.
    pub fn words(&mut self, key: &str, known: &[&str]) -> Result<Vec<String>, ModelError> {
        let value = self.value(key).unwrap_or_default();
        let word = |value: &Value| value.as_str().map(String::from);
        let words: Option<Vec<String>> = value
            .as_array()
            .and_then(|values| values.iter().map(word).collect());
        words
            .filter(|words| words.iter().all(|word| known.contains(&word.as_str())))
            .ok_or_else(|| self.wrong(key, &value, &known.join(" and ")))
    }

    /// Passes over keys that change nothing here.
    pub fn ignore(&mut self, keys: &[&str]) {
        keys.iter().for_each(|key| drop(self.left.remove(*key)));
    }

    /// Holds that nothing is left that is switched on.
    pub fn end(self) -> Result<(), ModelError> {
        let on = |(key, value): &(&String, &Value)| {
            let off = value.is_null() || **value == Value::Bool(false);
            !off && !key.starts_with('_')
        };
        match self.left.iter().find(on) {
            None => Ok(()),
            Some((key, value)) => Err(self.refused(&format!(
                "its key {key} ({value}) is not known here, and without it the pictures may be wrong"
            ))),
        }
    }
}

fn refused(file: &str, reason: &str) -> ModelError {
    ModelError::Refused(format!("{file} is refused: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(json: &str) -> Keys {
        Keys::of("config.json", serde_json::from_str(json).unwrap())
    }

    #[test]
    fn what_is_not_known_is_refused_unless_it_is_off() {
        let off = keys(r#"{"_name": "x", "class_embeds": null, "dual": false}"#);
        assert!(off.end().is_ok());
        let on = keys(r#"{"dual": true}"#).end().unwrap_err().to_string();
        assert!(on.contains("config.json") && on.contains("dual"), "{on}");
    }

    #[test]
    fn values_have_defaults_bounds_and_one_meaning() {
        let mut found = keys(r#"{"a": 3, "b": [2, 4], "c": "y", "d": 1.0, "e": null, "f": 7}"#);
        assert_eq!(found.size("a", 1, 4).unwrap(), 3);
        assert_eq!(found.size("e", 2, 4).unwrap(), 2);
        assert_eq!(found.sizes("b", Some(2), 4).unwrap(), [2, 4]);
        assert_eq!(found.one_of("c", "x", &[("x", 1), ("y", 2)]).unwrap(), 2);
        found.only("d", 1).unwrap();
        let error = found.size("f", 1, 4).unwrap_err().to_string();
        assert!(error.contains("its f is 7") && error.contains("1 to 4"));
        assert!(keys(r#"{"c": "z"}"#).one_of("c", "x", &[("x", 1)]).is_err());
        assert!(keys(r#"{"d": 2}"#).only("d", 1).is_err());
        assert!(keys(r#"{"b": [1]}"#).sizes("b", Some(2), 4).is_err());
    }
}
