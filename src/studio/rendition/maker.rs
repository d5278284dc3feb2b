//! Renditions of photo after photo: the pictures, and a list of them that is written last.

use serde::{Deserialize, Serialize};
use showroom_catalog::seams::{BadPhoto, Maker, ModelError};
use showroom_catalog::{AssetKind, Made, PhotoId, Planned, Recipe};
use showroom_pixels::Limits;

use super::{Told, Wanted, placeholder, renditions};
use crate::asset;
use crate::making::{decoded, refused};
use crate::write::Metadata;

/// What is kept of the renditions of a photo: the list, as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RenditionList {
    /// By rising width, formats in the order asked for.
    pub pictures: Vec<Listed>,
    /// A tiny picture as a `data:` address.
    pub placeholder: String,
    /// Mean colour, `#rrggbb`.
    pub colour: String,
}

/// One picture of the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// Key of the asset.
    pub key: String,
    #[serde(flatten)]
    pub told: Told,
}

/// Makes the renditions of photos.
pub struct RenditionMaker {
    pub wanted: Wanted,
    pub limits: Limits,
}

impl RenditionMaker {
    fn recipe(&self) -> Recipe {
        let joined = |each: Vec<String>| each.join(",");
        let widths = self.wanted.widths.iter().map(u32::to_string).collect();
        let formats = self
            .wanted
            .formats
            .iter()
            .map(ToString::to_string)
            .collect();
        Recipe {
            model: None,
            parameters: [
                ("widths", joined(widths)),
                ("formats", joined(formats)),
                ("dssim", self.wanted.target.to_string()),
            ]
            .map(|(name, value)| (name.to_string(), value))
            .into(),
        }
    }

    fn planned_list(&self, photo: PhotoId) -> Planned {
        Planned {
            kind: AssetKind::Rendition,
            key: asset::key(AssetKind::Rendition, photo, &self.recipe()),
            extension: "json",
        }
    }

    fn made(&self, photo: PhotoId, bytes: &[u8]) -> Result<Vec<Made>, BadPhoto> {
        let pixels = decoded(bytes, &self.limits)?.pixels;
        let failed = |error| refused("not-written", error);
        let metadata = Metadata {
            photo: Some(photo.to_string()),
            ..Metadata::default()
        };
        let mut made = Vec::new();
        let mut pictures = Vec::new();
        for one in renditions(&pixels, &self.wanted, &metadata).map_err(failed)? {
            let told = one.told;
            let parameters = [
                ("width", told.width.to_string()),
                ("format", told.format.to_string()),
                ("dssim", self.wanted.target.to_string()),
                ("quality", told.quality.to_string()),
            ];
            let recipe = Recipe {
                model: None,
                parameters: parameters
                    .map(|(name, value)| (name.to_string(), value))
                    .into(),
            };
            let key = asset::key(AssetKind::Rendition, photo, &recipe);
            let flags = match told.reached {
                true => Vec::new(),
                false => vec!["target_not_reached".to_string()],
            };
            made.push(Made {
                planned: Planned {
                    kind: AssetKind::Rendition,
                    key: key.clone(),
                    extension: told.format.extension(),
                },
                recipe,
                width: told.width,
                height: told.height,
                confidence: None,
                flags,
                bytes: one.file,
            });
            pictures.push(Listed { key, told });
        }
        let shown = placeholder(&pixels).map_err(failed)?;
        let list = RenditionList {
            pictures,
            placeholder: shown.data_uri,
            colour: shown.colour,
        };
        made.push(Made {
            planned: self.planned_list(photo),
            recipe: self.recipe(),
            width: pixels.width,
            height: pixels.height,
            confidence: None,
            flags: made
                .iter()
                .flat_map(|one| one.flags.clone())
                .take(1)
                .collect(),
            bytes: serde_json::to_vec(&list).map_err(|error| refused("not-written", error))?,
        });
        Ok(made)
    }
}

impl Maker for RenditionMaker {
    /// The list alone: which widths there are is known once the photo is decoded, and the list is written
    /// when all pictures are.
    fn plan(&self, photo: PhotoId) -> Vec<Planned> {
        vec![self.planned_list(photo)]
    }

    fn make(
        &mut self,
        photo: PhotoId,
        bytes: &[u8],
    ) -> Result<Result<Vec<Made>, BadPhoto>, ModelError> {
        Ok(self.made(photo, bytes))
    }
}
