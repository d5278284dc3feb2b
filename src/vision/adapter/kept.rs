//! An adapter as it is used and kept.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use showroom_catalog::QueryPart;
use showroom_catalog::VectorName;
use showroom_catalog::embedding::{dot, normalise};
use showroom_catalog::manifest::StoreManifest;

use super::error::AdapterError;
use super::space::{PARTS, Space};

/// What a file of an adapter begins with; changes with what is kept or with what it means.
const MAGIC: &[u8; 8] = b"SHOWADP1";
/// Bytes of the hash at its end.
const HASH: usize = 32;

/// A map from titles to what their photos look like.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// The mean title.
    mean: Vec<f32>,
    /// Photo numbers × title numbers.
    weights: Vec<f32>,
    /// Numbers of each of [`PARTS`].
    lengths: Vec<usize>,
}

impl Map {
    /// Of weights as they are learned: title numbers × photo numbers.
    pub(super) fn new(space: &Space, learned: &[f32]) -> Map {
        let (titles, photos) = (space.title_width(), space.photo_width());
        let mut weights = vec![0.0; titles * photos];
        let mut row = vec![0.0; photos];
        for title in 0..titles {
            row.copy_from_slice(&learned[title * photos..(title + 1) * photos]);
            space.free(&mut row);
            for (photo, x) in row.iter().enumerate() {
                weights[photo * titles + title] = *x;
            }
        }
        Map {
            mean: space.mean.clone(),
            weights,
            lengths: space.lengths().collect(),
        }
    }

    /// What photos of something so called look like: [`PARTS`] one after another, unit length together,
    /// to be compared with the vectors of photos as they are stored.
    pub(super) fn lead(&self, title: &[f32]) -> Vec<f32> {
        let title = title.iter().zip(&self.mean).map(|(x, mean)| x - mean);
        let title: Vec<f32> = title.collect();
        let rows = self.weights.chunks_exact(title.len());
        let mut vector: Vec<f32> = rows.map(|row| dot(row, &title)).collect();
        normalise(&mut vector);
        vector
    }
}

/// A [`Map`] with how much it counts and which models it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapter {
    about: About,
    map: Map,
}

/// What is known of an adapter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// The encoder whose vectors titles are led to.
    pub encoder: String,
    /// The model that makes vectors of titles.
    pub sentences: String,
    /// How much it counts in a search beside the words, which count 1.
    pub weight: f32,
    /// What it was learned from.
    pub titles: usize,
    pub photos: usize,
}

#[derive(Serialize, Deserialize)]
struct Header {
    about: About,
    /// Numbers of a title.
    width: usize,
    parts: Vec<(VectorName, usize)>,
}

impl Adapter {
    pub fn new(about: About, map: Map) -> Adapter {
        Adapter { about, map }
    }

    pub fn about(&self) -> &About {
        &self.about
    }

    /// What a search by words asks for besides: `title` is their vector.
    pub fn parts(&self, title: &[f32]) -> Vec<QueryPart> {
        let vector = self.map.lead(title);
        let mut parts = Vec::with_capacity(PARTS.len());
        let mut rest = vector.as_slice();
        for (on, length) in PARTS.into_iter().zip(&self.map.lengths) {
            let (own, behind) = rest.split_at(*length);
            rest = behind;
            let share = dot(own, own).sqrt();
            if share > 0.0 {
                parts.push(QueryPart {
                    on,
                    vector: own.iter().map(|x| x / share).collect(),
                    weight: share * self.about.weight,
                });
            }
        }
        parts
    }

    /// What [`Adapter::from_bytes`] reads: [`MAGIC`], the length of the header (u32), the header (JSON), the
    /// mean title and the weights (f32, little-endian), and the SHA-256 of all this.
    pub fn to_bytes(&self) -> Vec<u8> {
        let header = Header {
            about: self.about.clone(),
            width: self.map.mean.len(),
            parts: PARTS.into_iter().zip(self.map.lengths.clone()).collect(),
        };
        // Nothing in it can fail: keys are words and numbers finite.
        let header = serde_json::to_vec(&header).unwrap_or_default();
        let mut bytes = MAGIC.to_vec();
        bytes.extend((header.len() as u32).to_le_bytes());
        bytes.extend(header);
        for number in self.map.mean.iter().chain(&self.map.weights) {
            bytes.extend(number.to_le_bytes());
        }
        let hash = Sha256::digest(&bytes);
        bytes.extend(hash);
        bytes
    }

    /// Reads a kept adapter for a catalogue of this manifest, whose titles are read by the model
    /// `sentences`.
    pub fn from_bytes(
        bytes: &[u8],
        manifest: &StoreManifest,
        sentences: &str,
    ) -> Result<Adapter, AdapterError> {
        let bad = |reason: &str| {
            AdapterError::Refused(format!(
                "the adapter is not used: {reason}; learn it again with `showroom adapt`"
            ))
        };
        let (content, _) = bytes
            .split_at_checked(bytes.len().saturating_sub(HASH))
            .filter(|(content, hash)| Sha256::digest(content)[..] == **hash)
            .ok_or_else(|| bad("its file is damaged"))?;
        let (header, numbers) = content
            .strip_prefix(MAGIC)
            .and_then(|rest| rest.split_first_chunk::<4>())
            .and_then(|(length, rest)| rest.split_at_checked(u32::from_le_bytes(*length) as usize))
            .ok_or_else(|| bad("its file is of another format"))?;
        let Header {
            about,
            width,
            parts,
        } = serde_json::from_slice(header).map_err(|error| bad(&error.to_string()))?;
        if about.encoder != manifest.encoder {
            return Err(bad(&format!(
                "it was learned for photos encoded by {}, the catalogue's are by {}",
                about.encoder, manifest.encoder
            )));
        }
        if about.sentences != sentences {
            return Err(bad(&format!(
                "it was learned for words read by {}, they are read by {sentences}",
                about.sentences
            )));
        }
        let dimensions = &manifest.dimensions;
        let wanted = [dimensions.shape, dimensions.colour];
        let fits = parts.iter().copied().eq(PARTS.into_iter().zip(wanted));
        let (numbers, left) = numbers.as_chunks::<4>();
        let numbers: Vec<f32> = numbers.iter().map(|x| f32::from_le_bytes(*x)).collect();
        let photos: usize = wanted.iter().sum();
        let counts = left.is_empty() && (photos + 1).checked_mul(width) == Some(numbers.len());
        let is_finite = about.weight.is_finite() && numbers.iter().all(|x| x.is_finite());
        if !(fits && counts && is_finite && width > 0) {
            return Err(bad("it does not fit the catalogue"));
        }
        let (mean, weights) = numbers.split_at(width);
        let map = Map {
            mean: mean.to_vec(),
            weights: weights.to_vec(),
            lengths: wanted.to_vec(),
        };
        Ok(Adapter { about, map })
    }
}
