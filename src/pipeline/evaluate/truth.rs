//! What people said of photos: the CSV files that an evaluation is measured against.

use std::io::Read;
use std::path::Path;

use csv::StringRecord;

/// Rows of a file; more are refused.
const MAX_ROWS: usize = 2_000_000;
/// Size of a file in bytes; a larger one is refused.
const MAX_BYTES: u64 = 1 << 30;
/// Problems that are told one by one.
const MAX_PROBLEMS: usize = 20;

/// What is known of one photo. Empty where nobody said it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The end of the photo's path, with `/` between folders.
    pub file: String,
    /// Photos with the same one show the same item.
    pub item: String,
    /// What kind of product it is, in the shop's own words.
    pub label: String,
    /// Categories that are right, each a path from the top level down.
    pub categories: Vec<Vec<String>>,
    /// Main colours that are right.
    pub colours: Vec<String>,
    /// The part of the data that the photo belongs to, as `test`.
    pub split: String,
}

/// A shopper's words and what is right for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    pub words: String,
    /// What sort of question it is; results are told apart by it.
    pub kind: String,
    /// A photo is right if its label is one of these …
    pub labels: Vec<String>,
    /// … and its colour one of these, where there are any.
    pub colours: Vec<String>,
    /// Photos with these labels count neither way.
    pub also_ok: Vec<String>,
}

/// The rows of a file, and what was wrong with others.
#[derive(Clone, Debug)]
pub struct Table<T> {
    pub rows: Vec<T>,
    /// Sentences with the line; those rows are left out.
    pub problems: Vec<String>,
    /// All that were left out, also those that `problems` has no room for.
    pub left_out: usize,
    /// BLAKE3 of the file, hex.
    pub hash: String,
}

/// A file that cannot be used at all. Names it and the remedy.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadTruth(String);

/// Reads `truth.csv`: the columns `file` and any of `item`, `label`, `category`, `colour`, `split`, in any
/// order; others are passed over. Of `category` and `colour` several may be right, with `|` between them;
/// a category is a path with ` > ` between levels.
pub fn read_truth(path: &Path) -> Result<Table<Expected>, BadTruth> {
    read(path, "file", |row| Expected {
        file: row.get("file").replace('\\', "/"),
        item: row.get("item"),
        label: row.get("label").to_lowercase(),
        categories: list(&row.get("category"))
            .iter()
            .map(|category| category.split('>').map(|name| name.trim().into()).collect())
            .collect(),
        colours: list(&row.get("colour")),
        split: row.get("split"),
    })
}

/// Reads `queries.csv`: the columns `query`, `labels` and, if wanted, `colours`, `also_ok` (or
/// `also_ok_labels`) and `kind`; lists with `|` between them.
pub fn read_questions(path: &Path) -> Result<Table<Question>, BadTruth> {
    read(path, "query", |row| {
        let colours = list(&row.get("colours"));
        let kind = match row.get("kind") {
            kind if !kind.is_empty() => kind,
            _ if colours.is_empty() => "type".into(),
            _ => "colour+type".into(),
        };
        Question {
            words: row.get("query"),
            kind,
            labels: list(&row.get("labels")),
            colours,
            also_ok: [list(&row.get("also_ok")), list(&row.get("also_ok_labels"))].concat(),
        }
    })
}

/// One row by the names of its columns.
struct Row<'a> {
    header: &'a StringRecord,
    row: &'a StringRecord,
}

impl Row<'_> {
    /// The column's text; empty where there is no such column.
    fn get(&self, name: &str) -> String {
        let at = self.header.iter().position(|column| column == name);
        at.and_then(|at| self.row.get(at))
            .unwrap_or("")
            .trim()
            .to_string()
    }
}

/// `a|b` in lower case.
fn list(text: &str) -> Vec<String> {
    let parts = text.split('|').map(|part| part.trim().to_lowercase());
    parts.filter(|part| !part.is_empty()).collect()
}

fn read<T>(path: &Path, key: &str, make: impl Fn(&Row) -> T) -> Result<Table<T>, BadTruth> {
    let at = path.display();
    let bad = |reason: String| BadTruth(format!("{at}: {reason}"));
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| bad(format!("{error}; name the file that says what is right")))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(bad(format!("more than {MAX_BYTES} bytes; split it")));
    }
    let hash = showroom_pixels::photo_id(&bytes).to_string();
    // Spreadsheets put a byte-order mark before the first name.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    let header = reader.headers().map_err(|error| bad(error.to_string()))?;
    let header: StringRecord = header
        .iter()
        .map(|name| name.trim().to_lowercase())
        .collect();
    if !header.iter().any(|name| name == key) {
        return Err(bad(format!(
            "there is no column called {key}; the first line names the columns"
        )));
    }
    let mut table = Table {
        rows: Vec::new(),
        problems: Vec::new(),
        left_out: 0,
        hash,
    };
    for row in reader.records() {
        let (line, problem) = match &row {
            Ok(row) => {
                let line = row.position().map_or(0, csv::Position::line);
                let row = Row {
                    header: &header,
                    row,
                };
                if !row.get(key).is_empty() {
                    table.rows.push(make(&row));
                    if table.rows.len() > MAX_ROWS {
                        return Err(bad(format!("more than {MAX_ROWS} rows; split it")));
                    }
                    continue;
                }
                (line, format!("no {key}"))
            }
            Err(error) => (
                error.position().map_or(0, csv::Position::line),
                error.to_string(),
            ),
        };
        table.left_out += 1;
        if table.problems.len() < MAX_PROBLEMS {
            table
                .problems
                .push(format!("{at}, line {line}: {problem}; left out"));
        }
    }
    Ok(table)
}
