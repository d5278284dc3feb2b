//! The first reading of a feed: which columns it has, what is in them, and what is odd.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{Hash, Hasher};

use serde::Serialize;
use showroom_catalog::feed::{Cell, Row, Table};
use showroom_catalog::seams::SourceError;
use showroom_catalog::{AttributeKind, AttributeValue};

use super::mapping::{Mapping, Role, roles};

/// Most columns of a feed, and most values that a preview shows of each.
const MAX_COLUMNS: usize = 400;
const SAMPLES: usize = 3;
/// Longest value that a preview shows, in characters.
const SAMPLE_LENGTH: usize = 60;

/// What was understood of a feed: what `--dry-run` shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Survey {
    pub feed: String,
    pub rows: u64,
    pub bad_rows: u64,
    /// SKUs that differ.
    pub products: u64,
    /// Rows whose SKU came before, not directly above: perhaps two products with one SKU.
    pub repeated_skus: u64,
    pub columns: Vec<Column>,
}

/// One column of a feed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Column {
    pub heading: String,
    /// `sku`, `title`, `image`, `group`, `attribute`, `ignored`.
    pub role: &'static str,
    /// Of an attribute: what a filter calls it.
    pub attribute: Option<String>,
    /// Of an attribute.
    pub kind: Option<AttributeKind>,
    pub filled: u64,
    pub samples: Vec<String>,
}

/// What the columns are, for the second reading.
#[derive(Debug, Default)]
pub struct Plan {
    pub roles: BTreeMap<String, Role>,
    /// The kind of the cells of a heading that have none of their own.
    pub kinds: BTreeMap<String, AttributeKind>,
    /// Headings of the SKU, the first choice first.
    pub sku: Vec<String>,
}

#[derive(Default)]
struct Seen {
    filled: u64,
    samples: Vec<String>,
    not_number: bool,
    not_bool: bool,
    kinds: BTreeSet<AttributeKind>,
}

/// Reads the feed once. The error says what of the mapping does not fit, or that there is no SKU or no photo column.
pub fn survey(table: &dyn Table, mapping: &Mapping) -> Result<(Plan, Survey), SourceError> {
    let unreadable = |reason: String| SourceError::Unreadable {
        uri: table.path().to_string(),
        reason,
    };
    let mut headings: Vec<String> = Vec::new();
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    let mut survey = Survey {
        feed: table.path().to_string(),
        ..Survey::default()
    };
    table.rows(&mut |row| {
        survey.rows += 1;
        let Ok(row) = row else {
            survey.bad_rows += 1;
            return true;
        };
        for (heading, cell) in row.cells {
            if !seen.contains_key(&heading) {
                headings.push(heading.clone());
            }
            seen.entry(heading).or_default().add(&cell);
        }
        headings.len() <= MAX_COLUMNS
    })?;
    if headings.len() > MAX_COLUMNS {
        let reason = format!("it has more than {MAX_COLUMNS} columns; leave some out of the file");
        return Err(unreadable(reason));
    }
    let roles = roles(&headings, mapping).map_err(unreadable)?;
    let of_role = |role: Role| -> Vec<String> {
        let named = headings.iter().filter(|heading| roles[*heading] == role);
        named.cloned().collect()
    };
    let mut sku = of_role(Role::Sku);
    // As the user named them, where the user did.
    sku.sort_by_key(|heading| mapping.sku.iter().position(|said| said == heading));
    if survey.rows > survey.bad_rows {
        let missing = match (sku.is_empty(), of_role(Role::Image).is_empty()) {
            (true, _) => Some("the SKU; say which with --map sku=COLUMN"),
            (_, true) => Some("photos; say which with --map image=COLUMN"),
            _ => None,
        };
        if let Some(missing) = missing {
            let columns = headings.join(", ");
            return Err(unreadable(format!(
                "no column of it is known to hold {missing} (columns: {columns})"
            )));
        }
    }
    let kinds: BTreeMap<String, AttributeKind> = headings
        .iter()
        .map(|heading| (heading.clone(), seen[heading].kind(&roles[heading])))
        .collect();
    for heading in &headings {
        survey
            .columns
            .push(column(heading, &roles[heading], kinds[heading], &mut seen));
    }
    let plan = Plan { roles, kinds, sku };
    count_products(table, &plan, &mut survey)?;
    Ok((plan, survey))
}

fn column(
    heading: &str,
    role: &Role,
    kind: AttributeKind,
    seen: &mut BTreeMap<String, Seen>,
) -> Column {
    let Seen {
        filled, samples, ..
    } = seen.remove(heading).unwrap_or_default();
    let (role, attribute) = match role {
        Role::Sku => ("sku", None),
        Role::Title => ("title", None),
        Role::Image => ("image", None),
        Role::Group => ("group", None),
        Role::Ignored => ("ignored", None),
        Role::Attribute(name, _) => ("attribute", Some(name.clone())),
    };
    Column {
        heading: heading.strip_suffix(":any").unwrap_or(heading).to_string(),
        role,
        kind: attribute.is_some().then_some(kind),
        attribute,
        filled,
        samples,
    }
}

/// Needs the plan, so it reads the feed again; eight bytes a SKU are kept.
fn count_products(table: &dyn Table, plan: &Plan, survey: &mut Survey) -> Result<(), SourceError> {
    let mut skus = HashSet::new();
    let mut above = None;
    table.rows(&mut |row| {
        let sku = row.ok().and_then(|row| plan.sku_of(&row));
        if let Some(hash) = sku.as_deref().map(hash) {
            let is_new = skus.insert(hash);
            survey.products += u64::from(is_new);
            survey.repeated_skus += u64::from(!is_new && above != Some(hash));
            above = Some(hash);
        }
        true
    })
}

/// The same in every run of the program; to tell texts apart, not to keep.
pub fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl Plan {
    /// The SKU that the row itself names.
    pub fn sku_of(&self, row: &Row) -> Option<String> {
        self.sku.iter().find_map(|heading| {
            let (_, cell) = row.cells.iter().find(|(name, _)| name == heading)?;
            Some(text(cell)).filter(|sku| !sku.is_empty())
        })
    }
}

/// A cell as one text.
pub fn text(cell: &Cell) -> String {
    match cell {
        Cell::Untyped(text) => text.clone(),
        Cell::Value(value) => value.to_string(),
    }
}

/// A number as shops write one: no sign but a minus, no zero in front, at most eleven digits before
/// the point. What is longer, or has zeros in front, is a key (a GTIN, a telephone number).
pub fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let is_key = whole.len() > 11 || (whole.len() > 1 && whole.starts_with('0'));
    if is_key || !all_digits(whole) || !all_digits(part) {
        return None;
    }
    text.parse().ok()
}

/// `true` or `false`, as programs write it.
pub fn truth(text: &str) -> Option<bool> {
    match text {
        "true" | "TRUE" | "True" => Some(true),
        "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

impl Seen {
    fn add(&mut self, cell: &Cell) {
        self.filled += 1;
        match cell {
            Cell::Untyped(text) => {
                self.not_number |= number(text).is_none();
                self.not_bool |= truth(text).is_none();
            }
            Cell::Value(value) => {
                self.kinds.insert(value.kind());
            }
        }
        if self.samples.len() < SAMPLES {
            let sample: String = text(cell).chars().take(SAMPLE_LENGTH).collect();
            if !self.samples.contains(&sample) {
                self.samples.push(sample);
            }
        }
    }

    fn kind(&self, role: &Role) -> AttributeKind {
        match role {
            Role::Attribute(_, Some(kind)) => *kind,
            _ => match (self.kinds.first(), self.not_number, self.not_bool) {
                (Some(kind), ..) => *kind,
                (None, false, _) => AttributeKind::Number,
                (None, _, false) => AttributeKind::Bool,
                _ => AttributeKind::Text,
            },
        }
    }
}

/// The value of a cell under a heading whose untyped cells are of this kind.
pub fn value(cell: Cell, kind: AttributeKind) -> AttributeValue {
    let text = match cell {
        Cell::Value(value) => return value,
        Cell::Untyped(text) => text,
    };
    let typed = match kind {
        AttributeKind::Number => text
            .parse()
            .ok()
            .filter(|n: &f64| n.is_finite())
            .map(AttributeValue::Number),
        AttributeKind::Bool => truth(&text).map(AttributeValue::Bool),
        AttributeKind::List => serde_json::from_str(&text).ok().map(AttributeValue::List),
        AttributeKind::Text => None,
    };
    typed.unwrap_or(AttributeValue::Text(text))
}
