//! Conditions on attributes, whose kinds only the table knows.
//!
//! An attribute may have a column for each kind of value, so a value is looked for in all that it
//! can be in: `size = 38` finds the number 38 and the text `38`.

use arrow_schema::Schema;
use showroom_catalog::AttributeKind;
use showroom_catalog::filter::{Comparison, Value};
use showroom_catalog::seams::StoreError;

use super::{bad, quote};
use crate::attributes;

/// Stands between the elements of a list that is made one text; it is in no element that people see.
const BETWEEN: &str = "\u{1f}";

/// Attributes that are named where one is not found.
const MOST_NAMES: usize = 30;

pub(super) fn compare(
    name: &str,
    comparison: Comparison,
    value: &Value,
    negated: bool,
    table: &Schema,
) -> Result<String, StoreError> {
    let kinds = kinds(name, table)?;
    let is_unequal = comparison == Comparison::NotEqual;
    let holds = match comparison {
        Comparison::Equal | Comparison::NotEqual => equal(name, &kinds, value),
        _ if !kinds.contains(&AttributeKind::Number) => {
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            let kinds = kinds.join(" and ");
            return Err(bad(format!(
                "the attribute {name} is {kinds} and can only be compared with = and !="
            )));
        }
        _ => match value {
            Value::Number(number) => {
                let column = column(name, AttributeKind::Number);
                format!("{column} {} {}", comparison.symbol(), literal(*number))
            }
            Value::Word(word) => {
                return Err(bad(format!("{name} needs a number, not {word:?}")));
            }
        },
    };
    Ok(told_apart(&holds, is_unequal != negated))
}

pub(super) fn one_of(
    name: &str,
    values: &[Value],
    negated: bool,
    table: &Schema,
) -> Result<String, StoreError> {
    let kinds = kinds(name, table)?;
    let any: Vec<String> = values
        .iter()
        .map(|value| equal(name, &kinds, value))
        .collect();
    Ok(told_apart(&any.join(" or "), negated))
}

/// A missing value makes the condition false, and its opposite true.
fn told_apart(condition: &str, negated: bool) -> String {
    let holds = format!("coalesce({condition}, false)");
    if negated {
        format!("not {holds}")
    } else {
        holds
    }
}

fn kinds(name: &str, table: &Schema) -> Result<Vec<AttributeKind>, StoreError> {
    let mut known = attributes::kinds(table);
    if let Some(kinds) = known.remove(name) {
        return Ok(kinds.into_iter().collect());
    }
    let mut names: Vec<&str> = known.keys().map(String::as_str).collect();
    let more = names.len().saturating_sub(MOST_NAMES);
    names.truncate(MOST_NAMES);
    let names = match (names.as_slice(), more) {
        ([], _) => "no feed gave any".into(),
        (names, 0) => names.join(", "),
        (names, more) => format!("{} and {more} more", names.join(", ")),
    };
    Err(bad(format!(
        "filter: no field {name:?}, and no attribute of that name; attributes: {names}; \
         `showroom search --help` lists the fields"
    )))
}

/// The columns in which the value can be, joined by `or`; each `null` is told apart by itself.
fn equal(name: &str, kinds: &[AttributeKind], value: &Value) -> String {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::Word(word) => word.to_lowercase(),
    };
    let number: Option<f64> = match value {
        Value::Number(number) => Some(*number),
        Value::Word(word) => word.parse().ok().filter(|number: &f64| number.is_finite()),
    };
    let conditions: Vec<String> = kinds
        .iter()
        .filter_map(|kind| {
            let column = column(name, *kind);
            Some(match kind {
                AttributeKind::Bool => format!("{column} = {}", text.parse::<bool>().ok()?),
                AttributeKind::Number => format!("{column} = {}", literal(number?)),
                AttributeKind::Text => format!("lower({column}) = {}", quote(&text)),
                AttributeKind::List => {
                    let between = quote(BETWEEN);
                    let one = quote(&format!("{BETWEEN}{text}{BETWEEN}"));
                    format!(
                        "strpos(concat({between}, lower(array_to_string({column}, {between})), \
                         {between}), {one}) > 0"
                    )
                }
            })
        })
        .map(|condition| format!("coalesce({condition}, false)"))
        .collect();
    match conditions.as_slice() {
        [] => "false".into(),
        conditions => conditions.join(" or "),
    }
}

/// Names hold letters, digits and `_` alone, so they cannot end the quotes.
fn column(name: &str, kind: AttributeKind) -> String {
    format!("`{}`", attributes::column(name, kind))
}

/// A number that SQL reads as one that is not whole, so that it is compared as such.
fn literal(number: f64) -> String {
    format!("cast({number:e} as double)")
}
