//! Pictures laid over one another, where the vectors say that they may be copies.

use std::collections::{BTreeSet, HashMap};

use showroom_catalog::seams::Source;
use showroom_catalog::{Evidence, PhotoRef};
use showroom_pixels::overlap::{Small, overlap};
use showroom_pixels::{DecodeOptions, decode_pixels, photo_id};

use super::looks::Looks;
use super::parallel::in_chunks;
use super::{DedupProgress, verdict};
use crate::cancel::Cancel;
use crate::guard::guarded;

/// Pixels of the shorter side that a photo is decoded to.
const MIN_SIDE: u32 = 96;

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Compared {
    pub pairs: u64,
    /// Photos that are gone, have changed or cannot be read any more.
    pub unreadable: u64,
    /// Pairs that were left to the vectors because enough photos were read.
    pub left_out: u64,
}

/// Where and how pictures are read and compared.
pub struct Reading<'a> {
    pub source: &'a dyn Source,
    /// Photos that are read at the most; each stays in memory with 12 KB.
    pub max_read: usize,
    pub threads: usize,
}

/// Fills in the overlap of each pair that it can tell something about.
pub fn pictures(
    looks: &Looks,
    reading: &Reading<'_>,
    pairs: &[(u32, u32)],
    evidence: &mut [Evidence],
    cancel: &Cancel,
    progress: &DedupProgress<'_>,
) -> Compared {
    let mut wanted: Vec<usize> = (0..pairs.len())
        .filter(|at| verdict::needs_pictures(&evidence[*at]))
        .collect();
    // The likeliest first: they are the ones that are read.
    wanted.sort_by(|a, b| evidence[*b].shape.total_cmp(&evidence[*a].shape));
    let mut photos = BTreeSet::new();
    let mut compared = Compared::default();
    wanted.retain(|at| {
        let both = [pairs[*at].0, pairs[*at].1];
        let more = both.iter().filter(|photo| !photos.contains(*photo)).count();
        let fits = photos.len() + more <= reading.max_read;
        match fits {
            true => photos.extend(both),
            false => compared.left_out += 1,
        }
        fits
    });
    let photos: Vec<u32> = photos.into_iter().collect();
    let total = photos.len() as u64;
    let say = |done: usize| progress(done as u64, total, "pictures read");
    let smalls = in_chunks(photos.len(), 8, reading.threads, cancel, &say, |range| {
        let photos = photos[range].iter();
        photos
            .map(|at| (*at, small(looks, reading.source, *at)))
            .collect()
    });
    compared.unreadable = smalls.iter().filter(|(_, small)| small.is_none()).count() as u64;
    let smalls: HashMap<u32, Small> = smalls
        .into_iter()
        .filter_map(|(at, small)| Some((at, small?)))
        .collect();
    let say = |done: usize| progress(done as u64, wanted.len() as u64, "pictures compared");
    let overlaps = in_chunks(wanted.len(), 32, reading.threads, cancel, &say, |range| {
        let overlap_of = |at: &usize| {
            let (a, b) = pairs[*at];
            let found = overlap(smalls.get(&a)?, smalls.get(&b)?);
            // A strip is too narrow to be laid over anything, and says nothing.
            (found.share > 0.0).then_some((*at, found))
        };
        wanted[range].iter().filter_map(overlap_of).collect()
    });
    compared.pairs = overlaps.len() as u64;
    for (at, overlap) in overlaps {
        evidence[at].overlap = Some(overlap);
    }
    compared
}

/// `None` where the file is not what was taken into the catalogue any more.
fn small(looks: &Looks, source: &dyn Source, at: u32) -> Option<Small> {
    let photo = &looks.photos[at as usize];
    let options = DecodeOptions {
        min_side: MIN_SIDE,
        ..DecodeOptions::default()
    };
    let place = PhotoRef {
        uri: photo.uri.clone(),
        etag: String::new(),
        bytes: photo.bytes,
        sku: None,
    };
    let bytes = source.fetch(&place, options.limits.max_bytes).ok()?;
    if photo_id(&bytes) != photo.id {
        return None;
    }
    let made = guarded(|| Small::of(&decode_pixels(&bytes, &options).ok()?).ok());
    made.ok().flatten()
}
