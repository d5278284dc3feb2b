//! Perceptual hashes that differ in few bits, found without comparing each with each.
//!
//! Multi-index hashing: the 64 bits are cut into four chunks. Hashes that differ in at most [`RADIUS`]
//! bits differ in at most a quarter of that in one of the chunks at least (else they would differ in more
//! altogether), so it is enough to look each chunk up, with every change of that many bits, in a table
//! of that chunk. Source: Norouzi, Punjani, Fleet, Fast Search in Hamming Space with Multi-Index
//! Hashing, CVPR 2012.

use std::collections::HashMap;

use super::looks::Looks;

/// Bits in which the hashes of one picture differ at the most: what candidates are.
pub const RADIUS: u32 = 10;

const CHUNKS: usize = 4;
const CHUNK_BITS: u32 = 16;

/// Photos of one hash that are paired with each other, and with those of a close hash; the rest of
/// them hang together through these.
const SAME_HASH: usize = 16;
const CLOSE_HASH: usize = 4;
/// Close hashes of one hash, the closest first.
const MAX_CLOSE: usize = 64;

/// A hash with fewer bits than this (half are set in a photo) is of a flat picture and says nothing.
const LEAST_BITS: u32 = 16;

/// About the hash of the mirrored picture: mirroring turns the sign of every odd frequency across,
/// and with it, as the median is near 0, the bit.
pub fn mirrored(hash: u64) -> u64 {
    hash ^ 0x5555_5555_5555_5555
}

/// Pairs (the lesser first) of these rows of which the hashes, one of them mirrored or not, are close.
pub fn candidates(looks: &Looks, rows: &[u32]) -> Vec<(u32, u32)> {
    let mut of_hash: HashMap<u64, Vec<u32>> = HashMap::new();
    for &row in rows {
        let hash = looks.photos[row as usize].phash;
        if hash.count_ones() >= LEAST_BITS {
            of_hash.entry(hash).or_default().push(row);
        }
    }
    let mut hashes: Vec<u64> = of_hash.keys().copied().collect();
    hashes.sort_unstable();
    let mut pairs = Vec::new();
    for hash in &hashes {
        let rows = &of_hash[hash];
        for (at, row) in rows.iter().enumerate() {
            let next = rows[at + 1..].iter().take(SAME_HASH);
            pairs.extend(next.map(|other| (*row, *other)));
        }
    }
    let table = HashTable::new(&hashes);
    let mut close = Vec::new();
    for (at, hash) in hashes.iter().enumerate() {
        close.clear();
        table.within(*hash, RADIUS, &mut close);
        table.within(mirrored(*hash), RADIUS, &mut close);
        close.retain(|(other, _)| *other as usize > at);
        close.sort_unstable_by_key(|(other, bits)| (*bits, *other));
        close.dedup_by_key(|(other, _)| *other);
        for (other, _) in close.iter().take(MAX_CLOSE) {
            let others = &of_hash[&hashes[*other as usize]];
            for a in of_hash[hash].iter().take(CLOSE_HASH) {
                let some = others.iter().take(CLOSE_HASH);
                pairs.extend(some.map(|b| (*a.min(b), *a.max(b))));
            }
        }
    }
    pairs
}

/// Hashes by each of their chunks.
pub struct HashTable<'a> {
    hashes: &'a [u64],
    chunks: [Chunk; CHUNKS],
}

/// The places of the hashes, sorted by one chunk.
struct Chunk {
    /// For each value of the chunk where its places begin, and the end of all.
    starts: Vec<u32>,
    places: Vec<u32>,
}

fn chunk_of(hash: u64, chunk: usize) -> usize {
    (hash >> (CHUNK_BITS * chunk as u32) & 0xffff) as usize
}

impl<'a> HashTable<'a> {
    /// Of fewer than 2³² hashes.
    pub fn new(hashes: &'a [u64]) -> HashTable<'a> {
        let chunks = std::array::from_fn(|chunk| {
            let mut starts = vec![0u32; (1 << CHUNK_BITS) + 1];
            for hash in hashes {
                starts[chunk_of(*hash, chunk) + 1] += 1;
            }
            for value in 1..starts.len() {
                starts[value] += starts[value - 1];
            }
            let mut next = starts.clone();
            let mut places = vec![0; hashes.len()];
            for (place, hash) in hashes.iter().enumerate() {
                let next = &mut next[chunk_of(*hash, chunk)];
                places[*next as usize] = place as u32;
                *next += 1;
            }
            Chunk { starts, places }
        });
        HashTable { hashes, chunks }
    }

    /// Adds place and distance of every hash that differs from `hash` in at most `radius` bits; one
    /// may come more than once.
    pub fn within(&self, hash: u64, radius: u32, found: &mut Vec<(u32, u32)>) {
        let most_changed = radius / CHUNKS as u32;
        for (at, chunk) in self.chunks.iter().enumerate() {
            let own = chunk_of(hash, at);
            with_changes(own, most_changed, 0, &mut |value| {
                let range = chunk.starts[value] as usize..chunk.starts[value + 1] as usize;
                for place in &chunk.places[range] {
                    let bits = (self.hashes[*place as usize] ^ hash).count_ones();
                    if bits <= radius {
                        found.push((*place, bits));
                    }
                }
            });
        }
    }
}

/// `value` with each choice of up to `most` of its bits from `from` on changed.
fn with_changes(value: usize, most: u32, from: u32, each: &mut impl FnMut(usize)) {
    each(value);
    if most > 0 {
        for bit in from..CHUNK_BITS {
            with_changes(value ^ 1 << bit, most - 1, bit + 1, each);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Splitmix64: the same numbers on every run.
    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (*state ^ *state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Random hashes, and near ones of each, as far as twice the radius.
    fn clustered(count: usize) -> Vec<u64> {
        let mut state = 7;
        let mut hashes = Vec::new();
        while hashes.len() < count {
            let mut hash = random(&mut state);
            for _ in 0..8 {
                hashes.push(hash);
                for _ in 0..random(&mut state) % 8 {
                    hash ^= 1 << (random(&mut state) % 64);
                }
            }
        }
        hashes
    }

    #[test]
    fn it_finds_what_comparing_with_each_finds_at_every_radius() {
        let hashes = clustered(3000);
        let table = HashTable::new(&hashes);
        for radius in [0, 3, 4, 7, 10, 13] {
            let mut pairs = 0;
            for hash in hashes.iter().step_by(11) {
                let all = hashes.iter().enumerate();
                let wanted: Vec<(u32, u32)> = all
                    .map(|(at, other)| (at as u32, (hash ^ other).count_ones()))
                    .filter(|(_, bits)| *bits <= radius)
                    .collect();
                let mut found = Vec::new();
                table.within(*hash, radius, &mut found);
                found.sort_unstable();
                found.dedup();
                assert_eq!(found, wanted, "radius {radius}");
                pairs += found.len();
            }
            assert!(pairs > hashes.len() / 11, "some others are found");
        }
    }
}
