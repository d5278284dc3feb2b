//! Marqo's filter language → ours: `brand:Acme AND price:[10 TO 50] AND NOT colour IN (red, blue)`.

use showroom_catalog::filter::Filter;

use crate::error::ApiError;

/// Longest filter, in bytes.
const MAX_BYTES: usize = 10_000;

/// A filter in Marqo's language, or, as people try that too, in ours.
pub fn parse(text: &str) -> Result<Filter, ApiError> {
    match translate(text) {
        Ok(ours) => Ok(ours.parse::<Filter>()?),
        Err(reason) => text.parse::<Filter>().map_err(|error| {
            ApiError::bad(
                "bad_filter",
                format!("filter: {reason}; read as `where`: {error}"),
            )
        }),
    }
}

/// The filter in our language.
fn translate(text: &str) -> Result<String, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("longer than {MAX_BYTES} bytes"));
    }
    let mut reader = Reader { rest: text };
    let mut ours = Vec::new();
    let mut has_condition = false;
    loop {
        reader.skip_space();
        let Some(next) = reader.rest.chars().next() else {
            break;
        };
        if next == '(' || next == ')' {
            reader.rest = &reader.rest[1..];
            ours.push(next.to_string());
            continue;
        }
        let word = reader.word();
        match word.as_str() {
            "AND" | "OR" | "NOT" => ours.push(word.to_lowercase()),
            "" => return Err(format!("unexpected {next:?}")),
            field => {
                ours.push(condition(field, &mut reader)?);
                has_condition = true;
            }
        }
    }
    match has_condition {
        true => Ok(ours.join(" ")),
        false => Err("there is no condition in it".into()),
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, what: char) -> bool {
        let rest = self.rest.strip_prefix(what);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Up to a space, bracket, comma or colon; a backslash makes the next character an ordinary one.
    fn word(&mut self) -> String {
        self.until(|c| c.is_whitespace() || "()[]:,".contains(c))
    }

    fn until(&mut self, ends: impl Fn(char) -> bool) -> String {
        let mut word = String::new();
        let mut chars = self.rest.char_indices();
        let mut end = self.rest.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => word.extend(chars.next().map(|(_, c)| c)),
                c if ends(c) => {
                    end = at;
                    break;
                }
                c => word.push(c),
            }
        }
        self.rest = &self.rest[end..];
        word.trim().to_string()
    }
}

/// What follows a field's name.
fn condition(field: &str, reader: &mut Reader<'_>) -> Result<String, String> {
    let is_name = (field.chars()).all(|c| c.is_alphanumeric() || "_-.".contains(c));
    if !is_name || field.starts_with('_') {
        return Err(format!("{field:?} is no field"));
    }
    reader.skip_space();
    if reader.take(':') {
        reader.skip_space();
        if reader.take('[') {
            return range(field, reader);
        }
        let value = match reader.take('(') {
            true => {
                let value = reader.until(|c| c == ')');
                if !reader.take(')') {
                    return Err("a ( that is not closed".into());
                }
                value
            }
            // Times and addresses have colons in them.
            false => reader.until(|c| c.is_whitespace() || "()[],".contains(c)),
        };
        return match value.is_empty() {
            true => Err(format!("{field} has no value")),
            false => Ok(format!("{field} = {}", literal(&value))),
        };
    }
    if reader.word() != "IN" {
        return Err(format!("expected : or IN after {field}"));
    }
    reader.skip_space();
    if !reader.take('(') {
        return Err("expected ( after IN".into());
    }
    let mut values = Vec::new();
    loop {
        reader.skip_space();
        let value = match reader.take('(') {
            true => {
                let value = reader.until(|c| c == ')');
                reader.take(')');
                value
            }
            false => reader.until(|c| ",)".contains(c)),
        };
        if value.is_empty() {
            return Err("expected a value in the list".into());
        }
        values.push(literal(&value));
        reader.skip_space();
        if reader.take(')') {
            return Ok(format!("{field} in ({})", values.join(", ")));
        }
        if !reader.take(',') {
            return Err("expected , or ) in the list".into());
        }
    }
}

/// `[a TO b]`, of which either may be `*`.
fn range(field: &str, reader: &mut Reader<'_>) -> Result<String, String> {
    let inside = reader.until(|c| c == ']');
    if !reader.take(']') {
        return Err("a [ that is not closed".into());
    }
    let (from, to) = inside.split_once(" TO ").ok_or("a range is [a TO b]")?;
    let bound = |text: &str| -> Result<Option<f64>, String> {
        match text.trim() {
            "*" => Ok(None),
            text => match text.parse().ok().filter(|number: &f64| number.is_finite()) {
                Some(number) => Ok(Some(number)),
                None => Err(format!("a range has numbers or *, not {text:?}")),
            },
        }
    };
    match (bound(from)?, bound(to)?) {
        (Some(from), Some(to)) => Ok(format!("({field} >= {from} and {field} <= {to})")),
        (Some(from), None) => Ok(format!("{field} >= {from}")),
        (None, Some(to)) => Ok(format!("{field} <= {to}")),
        (None, None) => Err("a range needs an end".into()),
    }
}

/// A number as it is, everything else in quotes.
fn literal(value: &str) -> String {
    match value.parse().ok().filter(|number: &f64| number.is_finite()) {
        Some(_) => value.to_string(),
        None => format!("'{}'", value.replace('\'', "''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marqos_filters_become_ours() {
        for (theirs, ours) in [
            ("brand:Acme", "brand = 'acme'"),
            (
                "brand:(Acme & Sons) AND price:[10 TO 49.5]",
                "(brand = 'acme & sons') and ((price >= 10) and (price <= 49.5))",
            ),
            (
                "NOT colour:red OR width:[800 TO *]",
                "(not (colour = 'red')) or (width >= 800)",
            ),
            (
                "size IN (38, M, (extra large))",
                "size in (38, 'm', 'extra large')",
            ),
            (
                "(a:1 OR b:2) AND c:it's",
                "((a = 1) or (b = 2)) and (c = 'it''s')",
            ),
            (
                r"name:big\ shoe AND on:true",
                "(name = 'big shoe') and (on = 'true')",
            ),
            ("made:2024-01-01T10:00", "made = '2024-01-01t10:00'"),
            // Ours.
            (
                "width >= 800 and colour = red",
                "(width >= 800) and (colour = 'red')",
            ),
        ] {
            assert_eq!(parse(theirs).unwrap().to_string(), ours, "{theirs}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for wrong in [
            "",
            "brand:",
            "brand",
            "price:[1 TO",
            "price:[a TO b]",
            "price:[* TO *]",
            "a IN ()",
            "a IN (1",
            "a:(x",
            "AND",
            "a:1 AND",
            "_id:7",
            "a;drop:1",
            "()",
            "]",
            "width:wide",
        ] {
            let error = parse(wrong).unwrap_err();
            assert_eq!(error.status.as_u16(), 400, "{wrong}");
        }
    }
}
