//! The kernel, made ready on one GPU.

use std::borrow::Cow;
use std::thread;

use bytemuck::{Pod, Zeroable};
use showroom_pixels::COLOUR_DIMENSIONS;
use showroom_pixels::histogram::{colour_bin, histogram_of_counts};
use showroom_pixels::palette::{colours_of_sums, name_place};
use showroom_pixels::product::{Part, SIDE, Sample, UNCOVERED, part};
use showroom_pixels::vocabulary::VOCABULARY;

use super::ProductColours;
use crate::launch::{self, Load};
use crate::{Gpu, GpuError};

/// Rows that one workgroup counts.
const STRIPE_ROWS: u32 = 32;
/// Of an entry of the table: the bin's bits; the name is above them.
const BIN_BITS: u32 = 9;
/// Counts of a part of a picture: the bins, then of each name a count and three sums.
const PART_COUNTS: usize = COLOUR_DIMENSIONS + 4 * VOCABULARY.len();
/// The covered without its rim, the rim, the rest.
const PARTS: usize = 3;
const PICTURE_COUNTS: usize = PARTS * PART_COUNTS;

const _: () = {
    assert!(COLOUR_DIMENSIONS <= 1 << BIN_BITS && VOCABULARY.len() <= 1 << (16 - BIN_BITS));
    assert!(255 * SIDE as u64 * SIDE as u64 <= u32::MAX as u64);
};

/// `Picture` of `kernel.wgsl`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Picture {
    at: u32,
    width: u32,
    height: u32,
}

/// The kernel on one GPU: its shader is compiled, and a table of all colours (32 MiB) uploaded, once.
pub struct Kernel {
    gpu: Gpu,
    count: wgpu::ComputePipeline,
    lookup: wgpu::Buffer,
}

impl Kernel {
    /// Takes about a second of CPU time for the table. Fails where the GPU does not take the shader.
    pub fn new(gpu: &Gpu) -> Result<Kernel, GpuError> {
        let shader = launch::shader(gpu, "masked_lab_histogram", include_str!("kernel.wgsl"));
        let constants = [
            ("stripe_rows", f64::from(STRIPE_ROWS)),
            ("uncovered", f64::from(UNCOVERED)),
            ("bin_bits", f64::from(BIN_BITS)),
            ("bins", COLOUR_DIMENSIONS as f64),
            ("part_counts", PART_COUNTS as f64),
            ("picture_counts", PICTURE_COUNTS as f64),
        ];
        let table = table_of_colours();
        let table: &[u8] = bytemuck::cast_slice(&table);
        let kernel = Kernel {
            gpu: gpu.clone(),
            count: launch::pipeline(gpu, &shader, "count", &constants),
            lookup: launch::upload(gpu, "colours", table.len() as u64, [table.into()])?,
        };
        gpu.check()?;
        Ok(kernel)
    }

    /// The colours of these samples' products, in their order; as many samples as memory holds, of any
    /// sizes.
    ///
    /// # Errors
    /// [`GpuError::BadInput`] where a sample is larger than [`Sample::of`] makes it, or its bytes or its
    /// mask do not fit its size; else what the GPU reports.
    pub fn masked_lab_histogram(
        &self,
        samples: &[Sample],
    ) -> Result<Vec<ProductColours>, GpuError> {
        super::check(samples)?;
        let loads: Vec<Load> = samples
            .iter()
            .map(|sample| Load {
                up: sample.pixels.rgba.len() as u64,
                down: 4 * PICTURE_COUNTS as u64,
            })
            .collect();
        let mut colours = Vec::with_capacity(samples.len());
        for part in launch::parts(&self.gpu, &loads) {
            colours.extend(self.part(&samples[part])?);
        }
        Ok(colours)
    }

    /// Of as many as one launch takes.
    fn part(&self, samples: &[Sample]) -> Result<Vec<ProductColours>, GpuError> {
        let mut at = 0;
        let pictures = samples.iter().map(|Sample { pixels, .. }| {
            let picture = Picture {
                at: at as u32,
                width: pixels.width,
                height: pixels.height,
            };
            at += pixels.rgba.len() / 4;
            picture
        });
        let pictures: Vec<Picture> = pictures.collect();
        let pixels = samples.iter().map(|sample| Cow::from(masked(sample)));
        let pixels = launch::upload(&self.gpu, "pixels", 4 * at as u64, pixels)?;
        let table: &[u8] = bytemuck::cast_slice(&pictures);
        let table = launch::upload(&self.gpu, "pictures", table.len() as u64, [table.into()])?;
        let rows = pictures.iter().map(|picture| picture.height).max();
        let stripes = rows.unwrap_or(0).div_ceil(STRIPE_ROWS);
        let counts = launch::run(
            &self.gpu,
            "masked_lab_histogram",
            &[(&self.count, [stripes, samples.len() as u32])],
            &[&pixels, &table, &self.lookup],
            (4 * PICTURE_COUNTS * samples.len()) as u64,
        )?;
        let (counts, _) = counts.as_chunks::<PICTURE_COUNTS>();
        Ok(counts.iter().map(colours_of_counts).collect())
    }
}

/// Of each colour (red lowest) its bin and, above it, its name.
fn table_of_colours() -> Vec<u16> {
    let mut table = vec![0; 1 << 24];
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = table.len().div_ceil(threads);
    thread::scope(|scope| {
        for (entries, from) in table.chunks_mut(share).zip((0u32..).step_by(share)) {
            scope.spawn(move || {
                for (entry, colour) in entries.iter_mut().zip(from..) {
                    let [r, g, b, _] = colour.to_le_bytes();
                    let (bin, name) = (colour_bin([r, g, b]), name_place([r, g, b]));
                    *entry = (bin | name << BIN_BITS) as u16;
                }
            });
        }
    });
    table
}

/// The pixels of a sample, with its mask's values in place of alpha, which is 255 throughout.
fn masked(sample: &Sample) -> Vec<u8> {
    let mut rgba = sample.pixels.rgba.clone();
    let (pixels, _) = rgba.as_chunks_mut::<4>();
    match &sample.mask {
        Some(mask) => {
            for (pixel, value) in pixels.iter_mut().zip(mask) {
                pixel[3] = *value;
            }
        }
        // No mask and one that covers nothing come to the same.
        None => pixels.iter_mut().for_each(|pixel| pixel[3] = 0),
    }
    rgba
}

/// What [`super::cpu`] says of a sample, from what the kernel counted.
fn colours_of_counts(counts: &[u32; PICTURE_COUNTS]) -> ProductColours {
    let (parts, _) = counts.as_chunks::<PART_COUNTS>();
    let pixels = |parts: &[[u32; PART_COUNTS]]| -> usize {
        let bins = parts.iter().flat_map(|counts| &counts[..COLOUR_DIMENSIONS]);
        bins.map(|&count| count as usize).sum()
    };
    let (covered, all) = (pixels(&parts[..2]), pixels(parts));
    let (taken, share) = match part(pixels(&parts[..1]), covered, all) {
        Part::Inner => (1, covered as f32 / all as f32),
        Part::Covered => (2, covered as f32 / all as f32),
        Part::Everything => (3, 0.0),
    };
    let mut bins = [0; COLOUR_DIMENSIONS];
    let mut sums = [[0; 4]; VOCABULARY.len()];
    for counts in &parts[..taken] {
        let (counted, summed) = counts.split_at(COLOUR_DIMENSIONS);
        for (bin, count) in bins.iter_mut().zip(counted) {
            *bin += count;
        }
        for (sum, more) in sums.as_flattened_mut().iter_mut().zip(summed) {
            *sum += u64::from(*more);
        }
    }
    ProductColours {
        colours: colours_of_sums(&sums),
        histogram: histogram_of_counts(&bins),
        share,
    }
}
