//! `resize_normalize`: photos of mixed sizes → the tensor that a network takes: a crop of each, resized
//! without aliasing, over white, letterboxed where asked, normalised, as one NCHW batch on the device.
//!
//! The resize is the one of `showroom_pixels::Fitter` (fast_image_resize: Pillow's convolution, whose
//! filter widens with the reduction), down the columns first and then along the rows, each rounded to
//! whole bytes, with the same 16-bit weights and whole-number sums: the same bytes come out as on the CPU,
//! so that an embedding does not depend on where its photo was fitted.
//!
//! Two launches: what the columns give is read by several workgroups along the rows, and to share it inside
//! one launch the memory of a workgroup would bound how much a photo can be reduced.

mod axis;
pub mod cases;
pub mod cpu;
mod gpu;
mod kernel;
mod pictures;
mod plan;

use burn::tensor::DType;
pub use showroom_pixels::{Filter, Fit, How};

pub use gpu::resize_normalize;
pub use pictures::Pictures;

/// A rectangle of a picture. It may reach beyond the picture; there it is white.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Number of the picture among those uploaded together.
    pub picture: u32,
    /// Left edge, in pixels from the picture's.
    pub x: i32,
    /// Top edge, in pixels from the picture's.
    pub y: i32,
    /// In pixels, at least 1.
    pub width: u32,
    /// In pixels, at least 1.
    pub height: u32,
}

/// What values are divided by before mean and std are applied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// A fixed number: 1 leaves 0–255, 255 makes 0–1.
    By(f32),
    /// The largest value of the fitted picture, at least 1: a black picture stays black.
    PictureMaximum,
}

/// What a network wants of a picture: `(value / scale - mean) / std` for each colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Size in pixels, and how a view of another shape comes to it.
    pub fit: Fit,
    pub scale: Scale,
    /// In the order of the tensor's channels.
    pub mean: [f32; 3],
    /// In the order of the tensor's channels.
    pub std: [f32; 3],
    /// The tensor's channels are blue, green, red instead of red, green, blue.
    pub bgr: bool,
    /// Of the tensor: `F32`, or `F16` where the device has it.
    pub dtype: DType,
}

impl Target {
    /// What each byte becomes: red's 256 values, green's and blue's. Where the picture's maximum is to
    /// divide, that comes later, and the bytes stay as they are.
    fn levels(&self) -> [[f32; 256]; 3] {
        [0, 1, 2].map(|colour| {
            let channel = if self.bgr { 2 - colour } else { colour };
            std::array::from_fn(|byte| match self.scale {
                Scale::By(scale) => self.normalised(byte as f32, scale, channel),
                Scale::PictureMaximum => byte as f32,
            })
        })
    }

    fn normalised(&self, value: f32, scale: f32, channel: usize) -> f32 {
        (value / scale - self.mean[channel]) / self.std[channel]
    }
}
