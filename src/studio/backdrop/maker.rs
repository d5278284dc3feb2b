//! Backdrops of photo after photo.

use std::sync::Arc;

use showroom_catalog::seams::{BadPhoto, Maker, Matting, ModelError};
use showroom_catalog::{AssetKind, Made, PhotoId, Planned, Recipe};
use showroom_pixels::Limits;

use super::{Backdrop, Layout, compose};
use crate::asset;
use crate::cutout::{Cutout, RULES};
use crate::making::{cut_photo, refused, shown};
use crate::write::{ImageFormat, Metadata, SourceType};

/// Puts the products of photos on a backdrop.
pub struct BackdropMaker {
    pub matting: Box<dyn Matting>,
    pub backdrop: Arc<Backdrop>,
    /// What the backdrop is, for the recipe: changes whenever it does.
    pub backdrop_id: String,
    pub layout: Layout,
    pub format: ImageFormat,
    /// 1 to 100.
    pub quality: u8,
    pub limits: Limits,
}

impl BackdropMaker {
    fn recipe(&self) -> Recipe {
        let layout = &self.layout;
        let number = |value: Option<f64>| value.map_or("auto".to_string(), |v| v.to_string());
        let side = layout
            .longest_side
            .map_or("own".to_string(), |side| side.to_string());
        Recipe {
            model: Some(self.matting.id().to_string()),
            parameters: [
                ("cutout", RULES.to_string()),
                ("backdrop", self.backdrop_id.clone()),
                ("fill", number(layout.fill)),
                ("aspect", number(layout.aspect)),
                ("size", side),
                ("harmonise", layout.harmonise.to_string()),
                ("seed", layout.seed.to_string()),
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

    fn on_backdrop(&self, photo: PhotoId, cut: Cutout) -> Result<Made, BadPhoto> {
        let composed = compose(&cut.pixels, &self.backdrop, &self.layout)
            .map_err(|error| refused("no-product", error))?;
        let metadata = Metadata {
            source_type: Some(match *self.backdrop {
                Backdrop::Scene(_) => SourceType::CompositeSynthetic,
                _ => SourceType::Composite,
            }),
            photo: Some(photo.to_string()),
            description: Some(format!("product on {}", self.backdrop_id)),
        };
        shown(
            (self.planned(photo), self.recipe()),
            &cut,
            &composed,
            (self.format, self.quality),
            &metadata,
        )
    }
}

impl Maker for BackdropMaker {
    fn plan(&self, photo: PhotoId) -> Vec<Planned> {
        vec![self.planned(photo)]
    }

    fn make(
        &mut self,
        photo: PhotoId,
        bytes: &[u8],
    ) -> Result<Result<Vec<Made>, BadPhoto>, ModelError> {
        let cut = cut_photo(self.matting.as_mut(), bytes, &self.limits)?;
        Ok(cut
            .and_then(|cut| self.on_backdrop(photo, cut))
            .map(|made| vec![made]))
    }
}
