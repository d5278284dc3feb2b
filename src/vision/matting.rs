//! Photo → where the product is: the mask network alone, behind the seam [`Matting`].

use showroom_catalog::Pixels;
use showroom_catalog::seams::{Matting, ModelError, SoftMask};
use showroom_pixels::{Fitter, How, Rect};

use crate::encoder::PictureModel;
use crate::engines::{Engine, Input, Network};
use crate::models;
use crate::weights::library::Library;
use crate::weights::manifest::Task;

/// A mask network, ready for one engine. Cloning shares the weights.
#[derive(Clone)]
pub struct MattingModel {
    id: String,
    model: PictureModel,
}

impl MattingModel {
    /// Loads the model `name` for an engine, on which it must pass its self-check.
    pub fn load(library: &Library, name: &str, engine: &Engine) -> Result<Self, ModelError> {
        let manifest = &library.model(name)?.manifest;
        if manifest.task != Task::Matte {
            return Err(ModelError::BadInput(format!(
                "the model {name} finds no products in photos; take u2net or u2netp"
            )));
        }
        Ok(MattingModel {
            id: models::id(manifest),
            model: PictureModel::load(library, manifest, engine)?,
        })
    }

    /// Name and hash of the weights.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// One worker, which uses `threads` threads of the CPU (0: all cores).
    pub fn worker(&self, threads: usize) -> Result<MattingWorker, ModelError> {
        Ok(MattingWorker {
            id: self.id.clone(),
            network: self.model.prepared.open(threads)?,
            model: self.model.clone(),
            fitter: Fitter::new(),
            tensor: Vec::new(),
        })
    }
}

/// Belongs to one thread.
pub struct MattingWorker {
    id: String,
    model: PictureModel,
    network: Box<dyn Network>,
    fitter: Fitter,
    tensor: Vec<f32>,
}

impl Matting for MattingWorker {
    fn id(&self) -> &str {
        &self.id
    }

    fn matte(&mut self, pixels: &Pixels) -> Result<Result<SoftMask, String>, ModelError> {
        let input = &self.model.input;
        let small = input.fit(&mut self.fitter, pixels, Rect::whole(pixels), How::Stretch);
        let small = match small {
            Ok(small) => small,
            Err(reason) => return Ok(Err(reason)),
        };
        self.tensor.clear();
        input.push(&small, &mut self.tensor);
        let outputs = self
            .network
            .run(&[Input::F32(&input.shape(1), &self.tensor)])?;
        let values = outputs.first().map_or(&[][..], |output| &output.data);
        let [width, height] = input.size();
        if values.len() != width * height {
            let name = &self.model.name;
            return Err(ModelError::Failed(format!(
                "the model {name} gave no mask of its size"
            )));
        }
        Ok(Ok(soft_mask(values, width as u32, height as u32)))
    }
}

/// The network's numbers (0 to 1), scaled as the reference does.
fn soft_mask(values: &[f32], width: u32, height: u32) -> SoftMask {
    let least = values.iter().copied().fold(f32::INFINITY, f32::min);
    let peak = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    // Written so that a mask with a NaN in it shows nothing.
    let is_mask = peak > least && values.iter().all(|value| value.is_finite());
    let scaled = |value: &f32| {
        if is_mask {
            (value - least) / (peak - least)
        } else {
            0.0
        }
    };
    SoftMask {
        width,
        height,
        values: values.iter().map(scaled).collect(),
        peak: if peak.is_finite() {
            peak.clamp(0.0, 1.0)
        } else {
            0.0
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_scaled_and_keeps_how_sure_the_network_was() {
        let mask = soft_mask(&[0.1, 0.2, 0.5, 0.3], 2, 2);
        let wanted = [0.0, 0.25, 1.0, 0.5];
        let near = |(found, wanted): (&f32, f32)| (found - wanted).abs() < 1e-6;
        assert!(mask.values.iter().zip(wanted).all(near), "{mask:?}");
        assert_eq!(mask.peak, 0.5);
    }

    #[test]
    fn a_flat_or_broken_answer_shows_nothing() {
        for values in [
            [0.7; 4],
            [0.1, f32::NAN, 0.9, 0.2],
            [f32::INFINITY, 0.0, 0.0, 0.0],
        ] {
            let mask = soft_mask(&values, 2, 2);
            assert_eq!(mask.values, [0.0; 4], "{values:?}");
            assert!((0.0..=1.0).contains(&mask.peak));
        }
    }
}
