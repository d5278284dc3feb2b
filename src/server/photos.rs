//! Photos that come with a request: as a file of a form, as a data URI, as an address → pixels → features.

use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use showroom_catalog::seams::Features;
use showroom_catalog::{Photo, PhotoRef};
use showroom_pixels::{decode, photo_id};

use crate::error::ApiError;
use crate::state::App;

/// Longest part of an address that is repeated to people.
const SHOWN: usize = 60;

/// A photo that somebody asks with.
#[derive(Clone, Debug)]
pub enum Picture {
    Bytes(Bytes),
    /// A data URI, `https://…` or `s3://bucket/key`.
    Address(String),
}

/// Whether words are in truth the address of a picture.
pub fn is_address(words: &str) -> bool {
    let begins = |with: &str| {
        let begin = words.get(..with.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(with))
    };
    let is_known = ["http://", "https://", "s3://"].into_iter().any(begins);
    (is_known && !words.contains(char::is_whitespace)) || begins("data:image/")
}

/// The address as it is repeated to people: a data URI without its data.
pub fn shown(address: &str) -> String {
    match address.split_once(',') {
        Some((head, _)) if address.starts_with("data:") => format!("{},…", cut(head)),
        _ => cut(address),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

impl App {
    /// The bytes of a picture, at most as many as a photo may have.
    pub async fn bytes_of(&self, picture: &Picture) -> Result<Bytes, ApiError> {
        let address = match picture {
            Picture::Bytes(bytes) => return Ok(bytes.clone()),
            Picture::Address(address) => address,
        };
        if address
            .get(..5)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
        {
            return data_uri(address).map(Bytes::from);
        }
        let is_object = address.starts_with("s3://");
        let fetch = if is_object {
            &self.objects
        } else {
            &self.fetch
        };
        let Some(fetch) = fetch else {
            let what = if is_object {
                "objects"
            } else {
                "web addresses"
            };
            return Err(ApiError::bad(
                "fetch_is_off",
                format!("{what} are not fetched by this server; send the photo itself"),
            ));
        };
        let began = Instant::now();
        let bytes = fetch
            .fetch(address, self.limits.decode.limits.max_bytes)
            .await?;
        self.observe.stage("fetch", began.elapsed());
        Ok(bytes.into())
    }

    /// Decodes a photo, on a thread of its own when its turn comes.
    pub async fn decode(&self, bytes: Bytes, uri: String) -> Result<Photo, ApiError> {
        let turn = self.decoders.clone().acquire_owned().await;
        let options = self.limits.decode.clone();
        let began = Instant::now();
        let decoded = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let decoded = decode(&bytes, &options)?;
            Ok::<_, showroom_pixels::PixelError>(Photo {
                id: photo_id(&bytes),
                source: PhotoRef {
                    uri,
                    etag: String::new(),
                    bytes: bytes.len() as u64,
                    sku: None,
                },
                pixels: decoded.pixels,
                facts: decoded.facts,
            })
        });
        let photo = decoded
            .await
            .map_err(|error| ApiError::internal(&error))??;
        self.observe.stage("decode", began.elapsed());
        Ok(photo)
    }

    /// The features of a picture that somebody asks with.
    pub async fn features(&self, picture: &Picture) -> Result<Features, ApiError> {
        let bytes = self.bytes_of(picture).await?;
        let photo = self.decode(bytes, String::new()).await?;
        Ok(self.encoder.encode(photo).await?)
    }
}

/// The bytes of `data:image/…;base64,…`.
fn data_uri(uri: &str) -> Result<Vec<u8>, ApiError> {
    let bad =
        |what: &str| ApiError::invalid(format!("a data URI is data:image/…;base64,…; {what}"));
    let (head, data) = uri
        .split_once(',')
        .ok_or_else(|| bad("there is no comma"))?;
    if !head.to_ascii_lowercase().ends_with(";base64") {
        return Err(bad("it is not in base64"));
    }
    // With padding or without, as clients differ.
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&base64::alphabet::STANDARD, lenient);
    engine
        .decode(data.trim())
        .map_err(|error| bad(&error.to_string()))
}

/// As the API gives vectors in base64: little-endian f32, as OpenAI's clients read them.
pub fn vector_base64(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_words() {
        for address in [
            "https://a/b.jpg",
            "HTTP://a",
            "s3://b/k.png",
            "data:image/png;base64,AA",
        ] {
            assert!(is_address(address), "{address}");
        }
        for words in [
            "red boots",
            "https",
            "http:/a",
            "see https://a",
            "https://a b",
            "data:x",
            "é",
        ] {
            assert!(!is_address(words), "{words}");
        }
    }

    #[test]
    fn data_uris_are_read_with_and_without_padding() {
        assert_eq!(data_uri("data:image/png;base64,aGk=").unwrap(), b"hi");
        assert_eq!(data_uri("data:image/png;BASE64,aGk").unwrap(), b"hi");
        for wrong in [
            "data:image/png,hi",
            "data:image/png;base64",
            "data:;base64,a$",
        ] {
            assert!(data_uri(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            shown("data:image/png;base64,aGk="),
            "data:image/png;base64,…"
        );
        assert_eq!(shown(&"x".repeat(61)).chars().count(), 61);
    }

    #[test]
    fn vectors_in_base64_are_little_endian_f32() {
        assert_eq!(vector_base64(&[1.0]), "AACAPw==");
    }
}
