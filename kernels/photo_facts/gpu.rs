//! The kernel, made ready on one GPU.

use std::borrow::Cow;

use bytemuck::{Pod, Zeroable};
use showroom_catalog::Pixels;
use showroom_pixels::quality::{
    ALIKE, BLACK, CLIPPED, LUMA, MEASURED_SIDE, Measured, Sums, WHITE, border_thickness,
};

use crate::launch::{self, Load};
use crate::{Gpu, GpuError};

/// Rows that one workgroup adds up.
const STRIPE_ROWS: u32 = 8;
/// The largest that `4·centre − left − right − up − down` can be, either way.
const STEEPEST: u64 = 4 * 255;
const _: () = assert!(
    STRIPE_ROWS as u64 * MEASURED_SIDE as u64 * STEEPEST * STEEPEST <= u32::MAX as u64,
    "the squares of a stripe do not fit 32 bits"
);
/// Sums of the border, and of each stripe.
const BORDER_SUMS: usize = 2;
const STRIPE_SUMS: usize = 5;

/// `Picture` of `kernel.wgsl`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Picture {
    at: u32,
    width: u32,
    height: u32,
    thick: u32,
    border: u32,
    sums: u32,
}

/// The kernel on one GPU: its shaders are compiled once.
pub struct Kernel {
    gpu: Gpu,
    stripe: wgpu::ComputePipeline,
    border: wgpu::ComputePipeline,
}

impl Kernel {
    /// Fails where the GPU does not take the shaders.
    pub fn new(gpu: &Gpu) -> Result<Kernel, GpuError> {
        let shader = launch::shader(gpu, "photo_facts", include_str!("kernel.wgsl"));
        let constants = [
            ("stripe_rows", f64::from(STRIPE_ROWS)),
            ("luma_red", f64::from(LUMA[0])),
            ("luma_green", f64::from(LUMA[1])),
            ("luma_blue", f64::from(LUMA[2])),
            ("black", f64::from(BLACK)),
            ("clipped", f64::from(CLIPPED)),
            ("white", f64::from(WHITE)),
            ("alike", f64::from(ALIKE)),
        ];
        let kernel = Kernel {
            gpu: gpu.clone(),
            stripe: launch::pipeline(gpu, &shader, "stripe", &constants),
            border: launch::pipeline(gpu, &shader, "border", &constants),
        };
        gpu.check()?;
        Ok(kernel)
    }

    /// The facts of measured copies ([`measured_copy`](showroom_pixels::quality::measured_copy)), in their
    /// order; as many as memory holds, of any sizes.
    ///
    /// # Errors
    /// [`GpuError::BadInput`] where a copy is larger than a measured copy is, or its bytes do not fit its
    /// size; else what the GPU reports.
    pub fn photo_facts(&self, copies: &[Pixels]) -> Result<Vec<Measured>, GpuError> {
        super::check(copies)?;
        let loads: Vec<Load> = copies
            .iter()
            .map(|copy| Load {
                up: copy.rgba.len() as u64,
                down: 4 * words(copy) as u64,
            })
            .collect();
        let mut measured = Vec::with_capacity(copies.len());
        for part in launch::parts(&self.gpu, &loads) {
            measured.extend(self.part(&copies[part])?);
        }
        Ok(measured)
    }

    /// Of as many as one launch takes.
    fn part(&self, copies: &[Pixels]) -> Result<Vec<Measured>, GpuError> {
        let (mut at, mut sums) = (0, 0);
        let pictures = copies.iter().map(|copy| {
            let (width, height) = (copy.width, copy.height);
            let picture = Picture {
                at: at as u32,
                width,
                height,
                thick: border_thickness(width, height),
                border: Sums::sized(width, height).border as u32,
                sums: sums as u32,
            };
            (at, sums) = (at + copy.rgba.len() / 4, sums + words(copy));
            picture
        });
        let pictures: Vec<Picture> = pictures.collect();
        let pixels = copies.iter().map(|copy| Cow::from(&copy.rgba));
        let pixels = launch::upload(&self.gpu, "pixels", 4 * at as u64, pixels)?;
        let table: &[u8] = bytemuck::cast_slice(&pictures);
        let table = launch::upload(&self.gpu, "pictures", table.len() as u64, [table.into()])?;
        let stripes = copies.iter().map(stripes).max().unwrap_or(0);
        let launches = [
            (&self.stripe, [stripes as u32, copies.len() as u32]),
            (&self.border, [copies.len() as u32, 1]),
        ];
        let inputs = [&pixels, &table];
        let found = launch::run(
            &self.gpu,
            "photo_facts",
            &launches,
            &inputs,
            4 * sums as u64,
        )?;
        let copies = copies.iter().zip(&pictures);
        Ok(copies
            .map(|(copy, picture)| {
                let found = &found[picture.sums as usize..][..words(copy)];
                added_up(copy, found).measured()
            })
            .collect())
    }
}

fn stripes(copy: &Pixels) -> usize {
    copy.height.div_ceil(STRIPE_ROWS) as usize
}

/// How many sums the kernel finds of a copy.
fn words(copy: &Pixels) -> usize {
    BORDER_SUMS + STRIPE_SUMS * stripes(copy)
}

fn added_up(copy: &Pixels, found: &[u32]) -> Sums {
    let (border, stripes) = found.split_at(BORDER_SUMS);
    let mut sums = Sums::sized(copy.width, copy.height);
    (sums.border_white, sums.border_alike) = (u64::from(border[0]), u64::from(border[1]));
    for &[luma, dark, bright, edges, squares] in stripes.as_chunks::<STRIPE_SUMS>().0 {
        sums.luma += u64::from(luma);
        sums.dark += u64::from(dark);
        sums.bright += u64::from(bright);
        sums.edges += i64::from(edges.cast_signed());
        sums.edge_squares += u64::from(squares);
    }
    sums
}
