//! Photo → where text is: PP-OCR's detector behind the seam [`TextDetector`]. It runs on onnxruntime alone.

mod boxes;
mod rectangle;

use showroom_catalog::Pixels;
use showroom_catalog::seams::{ModelError, TextBox, TextDetector};
use showroom_pixels::Fitter;

use crate::encoder::PictureModel;
use crate::engines::{Engine, Input, Network};
use crate::models;
use crate::weights::library::Library;
use crate::weights::manifest::Task;

pub use self::boxes::text_boxes;

/// Changes with the rules that make boxes of what the network says.
const RULES: &str = "boxes-1";
/// The network halves the picture five times: its sides are multiples of this.
const STEP: u32 = 32;
/// A small photo is enlarged no more than this, as nothing is gained by it.
const MOST_ENLARGED: f64 = 2.0;

/// A network that finds text, ready for its engine. Cloning shares the weights.
#[derive(Clone)]
pub struct TextModel {
    id: String,
    model: PictureModel,
}

impl TextModel {
    /// Loads the model `name` for an engine, on which it must pass its self-check.
    pub fn load(library: &Library, name: &str, engine: &Engine) -> Result<Self, ModelError> {
        let manifest = &library.model(name)?.manifest;
        if manifest.task != Task::TextDetection {
            return Err(ModelError::BadInput(format!(
                "the model {name} finds no text in photos; take pp-ocr"
            )));
        }
        Ok(TextModel {
            id: format!("{}+{RULES}", models::id(manifest)),
            model: PictureModel::load(library, manifest, engine)?,
        })
    }

    /// One worker, which uses `threads` threads of the CPU (0: all cores).
    pub fn worker(&self, threads: usize) -> Result<TextWorker, ModelError> {
        Ok(TextWorker {
            id: self.id.clone(),
            network: self.model.prepared.open(threads)?,
            model: self.model.clone(),
            fitter: Fitter::new(),
            tensor: Vec::new(),
        })
    }
}

/// Belongs to one thread.
pub struct TextWorker {
    id: String,
    model: PictureModel,
    network: Box<dyn Network>,
    fitter: Fitter,
    tensor: Vec<f32>,
}

impl TextDetector for TextWorker {
    fn id(&self) -> &str {
        &self.id
    }

    fn detect(&mut self, pixels: &Pixels) -> Result<Result<Vec<TextBox>, String>, ModelError> {
        let input = &self.model.input;
        let longer = input.size().into_iter().max().unwrap_or(0) as u32;
        let [width, height] = looked_at(pixels.width, pixels.height, longer);
        let small = match input.fit_to(&mut self.fitter, pixels, [width, height]) {
            Ok(small) => small,
            Err(reason) => return Ok(Err(reason)),
        };
        self.tensor.clear();
        input.push(&small, &mut self.tensor);
        let shape = [1, 3, height as usize, width as usize];
        let outputs = self.network.run(&[Input::F32(&shape, &self.tensor)])?;
        let map = outputs.first().map_or(&[][..], |output| &output.data);
        if map.len() != width as usize * height as usize {
            let name = &self.model.name;
            return Err(ModelError::Failed(format!(
                "the model {name} gave no map of the picture's size"
            )));
        }
        Ok(Ok(text_boxes(map, width as usize)))
    }
}

/// Width and height at which a photo is looked at: its longer side `longer` (a multiple of [`STEP`]), or
/// twice what it is where that is less; both rounded to multiples of [`STEP`].
fn looked_at(width: u32, height: u32, longer: u32) -> [u32; 2] {
    let (width, height) = (f64::from(width.max(1)), f64::from(height.max(1)));
    let scale = (f64::from(longer) / width.max(height)).min(MOST_ENLARGED);
    let step = f64::from(STEP);
    [width, height].map(|side| ((side * scale / step).round().max(1.0) * step) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_are_looked_at_in_multiples_of_the_step() {
        for (photo, wanted) in [
            ([4000, 3000], [960, 736]),
            ([3000, 4000], [736, 960]),
            ([400, 300], [800, 608]),
            ([1, 1], [32, 32]),
            ([20_000, 1], [960, 32]),
        ] {
            assert_eq!(looked_at(photo[0], photo[1], 960), wanted, "{photo:?}");
        }
    }
}
