//! What a search for duplicates found.

use std::collections::HashMap;

use serde::Serialize;
use showroom_catalog::{Evidence, PairKind, PhotoId};

use super::groups::{Group, is_copy};
use super::looks::Looks;

/// A pair with its verdict, by the numbers of its photos.
pub struct Found {
    pub pair: (u32, u32),
    pub kind: PairKind,
    pub reason: String,
    pub evidence: Evidence,
}

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub struct DedupReport {
    /// Photos that were compared.
    pub photos: u64,
    /// The surest first: by kind, then by shape.
    pub pairs: Vec<DuplicatePair>,
    /// Photos that are copies of each other, exact or near.
    pub groups: Vec<DuplicateGroup>,
    /// Pairs that were left out because they were dismissed.
    pub dismissed: u64,
    /// Pairs beyond the largest number that is reported.
    pub left_out: u64,
    pub method: Method,
    pub seconds: f64,
}

/// How pairs were looked for.
#[derive(Clone, Debug, Serialize)]
pub struct Method {
    /// Whether each photo's vector was compared with each other one's.
    pub exhaustive: bool,
    /// Cells that the vectors were divided into, where they were not.
    pub cells: usize,
    /// Share of the close vectors of some photos that were found, where not all were.
    pub recall: Option<f32>,
    /// The GPU that proposed the nearest vectors, where one did.
    pub device: Option<String>,
    /// Which GPU was asked and failed, and how; the CPU did its work.
    pub device_failed: Option<String>,
    pub pictures_compared: u64,
    /// Photos whose files are gone, changed or unreadable: their pairs are judged by the vectors.
    pub unreadable: u64,
    /// Pairs judged by the vectors because enough photos were read.
    pub pictures_left_out: u64,
}

/// One of a pair.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DuplicatePhoto {
    pub uri: String,
    pub id: PhotoId,
    pub sku: Option<String>,
    pub width: u32,
    pub height: u32,
    pub bytes: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct DuplicatePair {
    pub kind: PairKind,
    pub a: DuplicatePhoto,
    pub b: DuplicatePhoto,
    /// Number of the group in the list of groups, from 0; of copies alone.
    pub group: Option<usize>,
    pub reason: String,
    pub evidence: Evidence,
}

#[derive(Clone, Debug, Serialize)]
pub struct DuplicateGroup {
    /// The one of the most pixels, then of the most bytes.
    pub keep: String,
    /// All of them, in order.
    pub uris: Vec<String>,
}

impl DedupReport {
    pub(super) fn of(looks: &Looks, found: Vec<Found>, groups: &[Group]) -> DedupReport {
        let group_of: HashMap<u32, usize> = (groups.iter().enumerate())
            .flat_map(|(number, group)| group.photos.iter().map(move |photo| (*photo, number)))
            .collect();
        let uri = |at: u32| looks.photos[at as usize].uri.clone();
        let pairs = found.into_iter().map(|found| DuplicatePair {
            kind: found.kind,
            a: photo(looks, found.pair.0),
            b: photo(looks, found.pair.1),
            group: (is_copy(found.kind).then(|| group_of.get(&found.pair.0)))
                .flatten()
                .copied(),
            reason: found.reason,
            evidence: found.evidence,
        });
        let groups = groups.iter().map(|group| DuplicateGroup {
            keep: uri(group.keep),
            uris: group.photos.iter().map(|at| uri(*at)).collect(),
        });
        DedupReport {
            photos: looks.photos.len() as u64,
            pairs: pairs.collect(),
            groups: groups.collect(),
            dismissed: 0,
            left_out: 0,
            method: Method {
                exhaustive: true,
                cells: 0,
                recall: None,
                device: None,
                device_failed: None,
                pictures_compared: 0,
                unreadable: 0,
                pictures_left_out: 0,
            },
            seconds: 0.0,
        }
    }
}

fn photo(looks: &Looks, at: u32) -> DuplicatePhoto {
    let look = &looks.photos[at as usize];
    DuplicatePhoto {
        uri: look.uri.clone(),
        id: look.id,
        sku: look.sku.clone(),
        width: look.width,
        height: look.height,
        bytes: look.bytes,
    }
}
