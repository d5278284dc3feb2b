//! Text → [`Filter`].

use std::str::FromStr;

use super::{Comparison, Field, Filter, Value};

/// Longest filter that is read, in bytes, and deepest nesting: a filter may come from the network.
const MAX_BYTES: usize = 10_000;
const MAX_DEPTH: usize = 100;

/// A filter that cannot be read: what was expected and where.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("filter: {message} at character {at}")]
pub struct BadFilter {
    pub message: String,
    /// Counted in characters from 1.
    pub at: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Compare(Comparison),
    Open,
    Close,
    Comma,
}

fn bad(at: usize, message: impl Into<String>) -> BadFilter {
    BadFilter {
        message: message.into(),
        at,
    }
}

/// Tokens with the character (from 1) at which each begins.
fn tokens(text: &str) -> Result<Vec<(usize, Token)>, BadFilter> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let start = at;
        let next = chars.get(at + 1);
        let (token, length) = match (chars[at], next) {
            (c, _) if c.is_whitespace() => {
                at += 1;
                continue;
            }
            ('(', _) => (Token::Open, 1),
            (')', _) => (Token::Close, 1),
            (',', _) => (Token::Comma, 1),
            ('=', Some('=')) => (Token::Compare(Comparison::Equal), 2),
            ('=', _) => (Token::Compare(Comparison::Equal), 1),
            ('!', Some('=')) | ('<', Some('>')) => (Token::Compare(Comparison::NotEqual), 2),
            ('<', Some('=')) => (Token::Compare(Comparison::LessOrEqual), 2),
            ('<', _) => (Token::Compare(Comparison::Less), 1),
            ('>', Some('=')) => (Token::Compare(Comparison::GreaterOrEqual), 2),
            ('>', _) => (Token::Compare(Comparison::Greater), 1),
            (quote @ ('\'' | '"'), _) => {
                let (text, length) = quoted(&chars[at..], quote)
                    .ok_or_else(|| bad(start + 1, "a quotation that is not closed"))?;
                (Token::Quoted(text), length)
            }
            _ => {
                let word: String = chars[at..]
                    .iter()
                    .take_while(|c| !c.is_whitespace() && !"()=!<>,'\"".contains(**c))
                    .collect();
                if word.is_empty() {
                    return Err(bad(start + 1, format!("unexpected {:?}", chars[at])));
                }
                let length = word.chars().count();
                (Token::Word(word), length)
            }
        };
        found.push((start + 1, token));
        at += length;
    }
    Ok(found)
}

/// The text of a quotation and its length in characters with both quotes; a doubled quote stands
/// for itself.
fn quoted(chars: &[char], quote: char) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut at = 1;
    loop {
        match (*chars.get(at)?, chars.get(at + 1)) {
            (c, Some(next)) if c == quote && *next == quote => {
                text.push(quote);
                at += 2;
            }
            (c, _) if c == quote => return Some((text, at + 1)),
            (c, _) => {
                text.push(c);
                at += 1;
            }
        }
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    end: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(at, _)| *at)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.next += 1;
        token
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let hit = matches!(self.peek(), Some(Token::Word(w)) if w.eq_ignore_ascii_case(keyword));
        self.next += usize::from(hit);
        hit
    }

    fn expression(&mut self, depth: usize) -> Result<Filter, BadFilter> {
        let mut left = self.conjunction(depth)?;
        while self.keyword("or") {
            left = Filter::Or(Box::new(left), Box::new(self.conjunction(depth)?));
        }
        Ok(left)
    }

    fn conjunction(&mut self, depth: usize) -> Result<Filter, BadFilter> {
        let mut left = self.negation(depth)?;
        while self.keyword("and") {
            left = Filter::And(Box::new(left), Box::new(self.negation(depth)?));
        }
        Ok(left)
    }

    fn negation(&mut self, depth: usize) -> Result<Filter, BadFilter> {
        if depth == MAX_DEPTH {
            return Err(bad(self.at(), "nested too deeply"));
        }
        if self.keyword("not") {
            return Ok(Filter::Not(Box::new(self.negation(depth + 1)?)));
        }
        if self.peek() == Some(&Token::Open) {
            self.next += 1;
            let inner = self.expression(depth + 1)?;
            self.expect(Token::Close, "expected )")?;
            return Ok(inner);
        }
        self.condition()
    }

    fn condition(&mut self) -> Result<Filter, BadFilter> {
        let at = self.at();
        let Some(Token::Word(name)) = self.take() else {
            let fields = field_names();
            return Err(bad(
                at,
                format!("expected a field ({fields}, or an attribute of the feed)"),
            ));
        };
        let field = Field::from_name(&name);
        if self.keyword("in") {
            self.expect(Token::Open, "expected ( after in")?;
            let mut values = vec![self.value(&field)?];
            while self.peek() == Some(&Token::Comma) {
                self.next += 1;
                values.push(self.value(&field)?);
            }
            self.expect(Token::Close, "expected ) or ,")?;
            return Ok(Filter::OneOf(field, values));
        }
        let at = self.at();
        let Some(Token::Compare(comparison)) = self.take() else {
            return Err(bad(at, "expected = != < <= > >= or in"));
        };
        let ordered = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        if ordered && !field.is_number() && field.is_known() {
            let message = format!("{} can only be compared with = and !=", field.name());
            return Err(bad(at, message));
        }
        let value = self.value(&field)?;
        Ok(Filter::Compare(field, comparison, value))
    }

    fn value(&mut self, field: &Field) -> Result<Value, BadFilter> {
        let at = self.at();
        let (text, quoted) = match self.take() {
            Some(Token::Word(text)) => (text, false),
            Some(Token::Quoted(text)) => (text, true),
            _ => return Err(bad(at, "expected a value")),
        };
        if field.is_number() {
            let number: f64 = text
                .parse()
                .map_err(|_| bad(at, format!("{} needs a number, not {text:?}", field.name())))?;
            if !number.is_finite() {
                return Err(bad(at, "the number must be finite"));
            }
            return Ok(Value::Number(number));
        }
        if let Field::Attribute(_) = field
            && !quoted
            && let Some(number) = text.parse().ok().filter(|number: &f64| number.is_finite())
        {
            return Ok(Value::Number(number));
        }
        Ok(Value::Word(match field {
            Field::Uri | Field::Sku => text,
            _ => text.to_lowercase(),
        }))
    }

    fn expect(&mut self, token: Token, message: &str) -> Result<(), BadFilter> {
        let at = self.at();
        if self.take() == Some(token) {
            Ok(())
        } else {
            Err(bad(at, message))
        }
    }
}

fn field_names() -> String {
    Field::ALL.each_ref().map(Field::name).join(", ")
}

impl FromStr for Filter {
    type Err = BadFilter;

    fn from_str(text: &str) -> Result<Filter, BadFilter> {
        if text.len() > MAX_BYTES {
            return Err(bad(1, format!("longer than {MAX_BYTES} bytes")));
        }
        let mut parser = Parser {
            tokens: tokens(text)?,
            next: 0,
            end: text.chars().count() + 1,
        };
        let filter = parser.expression(0)?;
        if parser.peek().is_some() {
            return Err(bad(parser.at(), "expected and, or, or the end"));
        }
        Ok(filter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses, and holds that printing and parsing again gives the same.
    fn check(text: &str, printed: &str) {
        let filter: Filter = text.parse().unwrap();
        assert_eq!(filter.to_string(), printed);
        assert_eq!(printed.parse::<Filter>().unwrap(), filter);
    }

    fn check_bad(text: &str, message: &str, at: usize) {
        let error = text.parse::<Filter>().unwrap_err();
        assert!(error.message.contains(message), "{error}");
        assert_eq!(error.at, at, "{error}");
    }

    #[test]
    fn conditions() {
        check("colour = Red", "colour = 'red'");
        check("color=red", "colour = 'red'");
        check(
            "category = \"Apparel & Accessories\"",
            "category = 'apparel & accessories'",
        );
        check("width>=800", "width >= 800");
        check("sku != 'It''s-1'", "sku != 'It''s-1'");
        check("colour in (red, 'navy')", "colour in ('red', 'navy')");
        check("border_white < .5", "border_white < 0.5");
        check(
            "Price<49.90 and brand = \"Acme\"",
            "(price < 49.9) and (brand = 'acme')",
        );
        check("size in (38, 'M', '40')", "size in (38, 'm', '40')");
    }

    #[test]
    fn and_binds_tighter_than_or_and_not_tighter_still() {
        check(
            "not colour=red and width>1 or height<2",
            "((not (colour = 'red')) and (width > 1)) or (height < 2)",
        );
        check(
            "not (colour=red or colour=blue)",
            "not ((colour = 'red') or (colour = 'blue'))",
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        check_bad("", "expected a field", 1);
        check_bad("colour red", "expected = ", 8);
        check_bad("colour > red", "only be compared", 8);
        check_bad("width = wide", "needs a number", 9);
        check_bad("width = inf", "finite", 9);
        check_bad("(width = 1", "expected )", 11);
        check_bad("width = 1 height = 2", "expected and", 11);
        check_bad("colour = 'red", "not closed", 10);
        check_bad("é = 'x' !", "unexpected", 9);
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let deep = format!(
            "{}width = 1{}",
            "(".repeat(5_000 - 5),
            ")".repeat(5_000 - 5)
        );
        check_bad(&deep, "nested too deeply", 101);
        check_bad(&"x".repeat(MAX_BYTES + 1), "longer than", 1);
    }
}
