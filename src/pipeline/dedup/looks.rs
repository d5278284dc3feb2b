//! What is kept of each row while it is compared: 1.7 KB with the vectors of the default models.

use showroom_catalog::seams::{Catalogue, Columns};
use showroom_catalog::{Evidence, Filter, PairKey, PhotoId, Record};
use tokio::runtime::Handle;

use super::hashes::mirrored;
use super::{DedupError, DedupProgress, MAX_ROWS};
use crate::cancel::Cancel;

/// One photo without its vectors.
#[derive(Clone, Debug)]
pub struct Look {
    pub id: PhotoId,
    pub uri: String,
    pub sku: Option<String>,
    pub width: u32,
    pub height: u32,
    pub bytes: u64,
    pub phash: u64,
}

/// All photos, in the order of their URIs.
#[derive(Default)]
pub struct Looks {
    pub photos: Vec<Look>,
    pub shape: Bytes,
    pub colour: Bytes,
}

impl Looks {
    fn push(&mut self, record: Record) {
        self.shape.push(&record.vectors.shape);
        self.colour.push(&record.vectors.colour);
        self.photos.push(Look {
            id: record.id,
            uri: record.source.uri,
            sku: record.source.sku,
            width: record.facts.width,
            height: record.facts.height,
            bytes: record.facts.bytes,
            phash: record.facts.phash,
        });
    }

    pub fn evidence(&self, a: usize, b: usize) -> Evidence {
        let (one, other) = (self.photos[a].phash, self.photos[b].phash);
        let straight = (one ^ other).count_ones();
        Evidence {
            phash_bits: straight.min((mirrored(one) ^ other).count_ones()),
            shape: self.shape.cosine(a, b),
            colour: self.colour.has(a, b).then(|| self.colour.cosine(a, b)),
            overlap: None,
        }
    }

    pub fn key(&self, (a, b): (u32, u32)) -> PairKey {
        let named = |at: u32| {
            let photo = &self.photos[at as usize];
            (photo.id, photo.uri.as_str())
        };
        PairKey::new(named(a), named(b))
    }
}

/// Reads the rows that pass the filter.
pub fn read(
    catalogue: &dyn Catalogue,
    filter: Option<Filter>,
    cancel: &Cancel,
    progress: &DedupProgress<'_>,
    runtime: &Handle,
) -> Result<Looks, DedupError> {
    let total = runtime.block_on(catalogue.stats())?.photos as u64;
    let mut looks = Looks::default();
    let mut is_full = false;
    let mut each = |records: Vec<Record>| {
        let fits = looks.photos.len() + records.len() <= MAX_ROWS;
        if fits {
            records.into_iter().for_each(|record| looks.push(record));
            progress(looks.photos.len() as u64, total, "photos read");
        }
        is_full = !fits;
        fits && !cancel.is_cancelled()
    };
    runtime.block_on(catalogue.scan(filter, Columns::All, &mut each))?;
    super::check(cancel)?;
    if is_full {
        return Err(DedupError::TooMany);
    }
    Ok(looks)
}

/// Vectors of one length in 8 bits a number, of which cosines come out within .01.
#[derive(Default)]
pub struct Bytes {
    dimension: usize,
    values: Vec<i8>,
    /// One over the length of each row as it is kept; 0 for a row of zeros.
    scales: Vec<f32>,
}

impl Bytes {
    pub fn push(&mut self, vector: &[f32]) {
        self.dimension = vector.len();
        let most = vector.iter().fold(0.0f32, |most, v| most.max(v.abs()));
        let by = if most > 0.0 { 127.0 / most } else { 0.0 };
        let start = self.values.len();
        // The cast saturates, and makes 0 of what is no number.
        self.values
            .extend(vector.iter().map(|value| (value * by).round() as i8));
        let row = &self.values[start..];
        let square = dot(row, row);
        self.scales.push(if square > 0 {
            1.0 / (square as f32).sqrt()
        } else {
            0.0
        });
    }

    /// Numbers of each vector; 0 where there is none yet.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The vector as it is kept, of length 1, or 0 where it is all zero.
    pub fn unit(&self, at: usize) -> impl Iterator<Item = f32> {
        let scale = self.scales[at];
        let row = self.row(at).iter();
        row.map(move |value| f32::from(*value) * scale)
    }

    fn row(&self, at: usize) -> &[i8] {
        &self.values[at * self.dimension..(at + 1) * self.dimension]
    }

    /// 0 where one of the rows is all zero.
    pub fn cosine(&self, a: usize, b: usize) -> f32 {
        dot(self.row(a), self.row(b)) as f32 * self.scales[a] * self.scales[b]
    }

    /// Whether neither row is all zero.
    pub fn has(&self, a: usize, b: usize) -> bool {
        self.scales[a] > 0.0 && self.scales[b] > 0.0
    }
}

/// Dot product of rows of the same length; it fits up to 130,000 numbers, more than a store takes.
fn dot(a: &[i8], b: &[i8]) -> i32 {
    let products = a
        .iter()
        .zip(b)
        .map(|(a, b)| i16::from(*a).wrapping_mul(i16::from(*b)));
    // Wrapping, because a check at every step would keep the compiler from using vectors.
    products.fold(0i32, |sum, product| sum.wrapping_add(i32::from(product)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_in_bytes_are_those_in_floats() {
        let vector = |seed: u32| -> Vec<f32> {
            (0..333u32)
                .map(|i| ((i * 7919 + seed * 104_729) % 1009) as f32 / 1009.0 - 0.3)
                .collect()
        };
        let (a, b) = (vector(1), vector(2));
        let mut bytes = Bytes::default();
        bytes.push(&a);
        bytes.push(&b);
        bytes.push(&vec![0.0; 333]);
        let sum = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>();
        let wanted = sum(&a, &b) / (sum(&a, &a) * sum(&b, &b)).sqrt();
        assert!((bytes.cosine(0, 1) - wanted).abs() < 0.01);
        assert!((bytes.cosine(0, 0) - 1.0).abs() < 1e-5);
        assert!(bytes.cosine(0, 2) == 0.0 && bytes.has(0, 1) && !bytes.has(0, 2));
    }
}
