//! Pictures → the numbers that a network takes, as its manifest says.

use showroom_catalog::Pixels;
use showroom_catalog::seams::ModelError;
use showroom_kernels::resize_normalize::{self as kernel, Target};
use showroom_pixels::{Filter, Fit, Fitter, How, Rect};

use crate::crop::Square;
use crate::engines::device::Precision;
use crate::weights::manifest::{ColourOrder, ImageInput, Layout, Manifest, ResizeFilter, Scale};

/// Longest edge of a square with white in it, before it is brought to the input size.
const MAX_CANVAS: u32 = 1040;

/// What a network wants of a picture.
#[derive(Clone, Debug)]
pub struct PictureInput {
    spec: ImageInput,
}

impl PictureInput {
    /// Takes it from a manifest. Refuses what no network here wants.
    pub fn new(manifest: &Manifest) -> Result<Self, ModelError> {
        let refused = |what: &str| {
            Err(ModelError::Refused(format!(
                "the manifest of {} {what}",
                manifest.name
            )))
        };
        match &manifest.image {
            None => refused("does not say what picture it takes"),
            Some(spec) if spec.layout != Layout::Nchw => {
                refused("wants an order of axes other than NCHW")
            }
            Some(spec) => Ok(PictureInput { spec: spec.clone() }),
        }
    }

    /// Width and height in pixels.
    pub fn size(&self) -> [usize; 2] {
        [self.spec.width as usize, self.spec.height as usize]
    }

    /// Shape of the tensor of `batch` pictures.
    pub fn shape(&self, batch: usize) -> [usize; 4] {
        let [width, height] = self.size();
        [batch, 3, height, width]
    }

    /// Brings a part of a photo to the input size, over white: RGB, row by row.
    pub fn fit(
        &self,
        fitter: &mut Fitter,
        pixels: &Pixels,
        rect: Rect,
        how: How,
    ) -> Result<Vec<u8>, String> {
        let fit = self.sized(self.spec.width, self.spec.height, how);
        let (rgb, _) = fitter
            .rgb(pixels, rect, &fit)
            .map_err(|error| error.to_string())?;
        Ok(rgb)
    }

    /// Brings a photo to another size than the input size, over white: RGB, row by row.
    pub fn fit_to(
        &self,
        fitter: &mut Fitter,
        pixels: &Pixels,
        [width, height]: [u32; 2],
    ) -> Result<Vec<u8>, String> {
        let fit = self.sized(width, height, How::Stretch);
        let (rgb, _) = fitter
            .rgb(pixels, Rect::whole(pixels), &fit)
            .map_err(|error| error.to_string())?;
        Ok(rgb)
    }

    /// Brings a square to the input size, with white where it reaches beyond the photo.
    pub fn fit_square(
        &self,
        fitter: &mut Fitter,
        pixels: &Pixels,
        square: Square,
    ) -> Result<Vec<u8>, String> {
        let Square { rect, at, size } = square;
        if [rect.width, rect.height] == size {
            return self.fit(fitter, pixels, rect, How::Stretch);
        }
        // White and photo are resized together, as the reference does; a large photo is made smaller
        // before, so that the white costs a bounded number of bytes.
        let most = f64::from(MAX_CANVAS) / f64::from(size[0].max(size[1]));
        let scaled = |n: u32| (f64::from(n) * most.min(1.0)).round() as u32;
        let [width, height] = size.map(|n| scaled(n).max(1));
        let [inner_width, inner_height] = [
            scaled(rect.width).clamp(1, width),
            scaled(rect.height).clamp(1, height),
        ];
        let fit = self.sized(inner_width, inner_height, How::Stretch);
        let (inner, _) = fitter
            .rgb(pixels, rect, &fit)
            .map_err(|error| error.to_string())?;
        let left = scaled(at[0]).min(width - inner_width) as usize;
        let top = scaled(at[1]).min(height - inner_height) as usize;
        let mut rgba = vec![255; width as usize * height as usize * 4];
        let rows = rgba.chunks_exact_mut(width as usize * 4).skip(top);
        for (row, inner) in rows.zip(inner.chunks_exact(inner_width as usize * 3)) {
            let row = row[left * 4..].as_chunks_mut::<4>().0;
            for (out, rgb) in row.iter_mut().zip(inner.as_chunks::<3>().0) {
                out[..3].copy_from_slice(rgb);
            }
        }
        let canvas = Pixels {
            width,
            height,
            rgba,
        };
        self.fit(fitter, &canvas, Rect::whole(&canvas), How::Stretch)
    }

    /// The same for the kernel that fits and normalises on a GPU.
    pub fn target(&self, how: How, precision: Precision) -> Target {
        Target {
            fit: self.sized(self.spec.width, self.spec.height, how),
            scale: match self.spec.scale {
                Scale::Byte => kernel::Scale::By(1.0),
                Scale::Unit => kernel::Scale::By(255.0),
                Scale::PictureMaximum => kernel::Scale::PictureMaximum,
            },
            mean: self.spec.mean,
            std: self.spec.std,
            bgr: self.spec.colours == ColourOrder::Bgr,
            dtype: precision.dtype(),
        }
    }

    fn sized(&self, width: u32, height: u32, how: How) -> Fit {
        let filter = match self.spec.filter {
            ResizeFilter::Box => Filter::Box,
            ResizeFilter::Bilinear => Filter::Bilinear,
            ResizeFilter::Bicubic => Filter::Bicubic,
            ResizeFilter::Lanczos3 => Filter::Lanczos3,
        };
        Fit {
            width,
            height,
            how,
            filter,
        }
    }

    /// Adds a picture of the input size (RGB, row by row) to the end of a tensor: colour by colour,
    /// `(value / scale - mean) / std`.
    pub fn push(&self, rgb: &[u8], tensor: &mut Vec<f32>) {
        let scale = match self.spec.scale {
            Scale::Byte => 1.0,
            Scale::Unit => 255.0,
            // A black picture stays black.
            Scale::PictureMaximum => rgb.iter().copied().max().unwrap_or(0).max(1).into(),
        };
        let order = match self.spec.colours {
            ColourOrder::Rgb => [0, 1, 2],
            ColourOrder::Bgr => [2, 1, 0],
        };
        let (pixels, _) = rgb.as_chunks::<3>();
        for (i, colour) in order.into_iter().enumerate() {
            let (mean, std) = (self.spec.mean[i], self.spec.std[i]);
            let table: [f32; 256] =
                std::array::from_fn(|value| (value as f32 / scale - mean) / std);
            tensor.extend(pixels.iter().map(|pixel| table[usize::from(pixel[colour])]));
        }
    }
}
