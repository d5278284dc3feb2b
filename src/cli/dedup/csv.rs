//! Pairs as CSV (RFC 4180), written for a spreadsheet and read back from one.

use std::io::{self, Write};

use showroom_pipeline::DedupReport;

const HEADER: &str = "kind,a_uri,b_uri,a_sku,b_sku,a_width,a_height,a_bytes,b_width,b_height,\
    b_bytes,group,keep,shape,colour,phash_bits,overlap_luma,overlap_detail,overlap_chroma,\
    overlap_share,mirrored,reason";

/// Writes a line a pair, under a header. `keep` is the photo of the group to keep.
pub fn write(report: &DedupReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{HEADER}")?;
    let number = |value: Option<f32>| value.map_or(String::new(), |value| format!("{value:.3}"));
    for pair in &report.pairs {
        let (a, b, evidence) = (&pair.a, &pair.b, &pair.evidence);
        let overlap = evidence.overlap;
        let keep = pair.group.and_then(|group| report.groups.get(group));
        let fields = [
            pair.kind.name().to_string(),
            a.uri.clone(),
            b.uri.clone(),
            a.sku.clone().unwrap_or_default(),
            b.sku.clone().unwrap_or_default(),
            a.width.to_string(),
            a.height.to_string(),
            a.bytes.to_string(),
            b.width.to_string(),
            b.height.to_string(),
            b.bytes.to_string(),
            pair.group.map_or(String::new(), |group| group.to_string()),
            keep.map_or(String::new(), |group| group.keep.clone()),
            number(Some(evidence.shape)),
            number(evidence.colour),
            evidence.phash_bits.to_string(),
            number(overlap.map(|overlap| overlap.luma)),
            number(overlap.map(|overlap| overlap.detail)),
            number(overlap.map(|overlap| overlap.chroma)),
            number(overlap.map(|overlap| overlap.share)),
            overlap.map_or(String::new(), |overlap| overlap.mirrored.to_string()),
            pair.reason.clone(),
        ];
        let fields: Vec<String> = fields.into_iter().map(quoted).collect();
        writeln!(out, "{}", fields.join(","))?;
    }
    out.flush()
}

fn quoted(field: String) -> String {
    if field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}

/// The columns `a_uri` and `b_uri` of each line. The error says what is missing, without the file.
pub fn read_pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut rows = rows(text.strip_prefix('\u{feff}').unwrap_or(text))?.into_iter();
    let header = rows.next().unwrap_or_default();
    let column = |name: &str| {
        let place = header.iter().position(|column| column.trim() == name);
        place.ok_or_else(|| format!("it has no column {name}; take a file that dedup -o wrote"))
    };
    let (a, b) = (column("a_uri")?, column("b_uri")?);
    rows.enumerate()
        .filter(|(_, row)| row.iter().any(|field| !field.is_empty()))
        .map(|(at, row)| match (row.get(a), row.get(b)) {
            (Some(a), Some(b)) => Ok((a.clone(), b.clone())),
            _ => Err(format!("record {} is too short", at + 2)),
        })
        .collect()
}

fn rows(text: &str) -> Result<Vec<Vec<String>>, String> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut chars = text.chars().peekable();
    let mut is_quoted = false;
    while let Some(next) = chars.next() {
        match next {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if is_quoted => is_quoted = false,
            '"' if field.is_empty() => is_quoted = true,
            ',' if !is_quoted => row.push(std::mem::take(&mut field)),
            '\r' if !is_quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !is_quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            other => field.push(other),
        }
    }
    if is_quoted {
        return Err(format!(
            "a quotation mark of record {} is never closed",
            rows.len() + 1
        ));
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_comes_back() {
        let uris = [
            "/a, b.jpg",
            "/say \"hi\".jpg",
            "/two\nlines.jpg",
            "/plain.jpg",
        ];
        let mut text = "\u{feff}kind,b_uri,a_uri\r\n".to_string();
        for uri in uris {
            text += &format!("near,{},/x\r\n", quoted(uri.to_string()));
        }
        let wanted: Vec<_> = uris.map(|uri| ("/x".to_string(), uri.to_string())).into();
        assert_eq!(read_pairs(&text).unwrap(), wanted);
    }

    #[test]
    fn a_file_that_is_none_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "a_uri"),
            ("a_uri,x\n1,2\n", "b_uri"),
            ("a_uri,b_uri\n/only\n", "record 2"),
            ("a_uri,b_uri\n\"/x,/y\n", "never closed"),
        ] {
            let error = read_pairs(text).unwrap_err();
            assert!(error.contains(reason), "{text:?}: {error}");
        }
    }
}
