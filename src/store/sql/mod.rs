//! [`Filter`] → the SQL of Lance.
//!
//! Filters have two truth values: a missing value is not equal to anything, and `not` of that
//! holds. SQL has three, so `not` is carried down to the conditions, where the missing value is
//! spelt out. Values are only ever written as literals.

use arrow_schema::Schema;
use showroom_catalog::filter::{Comparison, Field, Filter, Value};
use showroom_catalog::seams::StoreError;

use crate::schema::TITLE;

mod attribute;

/// Most conditions in a filter; the query planner below recurses over them.
const MAX_CONDITIONS: usize = 200;
/// Most changes between `and` and `or` on the way down; the SQL parser stops at 50.
const MAX_DEPTH: usize = 20;

/// A text as an SQL literal.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// `column in (…)` of texts.
pub(crate) fn one_of<'a>(column: &str, texts: impl IntoIterator<Item = &'a str>) -> String {
    let list: Vec<String> = texts.into_iter().map(quote).collect();
    format!("{column} in ({})", list.join(", "))
}

/// The condition of `filter`, for a `WHERE`. `table` is the schema that it is asked of: it says which attributes there are.
pub(crate) fn to_sql(filter: &Filter, table: &Schema) -> Result<String, StoreError> {
    let mut conditions = 0;
    condition(filter, table, false, 0, &mut conditions)
}

fn bad(message: impl Into<String>) -> StoreError {
    StoreError::BadQuery(message.into())
}

fn condition(
    filter: &Filter,
    table: &Schema,
    negated: bool,
    depth: usize,
    conditions: &mut usize,
) -> Result<String, StoreError> {
    if depth > MAX_DEPTH {
        return Err(bad(format!(
            "the filter changes between and and or more than {MAX_DEPTH} times on the way down"
        )));
    }
    match filter {
        Filter::Not(inner) => condition(inner, table, !negated, depth, conditions),
        Filter::And(..) | Filter::Or(..) => {
            let all = matches!(filter, Filter::And(..)) != negated;
            let mut operands = Vec::new();
            chain(filter, negated, all, &mut operands);
            let parts: Vec<String> = operands
                .into_iter()
                .map(|(operand, negated)| condition(operand, table, negated, depth + 1, conditions))
                .collect::<Result<_, _>>()?;
            Ok(format!(
                "({})",
                parts.join(if all { " and " } else { " or " })
            ))
        }
        Filter::Compare(field, comparison, value) => {
            count(conditions, 1)?;
            if let Field::Attribute(name) = field {
                return attribute::compare(name, *comparison, value, negated, table);
            }
            if let Some(sql) = without_titles(
                field,
                table,
                (*comparison == Comparison::NotEqual) != negated,
            ) {
                return Ok(sql);
            }
            // A missing value passes `!=` and nothing else.
            let missing_passes = (*comparison == Comparison::NotEqual) != negated;
            let comparison = if negated {
                opposite(*comparison)
            } else {
                *comparison
            };
            let sql = compare(field, comparison, value)?;
            Ok(if missing_passes && nullable(field) {
                format!("({} is null or {sql})", column(field))
            } else {
                sql
            })
        }
        Filter::OneOf(field, values) => {
            count(conditions, values.len())?;
            if let Field::Attribute(name) = field {
                return attribute::one_of(name, values, negated, table);
            }
            if let Some(sql) = without_titles(field, table, negated) {
                return Ok(sql);
            }
            one_of_values(field, values, negated)
        }
    }
}

/// The operands of the outermost `and`s (or `or`s) of `filter`, in order, so that a long chain
/// needs no nesting.
fn chain<'a>(filter: &'a Filter, negated: bool, all: bool, into: &mut Vec<(&'a Filter, bool)>) {
    match filter {
        Filter::Not(inner) => chain(inner, !negated, all, into),
        Filter::And(left, right) if all != negated => {
            chain(left, negated, all, into);
            chain(right, negated, all, into);
        }
        Filter::Or(left, right) if all == negated => {
            chain(left, negated, all, into);
            chain(right, negated, all, into);
        }
        _ => into.push((filter, negated)),
    }
}

fn count(conditions: &mut usize, more: usize) -> Result<(), StoreError> {
    *conditions += more;
    if *conditions > MAX_CONDITIONS {
        return Err(bad(format!(
            "the filter has more than {MAX_CONDITIONS} conditions"
        )));
    }
    Ok(())
}

fn opposite(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Equal => Comparison::NotEqual,
        Comparison::NotEqual => Comparison::Equal,
        Comparison::Less => Comparison::GreaterOrEqual,
        Comparison::LessOrEqual => Comparison::Greater,
        Comparison::Greater => Comparison::LessOrEqual,
        Comparison::GreaterOrEqual => Comparison::Less,
    }
}

/// What holds of every row where the field is the title and the catalogue was made without one.
fn without_titles(field: &Field, table: &Schema, missing_passes: bool) -> Option<String> {
    let is_missing = *field == Field::Title && table.field_with_name(TITLE).is_err();
    is_missing.then(|| missing_passes.to_string())
}

/// The column in which a field is looked up.
fn column(field: &Field) -> &str {
    match field {
        Field::Title => "lower(title)",
        Field::Category => "category_terms",
        Field::Colour => "colour_names",
        Field::Label => "label_terms",
        other => other.name(),
    }
}

fn is_list(field: &Field) -> bool {
    matches!(field, Field::Category | Field::Colour | Field::Label)
}

fn nullable(field: &Field) -> bool {
    matches!(field, Field::Sku | Field::Title | Field::CategoryScore)
}

fn word(field: &Field, value: &Value) -> Result<String, StoreError> {
    match value {
        Value::Word(word) => Ok(quote(word)),
        Value::Number(_) => Err(bad(format!("{} needs a word", field.name()))),
    }
}

fn number(field: &Field, value: &Value) -> Result<f64, StoreError> {
    match value {
        Value::Number(number) if number.is_finite() => Ok(*number),
        _ => Err(bad(format!("{} needs a finite number", field.name()))),
    }
}

fn compare(field: &Field, comparison: Comparison, value: &Value) -> Result<String, StoreError> {
    if field.is_number() {
        let number = number(field, value)?;
        return Ok(match field {
            Field::Width | Field::Height => integer(field, comparison, number, u32::MAX.into()),
            Field::Bytes => integer(field, comparison, number, i64::MAX as f64),
            _ => {
                // The columns are f32; what lies beyond compares as the largest does.
                let number = number.clamp(f32::MIN.into(), f32::MAX.into());
                format!("{} {} {number}", field.name(), comparison.symbol())
            }
        });
    }
    let word = word(field, value)?;
    match comparison {
        Comparison::Equal if is_list(field) => Ok(format!("array_has({}, {word})", column(field))),
        Comparison::NotEqual if is_list(field) => {
            Ok(format!("not array_has({}, {word})", column(field)))
        }
        Comparison::Equal | Comparison::NotEqual => {
            Ok(format!("{} {} {word}", column(field), comparison.symbol()))
        }
        _ => Err(bad(format!(
            "{} can only be compared with = and !=",
            field.name()
        ))),
    }
}

/// A comparison of a column of whole numbers from 0 to `most` with any number.
fn integer(field: &Field, comparison: Comparison, number: f64, most: f64) -> String {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let whole = match comparison {
        Equal | NotEqual if number.fract() != 0.0 => -1.0,
        Less | GreaterOrEqual => number.ceil(),
        _ => number.floor(),
    };
    if (0.0..most).contains(&whole) {
        return format!("{} {} {}", field.name(), comparison.symbol(), whole as u64);
    }
    let below = whole < 0.0;
    let holds = match comparison {
        Equal => false,
        NotEqual => true,
        Less | LessOrEqual => !below,
        Greater | GreaterOrEqual => below,
    };
    holds.to_string()
}

fn one_of_values(field: &Field, values: &[Value], negated: bool) -> Result<String, StoreError> {
    if field.is_number() {
        let any: Vec<String> = values
            .iter()
            .map(|value| compare(field, Comparison::Equal, value))
            .collect::<Result<_, _>>()?;
        let any = any.join(" or ");
        return Ok(match (negated, nullable(field)) {
            (false, _) => format!("({any})"),
            (true, false) => format!("not ({any})"),
            (true, true) => format!("({} is null or not ({any}))", column(field)),
        });
    }
    let words: Vec<String> = values
        .iter()
        .map(|value| word(field, value))
        .collect::<Result<_, _>>()?;
    let words = words.join(", ");
    let column = column(field);
    Ok(if is_list(field) {
        let not = if negated { "not " } else { "" };
        format!("{not}array_has_any({column}, [{words}])")
    } else if !negated {
        format!("{column} in ({words})")
    } else if nullable(field) {
        format!("({column} is null or {column} not in ({words}))")
    } else {
        format!("{column} not in ({words})")
    })
}
