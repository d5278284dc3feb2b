//! Judged photos in a table: `sku,label` and, where it says so, `right`.

use super::error::LabelError;

/// Most rows of a table.
const MAX_ROWS: usize = 200_000;

/// A row: what somebody said of one label on one photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// SKU, id or URI.
    pub key: String,
    /// Name or id of the label.
    pub label: String,
    pub is_right: bool,
}

/// Reads comma-separated values with a header (RFC 4180). The columns `sku` (or `key`, `id`, `uri`)
/// and `label` are needed; `right` (yes, no, true, false, accept, reject, 1, 0) is yes where it is
/// not there. Other columns are passed over.
pub fn read_truth(text: &str) -> Result<Vec<Judgement>, LabelError> {
    let bad = |line: usize, reason: String| LabelError::Examples(format!("line {line}: {reason}"));
    let mut rows = rows(text.trim_start_matches('\u{feff}'));
    let header = match rows.next() {
        Some((line, row)) => row.map_err(|reason| bad(line, reason))?,
        None => return Err(bad(1, "there is no header".into())),
    };
    let column = |names: &[&str]| {
        header
            .iter()
            .position(|found| names.contains(&found.trim().to_lowercase().as_str()))
    };
    let (Some(key), Some(label)) = (column(&["sku", "key", "id", "uri"]), column(&["label"]))
    else {
        return Err(bad(1, "the header needs the columns sku and label".into()));
    };
    let right = column(&["right"]);
    let mut judged = Vec::new();
    for (line, row) in rows {
        let row = row.map_err(|reason| bad(line, reason))?;
        if row.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let cell = |at: usize| {
            let cell = row.get(at).map(|cell| cell.trim());
            cell.filter(|cell| !cell.is_empty())
                .ok_or_else(|| bad(line, format!("there is no {}", header[at].trim())))
        };
        let is_right = match right.map(cell).transpose()? {
            None => true,
            Some(word) => match word.to_lowercase().as_str() {
                "yes" | "true" | "accept" | "1" => true,
                "no" | "false" | "reject" | "0" => false,
                _ => return Err(bad(line, format!("right is yes or no, not {word:?}"))),
            },
        };
        if judged.len() == MAX_ROWS {
            return Err(bad(line, format!("more than {MAX_ROWS} rows")));
        }
        judged.push(Judgement {
            key: cell(key)?.to_string(),
            label: cell(label)?.to_string(),
            is_right,
        });
    }
    Ok(judged)
}

/// Cells of each row, with the line (from 1) that it begins on.
fn rows(text: &str) -> impl Iterator<Item = (usize, Result<Vec<String>, String>)> {
    let mut chars = text.chars().peekable();
    let mut line = 1;
    std::iter::from_fn(move || {
        chars.peek()?;
        let began = line;
        let mut row = vec![String::new()];
        let mut is_quoted = false;
        while let Some(c) = chars.next() {
            line += usize::from(c == '\n');
            let last = row.len() - 1;
            match c {
                '"' if is_quoted && chars.peek() == Some(&'"') => {
                    chars.next();
                    row[last].push('"');
                }
                '"' if is_quoted || row[last].is_empty() => is_quoted = !is_quoted,
                ',' if !is_quoted => row.push(String::new()),
                '\n' if !is_quoted => return Some((began, Ok(row))),
                '\r' if !is_quoted && chars.peek() == Some(&'\n') => {}
                c => row[last].push(c),
            }
        }
        let end = if is_quoted {
            Err("a quotation that is not closed".into())
        } else {
            Ok(row)
        };
        Some((began, end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(key: &str, label: &str, is_right: bool) -> Judgement {
        Judgement {
            key: key.into(),
            label: label.into(),
            is_right,
        }
    }

    #[test]
    fn a_table_is_read_by_its_header() {
        let text = "\u{feff}Label,note,SKU,right\r\nv-neck,\"a \"\"b\"\",\nc\",S 1,\r\n";
        let error = read_truth(text).unwrap_err().to_string();
        assert_eq!(error, "line 2: there is no right");
        let text = "label,note,SKU,right\nv-neck,\"a \"\"b\"\",\nc\",S 1,no\n\ncrew,,\"S,2\",yes";
        let expected = [judged("S 1", "v-neck", false), judged("S,2", "crew", true)];
        assert_eq!(read_truth(text).unwrap(), expected);
        let expected = [judged("S1", "crew", true)];
        assert_eq!(read_truth("sku,label\nS1,crew\n").unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_with_a_table_is_said_with_its_line() {
        for (text, said) in [
            ("", "line 1: there is no header"),
            (
                "sku\nS1",
                "line 1: the header needs the columns sku and label",
            ),
            ("sku,label\nS1", "line 2: there is no label"),
            (
                "sku,label,right\nS1,crew,maybe",
                "line 2: right is yes or no, not \"maybe\"",
            ),
            (
                "sku,label\n\"S1,crew",
                "line 2: a quotation that is not closed",
            ),
        ] {
            assert_eq!(read_truth(text).unwrap_err().to_string(), said, "{text:?}");
        }
    }
}
