//! What was measured beside what is allowed.

use serde::{Deserialize, Serialize};

use super::measure::{Measures, Value};
use super::rules::{Level, Rule, RuleSet};

/// What is to be said of a photo, or of one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Pass,
    /// A recommendation is not kept.
    Warn,
    /// It cannot be told; a person should look.
    Unknown,
    /// A rule is not kept.
    Fail,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Warn => "warn",
            Verdict::Unknown => "unknown",
            Verdict::Fail => "fail",
        }
    }
}

/// One rule on one photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Name of the measure.
    pub measure: String,
    pub level: Level,
    pub verdict: Verdict,
    /// A number or a name; `null` where it cannot be told.
    pub value: serde_json::Value,
    /// What is allowed: `≥ 0.85`.
    pub limit: String,
    /// The rule in words; of an unknown one why it cannot be told.
    pub says: String,
    /// What mends it, where it is not kept and something does.
    pub remedy: Option<String>,
}

/// Each rule of a set, in its order.
pub fn judge(rules: &RuleSet, measures: &Measures) -> Vec<Finding> {
    let findings = rules.rules.iter();
    findings
        .map(|rule| finding(rule, measures.get(rule.measure)))
        .collect()
}

/// The worst of what is required: a recommendation that cannot be told is no more than a warning.
pub fn overall(findings: &[Finding]) -> Verdict {
    let verdicts = findings.iter().map(|finding| finding.overall());
    verdicts.max().unwrap_or(Verdict::Pass)
}

impl Finding {
    fn overall(&self) -> Verdict {
        match (self.level, self.verdict) {
            (Level::Recommended, Verdict::Unknown) => Verdict::Warn,
            (_, verdict) => verdict,
        }
    }
}

fn finding(rule: &Rule, value: Value) -> Finding {
    let kept = match &value {
        Value::Number(number) => Some(
            rule.min.is_none_or(|min| *number >= min) && rule.max.is_none_or(|max| *number <= max),
        ),
        Value::Name(name) => rule
            .one_of
            .as_ref()
            .map(|allowed| allowed.iter().any(|one| one == name)),
        Value::Unknown(_) => None,
    };
    let verdict = match (kept, rule.level) {
        (Some(true), _) => Verdict::Pass,
        (Some(false), Level::Required) => Verdict::Fail,
        (Some(false), Level::Recommended) => Verdict::Warn,
        (None, _) => Verdict::Unknown,
    };
    let says = match &value {
        Value::Unknown(why) => format!("{}: {why}", rule.says),
        _ => rule.says.clone(),
    };
    let is_kept = verdict == Verdict::Pass;
    Finding {
        measure: rule.measure.name().to_string(),
        level: rule.level,
        verdict,
        value: match value {
            // Six digits behind the point, so that the JSON is the same on every machine.
            Value::Number(number) => ((number * 1e6).round() / 1e6).into(),
            Value::Name(name) => name.into(),
            Value::Unknown(_) => serde_json::Value::Null,
        },
        limit: limit(rule),
        says,
        remedy: (!is_kept)
            .then(|| rule.measure.remedy().map(str::to_string))
            .flatten(),
    }
}

fn limit(rule: &Rule) -> String {
    match (&rule.one_of, rule.min, rule.max) {
        (Some(names), _, _) => names.join(", "),
        (None, Some(min), Some(max)) => format!("{min} to {max}"),
        (None, Some(min), None) => format!("≥ {min}"),
        (None, None, Some(max)) => format!("≤ {max}"),
        (None, None, None) => String::new(),
    }
}
