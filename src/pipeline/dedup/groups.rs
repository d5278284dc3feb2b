//! Photos that hang together by pairs.

use std::collections::BTreeMap;

use showroom_catalog::PairKind;

use super::looks::Looks;
use super::report::Found;

/// A photo of a group, and all that hang together with it: by number, in the order of their URIs.
pub struct Group {
    pub photos: Vec<u32>,
    /// The one to keep: most pixels, then most bytes, then the first by URI.
    pub keep: u32,
}

/// Groups of copies: what pairs of the kinds exact and near hang together. Views and colours make no
/// groups of their own: their verdicts are less sure, and one that is wrong would join two products.
pub fn groups(looks: &Looks, pairs: &[Found]) -> Vec<Group> {
    let mut above: BTreeMap<u32, u32> = BTreeMap::new();
    for found in pairs.iter().filter(|found| is_copy(found.kind)) {
        let a = top(&mut above, found.pair.0);
        let b = top(&mut above, found.pair.1);
        above.insert(a.max(b), a.min(b));
    }
    let members: Vec<u32> = above.keys().copied().collect();
    let mut groups: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for photo in members {
        groups
            .entry(top(&mut above, photo))
            .or_default()
            .push(photo);
    }
    let best = |at: &u32| {
        let photo = &looks.photos[*at as usize];
        let pixels = u64::from(photo.width) * u64::from(photo.height);
        (pixels, photo.bytes, std::cmp::Reverse(*at))
    };
    groups
        .into_values()
        .filter_map(|photos| {
            let keep = photos.iter().copied().max_by_key(best)?;
            Some(Group { photos, keep })
        })
        .collect()
}

pub fn is_copy(kind: PairKind) -> bool {
    matches!(kind, PairKind::Exact | PairKind::Near)
}

/// The first of those that hang together with `photo`; shortens the way there.
fn top(above: &mut BTreeMap<u32, u32>, photo: u32) -> u32 {
    let mut at = photo;
    loop {
        let next = *above.entry(at).or_insert(at);
        if next == at {
            break;
        }
        at = next;
    }
    above.insert(photo, at);
    at
}
