//! The order of hits, as numbers that compare: the larger number is the better hit.

/// A row that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    pub row: u32,
    /// The dot product. Never NaN; infinite where an element or the sum is.
    pub score: f32,
}

/// Bits that compare as the scores do, −0 like 0; 0 for NaN, which is never found. Twin: `ordered` in
/// scores.wgsl.
fn ordered(score: f32) -> u32 {
    let bits = score.to_bits();
    if bits & 0x7fff_ffff > 0x7f80_0000 {
        return 0;
    }
    if bits >= 0x8000_0000 {
        return if bits == 0x8000_0000 { bits } else { !bits };
    }
    bits | 0x8000_0000
}

/// The score in the upper half, and the complement of the row in the lower one: of equal scores the
/// smaller row is the better hit. `None` for NaN.
pub(super) fn key(score: f32, row: u32) -> Option<u64> {
    let score = ordered(score);
    (score != 0).then(|| join([score, !row]))
}

/// A key from its two halves as the GPU writes them, upper half first.
pub(super) fn join([score, row]: [u32; 2]) -> u64 {
    u64::from(score) << 32 | u64::from(row)
}

fn scored(key: u64) -> Scored {
    let (ordered, row) = ((key >> 32) as u32, !(key as u32));
    let bits = if ordered >= 0x8000_0000 {
        ordered & 0x7fff_ffff
    } else {
        !ordered
    };
    let score = f32::from_bits(bits);
    Scored { row, score }
}

/// The best `k` of these keys, best first. A key without a score is nobody.
pub(super) fn best(mut keys: Vec<u64>, k: usize) -> Vec<Scored> {
    keys.retain(|&key| key >> 32 != 0);
    if keys.len() > k {
        keys.select_nth_unstable_by(k - 1, |a, b| b.cmp(a));
        keys.truncate(k);
    }
    keys.sort_unstable_by(|a, b| b.cmp(a));
    keys.into_iter().map(scored).collect()
}
