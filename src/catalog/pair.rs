//! Two photos that may show the same thing.

use serde::{Deserialize, Serialize};

use crate::photo::PhotoId;

/// What two photos are to each other, from the most alike to the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PairKind {
    /// The same bytes.
    Exact,
    /// The same picture: resized, compressed again, cropped, framed, mirrored, a little brighter.
    Near,
    /// The same product in another photo.
    View,
    /// The same product, or the same picture of it, in another colour.
    Colour,
}

impl PairKind {
    pub const ALL: [PairKind; 4] = [
        PairKind::Exact,
        PairKind::Near,
        PairKind::View,
        PairKind::Colour,
    ];

    /// Lower-case name, as in the JSON.
    pub fn name(self) -> &'static str {
        match self {
            PairKind::Exact => "exact",
            PairKind::Near => "near",
            PairKind::View => "view",
            PairKind::Colour => "colour",
        }
    }
}

/// One picture laid over the other where they agree best.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overlap {
    /// Share of the larger picture that the smaller one covers, 0–1: 1 where neither is cropped.
    pub share: f32,
    /// Correlation of the lumas there, −1 to 1.
    pub luma: f32,
    /// Correlation of what is finer than shapes (luma less its surroundings), −1 to 1.
    pub detail: f32,
    /// Mean distance of the colours there, in a\* and b\* of Lab; some 10 can be seen.
    pub chroma: f32,
    pub mirrored: bool,
}

/// What is known of two photos.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Bits in which the perceptual hashes differ, 0–64; the lesser of that and of one mirrored.
    pub phash_bits: u32,
    /// Cosine of the shape vectors, within .01.
    pub shape: f32,
    /// Cosine of the colour vectors, within .01; `None` where a photo has no product pixel.
    pub colour: Option<f32>,
    /// `None` where the pictures were not compared, or one of them could not be read any more.
    pub overlap: Option<Overlap>,
}

/// Names a pair whichever way round, for as long as the bytes of both photos stay the same: also
/// where they are moved. Two copies of the same bytes can be told apart only by where they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PairKey {
    a: PhotoId,
    b: PhotoId,
    /// Where the ids are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uris: Option<(String, String)>,
}

impl PairKey {
    /// Of two photos, each an id and a URI.
    pub fn new(a: (PhotoId, &str), b: (PhotoId, &str)) -> PairKey {
        let (a, b) = if a <= b { (a, b) } else { (b, a) };
        PairKey {
            a: a.0,
            b: b.0,
            uris: (a.0 == b.0).then(|| (a.1.to_string(), b.1.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_holds_both_ways_round_and_names_copies_by_their_place() {
        let (x, y) = (PhotoId([1; 32]), PhotoId([2; 32]));
        assert_eq!(
            PairKey::new((x, "/a"), (y, "/b")),
            PairKey::new((y, "/moved"), (x, "/a"))
        );
        let copies = PairKey::new((x, "/a"), (x, "/b"));
        assert_eq!(copies, PairKey::new((x, "/b"), (x, "/a")));
        assert_ne!(copies, PairKey::new((x, "/a"), (x, "/c")));
        let text = serde_json::to_string(&copies).unwrap();
        assert_eq!(serde_json::from_str::<PairKey>(&text).unwrap(), copies);
    }
}
