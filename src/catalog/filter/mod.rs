//! Conditions on a photo's tags and facts: `--where "colour = red and category = 'Shoes'"`.
//!
//! ```text
//! expression = condition | not expression | expression and expression | expression or expression
//!            | ( expression )
//! condition  = field (= | != | < | <= | > | >=) value | field in ( value, … )
//! value      = number | word | 'text' | "text"
//! ```
//!
//! `not` binds tighter than `and`, `and` tighter than `or`. Words are compared without regard to
//! case. `category = X` holds for X (an id or a name) and everything below it; `colour = X` and
//! `label = X` hold where one of them is X. A name that is no field is that of an attribute of the
//! shop's feed (`price < 50 and brand = Acme`).

mod parse;

use std::fmt;

pub use parse::BadFilter;

/// What a condition is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    Id,
    Uri,
    Sku,
    /// The words of the shop's title: `title = X` holds where it is X, without regard to case.
    Title,
    Format,
    Category,
    Colour,
    Label,
    CategoryScore,
    Width,
    Height,
    Bytes,
    Sharpness,
    Brightness,
    ClippedDark,
    ClippedBright,
    BorderWhite,
    BorderUniform,
    Transparent,
    ProductShare,
    /// An attribute of the shop's feed, by its name; whether the catalogue has it, and of which kind
    /// its values are, only the catalogue knows.
    Attribute(String),
}

impl Field {
    /// All that every catalogue has.
    pub const ALL: [Field; 20] = [
        Field::Id,
        Field::Uri,
        Field::Sku,
        Field::Title,
        Field::Format,
        Field::Category,
        Field::Colour,
        Field::Label,
        Field::CategoryScore,
        Field::Width,
        Field::Height,
        Field::Bytes,
        Field::Sharpness,
        Field::Brightness,
        Field::ClippedDark,
        Field::ClippedBright,
        Field::BorderWhite,
        Field::BorderUniform,
        Field::Transparent,
        Field::ProductShare,
    ];

    /// The word in a filter; for facts the same as in the JSON.
    pub fn name(&self) -> &str {
        match self {
            Field::Id => "id",
            Field::Uri => "uri",
            Field::Sku => "sku",
            Field::Title => "title",
            Field::Format => "format",
            Field::Category => "category",
            Field::Colour => "colour",
            Field::Label => "label",
            Field::CategoryScore => "category_score",
            Field::Width => "width",
            Field::Height => "height",
            Field::Bytes => "bytes",
            Field::Sharpness => "sharpness",
            Field::Brightness => "brightness",
            Field::ClippedDark => "clipped_dark",
            Field::ClippedBright => "clipped_bright",
            Field::BorderWhite => "border_white",
            Field::BorderUniform => "border_uniform",
            Field::Transparent => "transparent",
            Field::ProductShare => "product_share",
            Field::Attribute(name) => name,
        }
    }

    /// Whether values are numbers; else they are words, or, of an attribute, either.
    pub fn is_number(&self) -> bool {
        !matches!(
            self,
            Field::Id
                | Field::Uri
                | Field::Sku
                | Field::Title
                | Field::Format
                | Field::Category
                | Field::Colour
                | Field::Label
                | Field::Attribute(_)
        )
    }

    /// A name that is none of the fixed ones is that of an attribute.
    pub fn from_name(name: &str) -> Field {
        let name = name.to_lowercase();
        if name == "color" {
            return Field::Colour;
        }
        let fixed = Field::ALL.into_iter().find(|field| field.name() == name);
        fixed.unwrap_or(Field::Attribute(name))
    }

    /// Whether every catalogue has it.
    pub fn is_known(&self) -> bool {
        !matches!(self, Field::Attribute(_))
    }
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// As written in a filter, and in SQL.
    pub fn symbol(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }
}

/// A number or a word; which of the two is settled by [`Field::is_number`] when it is parsed, and of
/// an attribute by how it is written: what reads as a number and has no quotes is one.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Number(f64),
    /// Lower case, except for [`Field::Uri`] and [`Field::Sku`], which are compared as they are.
    Word(String),
}

/// A condition, or conditions joined.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    Compare(Field, Comparison, Value),
    /// The field is one of these; never empty.
    OneOf(Field, Vec<Value>),
    Not(Box<Filter>),
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) => write!(f, "{number}"),
            Value::Word(word) => write!(f, "'{}'", word.replace('\'', "''")),
        }
    }
}

/// Prints a filter that parses back to itself.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Filter::Compare(field, comparison, value) => {
                write!(f, "{} {} {value}", field.name(), comparison.symbol())
            }
            Filter::OneOf(field, values) => {
                write!(f, "{} in (", field.name())?;
                for (at, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
            Filter::Not(inner) => write!(f, "not ({inner})"),
            Filter::And(left, right) => write!(f, "({left}) and ({right})"),
            Filter::Or(left, right) => write!(f, "({left}) or ({right})"),
        }
    }
}
