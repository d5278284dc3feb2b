//! Cut-outs in bulk: a photo's bytes → the files that were asked for.

use std::collections::BTreeMap;

use showroom_catalog::seams::{BadPhoto, Maker, Matting, ModelError};
use showroom_catalog::{AssetKind, Made, PhotoId, Pixels, Planned, Recipe, Stage};
use showroom_pixels::{DecodeOptions, Limits, decode_pixels};

use super::judge::Flag;
use super::{Cutout, Frame, cut, of_transparent};
use crate::asset::{key, planned};
use crate::matte::Band;
use crate::write::{ImageFormat, Metadata, SourceType, WriteError, encode, encode_mask};

/// Changes with the rules that make a cut-out of a mask, as the files change with them.
pub(crate) const RULES: &str = "band-3";

/// What is made of each photo.
#[derive(Clone, Debug, PartialEq)]
pub struct CutoutOptions {
    pub format: ImageFormat,
    /// 1–100, of WebP and AVIF; WebP at 100 is exact.
    pub quality: u8,
    /// Keeps the mask of the whole photo too.
    pub mask: bool,
    /// Without it a cut-out is as large as its photo.
    pub frame: Option<Frame>,
    pub limits: Limits,
}

impl Default for CutoutOptions {
    fn default() -> Self {
        CutoutOptions {
            format: ImageFormat::Png,
            quality: 90,
            mask: false,
            frame: None,
            limits: Limits::default(),
        }
    }
}

/// Makes cut-outs. Belongs to one thread.
pub struct CutoutMaker {
    matting: Box<dyn Matting>,
    options: CutoutOptions,
}

impl CutoutMaker {
    pub fn new(matting: Box<dyn Matting>, options: CutoutOptions) -> CutoutMaker {
        CutoutMaker { matting, options }
    }

    /// The cut-out of a photo's bytes, as large as the photo. The inner error is about this photo alone.
    pub fn cut(&mut self, bytes: &[u8]) -> Result<Result<Cutout, BadPhoto>, ModelError> {
        let options = DecodeOptions {
            min_side: u32::MAX,
            limits: self.options.limits.clone(),
        };
        let pixels = match decode_pixels(bytes, &options) {
            Ok(pixels) => pixels,
            Err(error) => return Ok(Err(bad(Stage::Decode, error.code(), &error))),
        };
        if let Some(cutout) = of_transparent(&pixels) {
            return Ok(Ok(cutout));
        }
        Ok(match self.matting.matte(&pixels)? {
            Ok(mask) => Ok(cut(&pixels, &mask, Band::default())),
            Err(reason) => Err(bad(Stage::Encode, "no-mask", &reason)),
        })
    }

    /// How cut-outs are made, and masks.
    fn recipes(&self) -> [Recipe; 2] {
        let options = &self.options;
        let model = Some(self.matting.id().to_string());
        let rules = ("rules".to_string(), RULES.to_string());
        let mut parameters = BTreeMap::from([rules.clone()]);
        let mut add = |name: &str, value: String| {
            parameters.insert(name.to_string(), value);
        };
        add("format", options.format.to_string());
        if options.format != ImageFormat::Png {
            add("quality", options.quality.to_string());
        }
        if let Some(frame) = &options.frame {
            add("fill", frame.fill.to_string());
            if let Some(aspect) = frame.aspect {
                add("aspect", aspect.to_string());
            }
            if let Some(size) = frame.size {
                add("size", size.to_string());
            }
        }
        [
            Recipe {
                model: model.clone(),
                parameters,
            },
            Recipe {
                model,
                parameters: BTreeMap::from([rules]),
            },
        ]
    }

    fn files(&self, photo: PhotoId, cutout: &Cutout) -> Result<Vec<Made>, BadPhoto> {
        let [recipe, mask_recipe] = self.recipes();
        let judgement = &cutout.judgement;
        let mut flags: Vec<String> = judgement
            .flags
            .iter()
            .map(|flag| flag.name().into())
            .collect();
        let framed: Pixels;
        let pixels = match &self.options.frame {
            None => &cutout.pixels,
            Some(frame) => {
                let done = frame.apply(&cutout.pixels);
                let done = done.map_err(|error| bad(Stage::Encode, "too-large", &error))?;
                if done.enlarged {
                    flags.push(Flag::Enlarged.name().into());
                }
                framed = done.pixels;
                &framed
            }
        };
        let metadata = Metadata {
            source_type: Some(SourceType::AlgorithmicallyEnhanced),
            photo: Some(photo.to_string()),
            description: Some(format!("Background removed with {}", self.matting.id())),
        };
        let (format, quality) = (self.options.format, self.options.quality);
        let made = |kind, recipe: &Recipe, format, [width, height]: [u32; 2], bytes, flags| Made {
            planned: planned(kind, photo, recipe, format),
            recipe: recipe.clone(),
            width,
            height,
            confidence: Some(judgement.confidence),
            flags,
            bytes,
        };
        let failed = |error: WriteError| bad(Stage::Write, "not-encoded", &error);
        let bytes = encode(pixels, format, quality, &metadata).map_err(failed)?;
        let size = [pixels.width, pixels.height];
        let mut files = vec![made(
            AssetKind::Cutout,
            &recipe,
            format,
            size,
            bytes,
            flags.clone(),
        )];
        if self.options.mask {
            let mask = cutout.mask();
            let metadata = Metadata {
                source_type: None,
                ..metadata
            };
            let bytes = encode_mask(&mask, &metadata).map_err(failed)?;
            let size = [mask.width, mask.height];
            files.push(made(
                AssetKind::Mask,
                &mask_recipe,
                ImageFormat::Png,
                size,
                bytes,
                flags,
            ));
        }
        Ok(files)
    }
}

impl Maker for CutoutMaker {
    fn plan(&self, photo: PhotoId) -> Vec<Planned> {
        let [recipe, mask_recipe] = self.recipes();
        let mut plan = vec![planned(
            AssetKind::Cutout,
            photo,
            &recipe,
            self.options.format,
        )];
        if self.options.mask {
            let key = key(AssetKind::Mask, photo, &mask_recipe);
            plan.push(Planned {
                kind: AssetKind::Mask,
                key,
                extension: "png",
            });
        }
        plan
    }

    fn make(
        &mut self,
        photo: PhotoId,
        bytes: &[u8],
    ) -> Result<Result<Vec<Made>, BadPhoto>, ModelError> {
        Ok(match self.cut(bytes)? {
            Ok(cutout) => self.files(photo, &cutout),
            Err(bad) => Err(bad),
        })
    }
}

fn bad(stage: Stage, code: &str, reason: &dyn std::fmt::Display) -> BadPhoto {
    BadPhoto {
        stage,
        code: code.to_string(),
        reason: reason.to_string(),
    }
}
