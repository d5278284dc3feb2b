//! What is asked of a photo, in its one spelling.
//!
//! Everything that tells two renditions apart is a field of [`Ask`], and the signature is over the fields
//! and not over the text of the address. A parameter that comes twice, is unknown, is spelt in another way
//! or has anything percent-encoded is refused, so that no two readers of an address can differ.

use std::fmt;

use showroom_catalog::PhotoId;

/// Longest side that is made, in pixels.
pub const MAX_SIDE: u32 = 4096;
/// Part of every key and signature: to be raised whenever the same ask makes other bytes.
const VERSION: u32 = 1;

/// How a photo of another shape is brought into `w` × `h`. Nothing is ever enlarged: where the photo is
/// smaller, so is the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fit {
    /// All of it, as large as fits; the answer may be smaller than the box.
    #[default]
    Inside,
    /// All of it, with white beside it: the answer has the shape of the box.
    Contain,
    /// The box filled; what sticks out is cut off on both sides alike.
    Cover,
}

impl Fit {
    fn name(self) -> &'static str {
        match self {
            Fit::Inside => "inside",
            Fit::Contain => "contain",
            Fit::Cover => "cover",
        }
    }
}

/// Format of a rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    Webp,
    Avif,
    Jpeg,
}

impl Output {
    /// As in the address.
    pub fn name(self) -> &'static str {
        match self {
            Output::Webp => "webp",
            Output::Avif => "avif",
            Output::Jpeg => "jpeg",
        }
    }

    pub fn mime(self) -> &'static str {
        match self {
            Output::Webp => "image/webp",
            Output::Avif => "image/avif",
            Output::Jpeg => "image/jpeg",
        }
    }

    /// The best format for an `Accept` header. At equal weight WebP is before AVIF, which takes ten times
    /// the work to make; JPEG for whoever names neither.
    pub fn accepted(accept: &str) -> Output {
        let weight = |mime: &str| {
            let of = |range: &str| {
                let mut parts = range.split(';').map(str::trim);
                let is_it = parts
                    .next()
                    .is_some_and(|name| name.eq_ignore_ascii_case(mime));
                let q = parts.find_map(|part| part.strip_prefix("q="));
                is_it.then(|| q.map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0)))
            };
            accept.split(',').find_map(of).unwrap_or(0.0)
        };
        let (webp, avif) = (weight("image/webp"), weight("image/avif"));
        match (webp > 0.0, avif > webp) {
            (_, true) => Output::Avif,
            (true, _) => Output::Webp,
            _ => Output::Jpeg,
        }
    }
}

/// A rendition that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ask {
    pub id: PhotoId,
    /// The box, in pixels, 1 to [`MAX_SIDE`]; a side that is not given follows from the other.
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub fit: Fit,
    /// `None` leaves it to the `Accept` header.
    pub output: Option<Output>,
    /// 1 to 100.
    pub quality: Option<u8>,
    /// When the address ceases to be good, seconds since 1970-01-01 UTC.
    pub expires_s: Option<u64>,
}

/// An address that asks for no rendition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAsk(String);

impl Ask {
    /// As large as it is, in the format that the client likes best.
    pub fn of(id: PhotoId) -> Ask {
        Ask {
            id,
            width: None,
            height: None,
            fit: Fit::Inside,
            output: None,
            quality: None,
            expires_s: None,
        }
    }

    /// Reads `/images/{id}?{query}`; the ask, and the signature as it was given.
    pub fn parse(id: &str, query: &str) -> Result<(Ask, String), BadAsk> {
        let bad = |what: &str| BadAsk(what.to_string());
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if id.len() != 64 || !id.bytes().all(is_hex) {
            return Err(bad("a photo's id is 64 hexadecimal digits in lower case"));
        }
        let id: PhotoId = id.parse().map_err(|_| bad("this is no photo's id"))?;
        let mut ask = Ask::of(id);
        let mut signature = None;
        let mut seen: Vec<&str> = Vec::new();
        for part in query.split('&').filter(|_| !query.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
            if value.is_empty() || !value.bytes().all(is_plain) {
                return Err(bad(
                    "a parameter has no value, or one of other than letters and digits",
                ));
            }
            if seen.contains(&name) {
                return Err(bad("a parameter is given twice"));
            }
            seen.push(name);
            let side = || number(name, value, 1, u64::from(MAX_SIDE)).map(|side| side as u32);
            match name {
                "w" => ask.width = Some(side()?),
                "h" => ask.height = Some(side()?),
                "q" => ask.quality = Some(number(name, value, 1, 100)? as u8),
                "exp" => ask.expires_s = Some(number(name, value, 1, u64::MAX / 2)?),
                "fit" => {
                    ask.fit = match value {
                        "inside" => Fit::Inside,
                        "contain" => Fit::Contain,
                        "cover" => Fit::Cover,
                        _ => return Err(bad("fit is inside, contain or cover")),
                    }
                }
                "format" => {
                    ask.output = match value {
                        "webp" => Some(Output::Webp),
                        "avif" => Some(Output::Avif),
                        "jpeg" => Some(Output::Jpeg),
                        _ => return Err(bad("format is webp, avif or jpeg")),
                    }
                }
                "sig" => signature = Some(value.to_string()),
                _ => return Err(bad("the parameters are w, h, fit, format, q, exp and sig")),
            }
        }
        let signature = signature.ok_or_else(|| bad("the signature, sig, is missing"))?;
        Ok((ask, signature))
    }

    /// Path and parameters without the signature.
    pub fn address(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut add = |name: &str, value: Option<String>| {
            parts.extend(value.map(|value| format!("{name}={value}")));
        };
        add("w", self.width.map(|w| w.to_string()));
        add("h", self.height.map(|h| h.to_string()));
        add(
            "fit",
            (self.fit != Fit::Inside).then(|| self.fit.name().to_string()),
        );
        add(
            "format",
            self.output.map(|output| output.name().to_string()),
        );
        add("q", self.quality.map(|q| q.to_string()));
        add("exp", self.expires_s.map(|exp| exp.to_string()));
        match parts.is_empty() {
            true => format!("/images/{}", self.id),
            false => format!("/images/{}?{}", self.id, parts.join("&")),
        }
    }

    /// What the signature is over: every field, under its name.
    pub fn signed(&self) -> String {
        format!("showroom image {VERSION}\n{self}\nexp={:?}", self.expires_s)
    }

    /// The name of the rendition in the cache, and its `ETag`: 32 hexadecimal digits. Does not change with
    /// the time at which the address expires.
    pub fn key(&self) -> String {
        let hash = blake3::hash(format!("{VERSION}\n{self}").as_bytes());
        hash.to_hex()[..32].to_string()
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let output = self.output.map_or("accept", Output::name);
        write!(
            f,
            "id={}\nw={:?}\nh={:?}\nfit={}\nformat={output}\nq={:?}",
            self.id,
            self.width,
            self.height,
            self.fit.name(),
            self.quality
        )
    }
}

/// Digits without a sign or a zero in front.
fn number(name: &str, value: &str, least: u64, most: u64) -> Result<u64, BadAsk> {
    let bad = || BadAsk(format!("{name} is a whole number from {least} to {most}"));
    let number: u64 = value.parse().map_err(|_| bad())?;
    match number.to_string() == value && (least..=most).contains(&number) {
        true => Ok(number),
        false => Err(bad()),
    }
}
