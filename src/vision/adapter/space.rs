//! The numbers that an adapter leads from and to.

use showroom_catalog::adapter::{Titled, TitledPhoto};
use showroom_catalog::embedding::{dot, normalise};
use showroom_catalog::{VectorName, Vectors};

/// Vectors of a photo that a title is led to.
pub(super) const PARTS: [VectorName; 2] = [VectorName::Shape, VectorName::Colour];

/// Photos and titles freed of what all of them have in common, as that tells none from another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Space {
    /// The mean title.
    pub mean: Vec<f32>,
    /// The mean direction of each of [`PARTS`], unit length or zero.
    axes: Vec<Vec<f32>>,
}

impl Space {
    /// Of these titles, by their vectors, and of all photos.
    pub fn of<'a>(
        titles: impl ExactSizeIterator<Item = &'a Vec<f32>>,
        photos: impl Iterator<Item = &'a TitledPhoto> + Clone,
    ) -> Space {
        let count = titles.len().max(1) as f32;
        let mut mean = sum(titles.map(Vec::as_slice));
        mean.iter_mut().for_each(|x| *x /= count);
        let axis = |part| {
            let mut axis = sum(photos.clone().map(|photo| photo.vectors.get(part)));
            normalise(&mut axis);
            axis
        };
        Space {
            mean,
            axes: PARTS.map(axis).into(),
        }
    }

    /// Numbers of a title.
    pub fn title_width(&self) -> usize {
        self.mean.len()
    }

    /// Numbers of each of [`PARTS`].
    pub fn lengths(&self) -> impl Iterator<Item = usize> {
        self.axes.iter().map(Vec::len)
    }

    /// Numbers of a photo.
    pub fn photo_width(&self) -> usize {
        self.lengths().sum()
    }

    /// Adds the numbers of a title to `row`.
    pub fn push_title(&self, title: &[f32], row: &mut Vec<f32>) {
        row.extend(title.iter().zip(&self.mean).map(|(x, mean)| x - mean));
    }

    /// Adds the numbers of a photo to `row`: [`PARTS`] one after another.
    pub fn push_photo(&self, vectors: &Vectors, row: &mut Vec<f32>) {
        for (part, axis) in PARTS.into_iter().zip(&self.axes) {
            let start = row.len();
            row.extend(vectors.get(part));
            without(axis, &mut row[start..]);
        }
    }

    /// Frees a vector that photos are compared with of the same: it then compares photos as they are
    /// stored just as it compares their numbers here.
    pub fn free(&self, mut vector: &mut [f32]) {
        for axis in &self.axes {
            let (own, rest) = vector.split_at_mut(axis.len());
            without(axis, own);
            vector = rest;
        }
    }
}

/// The places of the photos of each title.
pub(super) fn photos_of(pairs: &Titled) -> Vec<Vec<usize>> {
    let mut photos = vec![Vec::new(); pairs.titles.len()];
    for (at, photo) in pairs.photos.iter().enumerate() {
        photos[photo.title].push(at);
    }
    photos
}

fn without(axis: &[f32], vector: &mut [f32]) {
    let along = dot(axis, vector);
    for (x, axis) in vector.iter_mut().zip(axis) {
        *x -= along * axis;
    }
}

fn sum<'a>(vectors: impl Iterator<Item = &'a [f32]>) -> Vec<f32> {
    let mut sum: Vec<f32> = Vec::new();
    for vector in vectors {
        sum.resize(vector.len(), 0.0);
        sum.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_have_in_common_is_left_out() {
        let photo = |shape: [f32; 2]| TitledPhoto {
            title: 0,
            vectors: Vectors {
                shape: shape.into(),
                colour: vec![1.0, 0.0],
                text: vec![],
            },
        };
        let photos = [photo([0.6, 0.8]), photo([0.6, -0.8])];
        let titles = [vec![1.0, 0.0], vec![0.0, 1.0]];
        let space = Space::of(titles.iter(), photos.iter());
        assert_eq!(space.mean, [0.5, 0.5]);
        let mut row = Vec::new();
        space.push_photo(&photos[0].vectors, &mut row);
        assert_eq!(row, [0.0, 0.8, 0.0, 0.0]);
        row.clear();
        space.push_title(&[1.0, 0.0], &mut row);
        assert_eq!(row, [0.5, -0.5]);
        // A freed vector compares photos as they are stored, too.
        let mut vector = [3.0, 2.0, 5.0, 7.0];
        space.free(&mut vector);
        assert_eq!(vector, [0.0, 2.0, 0.0, 7.0]);
    }
}
