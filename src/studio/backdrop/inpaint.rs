//! Backdrops that a model makes of words, photo after photo.

use showroom_catalog::seams::{BadPhoto, Inpainting, Maker, Matting, ModelError, Wanted};
use showroom_catalog::{AssetKind, Made, PhotoId, Pixels, Planned, Recipe};
use showroom_pixels::Limits;

use super::{FILL, over};
use crate::asset;
use crate::cutout::{Cutout, RULES};
use crate::making::{cut_photo, refused, shown};
use crate::place::{Canvas, PlaceError, canvas};
use crate::write::{ImageFormat, Metadata, SourceType};

/// Puts the products of photos into pictures that a model makes round them.
pub struct InpaintMaker {
    pub matting: Box<dyn Matting>,
    pub model: Box<dyn Inpainting>,
    pub wanted: Wanted,
    /// How much of the picture the product takes along the axis that it fills more, 0–1; `None` is .8.
    pub fill: Option<f64>,
    /// Width / height.
    pub aspect: f64,
    /// Pixels of the longer side; `None` keeps the product's pixels one for one. The product is never enlarged;
    /// what the model makes is, to this size.
    pub longest_side: Option<u32>,
    pub format: ImageFormat,
    /// 1 to 100.
    pub quality: u8,
    pub limits: Limits,
    /// Told before each step how many are done and of how many; `false` stops the run.
    pub step: Box<dyn FnMut(usize, usize) -> bool + Send>,
}

/// What the files say of themselves.
const SOURCE: SourceType = SourceType::CompositeWithTrainedAlgorithmicMedia;

impl InpaintMaker {
    fn recipe(&self) -> Recipe {
        let wanted = &self.wanted;
        let or = |value: Option<String>, usual: &str| value.unwrap_or_else(|| usual.to_string());
        Recipe {
            model: Some(self.matting.id().to_string()),
            parameters: [
                ("cutout", RULES.to_string()),
                ("backdrop", "prompt".to_string()),
                ("diffusion", self.model.id().to_string()),
                ("prompt", wanted.prompt.clone()),
                ("negative", wanted.negative.clone()),
                ("steps", wanted.steps.to_string()),
                ("guidance", wanted.guidance.to_string()),
                ("seed", wanted.seed.to_string()),
                ("fill", or(self.fill.map(|fill| fill.to_string()), "auto")),
                ("aspect", self.aspect.to_string()),
                (
                    "size",
                    or(self.longest_side.map(|side| side.to_string()), "own"),
                ),
                ("digital_source_type", SOURCE.uri().to_string()),
                ("format", self.format.to_string()),
                ("quality", self.quality.to_string()),
            ]
            .map(|(name, value)| (name.to_string(), value))
            .into(),
        }
    }

    fn planned(&self, photo: PhotoId) -> Planned {
        asset::planned(AssetKind::Backdrop, photo, &self.recipe(), self.format)
    }

    fn placed(&self, cutout: &Pixels) -> Result<Pixels, PlaceError> {
        let wanted = Canvas {
            fill: self.fill.unwrap_or(FILL),
            aspect: Some(self.aspect),
            longest_side: self.longest_side,
        };
        canvas(cutout, &wanted)
    }

    fn made(&self, photo: PhotoId, cut: &Cutout, picture: &Pixels) -> Result<Made, BadPhoto> {
        let Wanted { prompt, seed, .. } = &self.wanted;
        let metadata = Metadata {
            source_type: Some(SOURCE),
            photo: Some(photo.to_string()),
            description: Some(format!(
                "product on a background that {} made of the words {prompt:?}, seed {seed}",
                self.model.id()
            )),
        };
        shown(
            (self.planned(photo), self.recipe()),
            cut,
            picture,
            (self.format, self.quality),
            &metadata,
        )
    }
}

impl Maker for InpaintMaker {
    fn plan(&self, photo: PhotoId) -> Vec<Planned> {
        vec![self.planned(photo)]
    }

    fn make(
        &mut self,
        photo: PhotoId,
        bytes: &[u8],
    ) -> Result<Result<Vec<Made>, BadPhoto>, ModelError> {
        let cut = match cut_photo(self.matting.as_mut(), bytes, &self.limits)? {
            Ok(cut) => cut,
            Err(bad) => return Ok(Err(bad)),
        };
        let placed = match self.placed(&cut.pixels) {
            Ok(placed) => placed,
            Err(error) => return Ok(Err(refused("no-product", error))),
        };
        let painted = self.model.paint(&self.wanted, &placed, &mut self.step)?;
        let mut picture = showroom_pixels::scale(&painted, placed.width, placed.height);
        over(&placed, &mut picture);
        Ok(self.made(photo, &cut, &picture).map(|made| vec![made]))
    }
}
