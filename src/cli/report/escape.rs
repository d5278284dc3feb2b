//! Text into HTML. Whatever a photo, a SKU or a model is called, it stays text.

use std::fmt::{self, Write};

/// Text that may stand in an element or between the quotes of an attribute.
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c if c.is_control() && c != '\n' && c != '\t' => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A colour that may stand in a style: only `#rrggbb`, anything else is no colour.
pub fn css_colour(hex: &str) -> &str {
    let digits = hex.strip_prefix('#').unwrap_or_default();
    if digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        hex
    } else {
        "transparent"
    }
}

/// Link to a local file: `file://` and its path with all but plain characters as `%xx`. `None` for
/// what is no absolute path.
pub fn file_link(uri: &str) -> Option<String> {
    if !uri.starts_with('/') {
        return None;
    }
    let mut link = String::from("file://");
    for byte in uri.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            link.push(byte.into());
        } else {
            let _ = write!(link, "%{byte:02X}");
        }
    }
    Some(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_control_characters_become_text() {
        assert_eq!(
            Escaped("<script>a('b\")&\u{0}\u{1b}é").to_string(),
            "&lt;script&gt;a(&#39;b&quot;)&amp;\u{fffd}\u{fffd}é"
        );
    }

    #[test]
    fn only_a_colour_is_a_colour() {
        assert_eq!(css_colour("#a0B1c2"), "#a0B1c2");
        for bad in ["red", "#fff", "#12345é", "#123456;}", ""] {
            assert_eq!(css_colour(bad), "transparent", "{bad}");
        }
    }

    #[test]
    fn links_carry_any_name_and_only_to_local_files() {
        assert_eq!(
            file_link("/a b/é?\"#.jpg").as_deref(),
            Some("file:///a%20b/%C3%A9%3F%22%23.jpg")
        );
        assert_eq!(file_link("s3://bucket/a.jpg"), None);
        assert_eq!(file_link("javascript:alert(1)"), None);
    }
}
