//! Pictures → the numbers that a network takes, as its manifest says.

use showroom_catalog::Pixels;
use showroom_catalog::seams::ModelError;
use showroom_pixels::{Filter, Fit, Fitter, How, Rect};

use crate::crop::Square;
use crate::weights::manifest::{ColourOrder, ImageInput, Layout, Manifest, ResizeFilter, Scale};

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

    /// Brings a square to the input size, with white where it reaches beyond the photo.
    pub fn fit_square(
        &self,
        fitter: &mut Fitter,
        pixels: &Pixels,
        square: Square,
    ) -> Result<Vec<u8>, String> {
        let Square { rect, edge } = square;
        let inner = |part: u32, target: u32| {
            let scaled = f64::from(part) * f64::from(target) / f64::from(edge.max(1));
            (scaled.round() as u32).clamp(1, target)
        };
        let (spec_width, spec_height) = (self.spec.width, self.spec.height);
        let (width, height) = (
            inner(rect.width, spec_width),
            inner(rect.height, spec_height),
        );
        let fit = self.sized(width, height, How::Stretch);
        let (small, _) = fitter
            .rgb(pixels, rect, &fit)
            .map_err(|error| error.to_string())?;
        if (width, height) == (spec_width, spec_height) {
            return Ok(small);
        }
        let mut rgb = vec![255; spec_width as usize * spec_height as usize * 3];
        let (left, top) = ((spec_width - width) / 2, (spec_height - height) / 2);
        let rows = rgb
            .chunks_exact_mut(spec_width as usize * 3)
            .skip(top as usize);
        for (row, small) in rows.zip(small.chunks_exact(width as usize * 3)) {
            row[left as usize * 3..][..small.len()].copy_from_slice(small);
        }
        Ok(rgb)
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
