//! Checks of photo after photo, and the pictures that keep the rules.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use showroom_catalog::seams::{
    BadPhoto, Maker, Matting, ModelError, SoftMask, TextBox, TextDetector,
};
use showroom_catalog::{AssetKind, Made, PhotoId, Pixels, Planned, Recipe};
use showroom_pixels::{Decoded, Limits, Mask};

use super::fix::fix;
use super::judge::{Finding, Verdict, judge, overall};
use super::measure::measure;
use super::rules::RuleSet;
use super::text::TextFound;
use crate::asset;
use crate::cutout::RULES;
use crate::making::{cut_out, decoded, flags_of, refused};
use crate::write::{ImageFormat, Metadata, SourceType};

/// A network is sure of a product from here on ([`SoftMask::peak`]).
const SURE: f32 = 0.5;

/// What is said of a photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// Name of the rules.
    pub rules: String,
    pub verdict: Verdict,
    pub findings: Vec<Finding>,
    /// Where text is, on the product or beside it; `null` where it was not looked for.
    pub text: Option<Vec<TextFound>>,
    /// The picture that was made to keep them; `null` where none was asked for, needed or possible.
    pub fixed: Option<FixedReport>,
    /// Why there is none, where one was asked for and needed.
    pub not_fixed: Option<String>,
}

/// What is said of the picture that was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FixedReport {
    /// Key of the asset.
    pub key: String,
    pub format: ImageFormat,
    pub width: u32,
    pub height: u32,
    pub bytes: u64,
    pub verdict: Verdict,
    pub findings: Vec<Finding>,
}

/// Checks photos.
pub struct CheckMaker {
    pub rules: Arc<RuleSet>,
    /// Hash of the rules' text.
    pub rules_hash: String,
    pub matting: Box<dyn Matting>,
    /// Finds text; the error says why nothing does.
    pub text: Result<Box<dyn TextDetector>, String>,
    /// Cuts out for the pictures that keep the rules; `None` makes none.
    pub cutter: Option<Box<dyn Matting>>,
    pub limits: Limits,
}

impl CheckMaker {
    fn recipe(&self, model: String) -> Recipe {
        let rules = format!("{}@{}", self.rules.name, self.rules_hash);
        let parameters = [("rules", rules), ("fix", self.cutter.is_some().to_string())];
        Recipe {
            model: Some(model),
            parameters: parameters
                .map(|(name, value)| (name.to_string(), value))
                .into(),
        }
    }

    fn planned(&self, photo: PhotoId) -> Planned {
        let mut recipe = self.recipe(self.matting.id().to_string());
        if let Some(cutter) = &self.cutter {
            let cutter = format!("{} {RULES}", cutter.id());
            recipe.parameters.insert("cutter".to_string(), cutter);
        }
        let text = self.text.as_ref();
        let text = text.map_or_else(|_| "none".to_string(), |detector| detector.id().to_string());
        recipe.parameters.insert("text".to_string(), text);
        Planned {
            kind: AssetKind::Check,
            key: asset::key(AssetKind::Check, photo, &recipe),
            extension: "json",
        }
    }

    fn mask(&mut self, pixels: &Pixels) -> Result<Result<Option<Mask>, BadPhoto>, ModelError> {
        if let Some(own) = Mask::of_alpha(pixels) {
            return Ok(Ok(Some(own)));
        }
        let found = self.matting.matte(pixels)?;
        Ok(found
            .map(|soft| mask_of(&soft))
            .map_err(|reason| refused("not-masked", reason)))
    }

    /// Where text is; the inner error says why nobody can tell.
    fn text(&mut self, pixels: &Pixels) -> Result<Result<Vec<TextBox>, String>, ModelError> {
        match &mut self.text {
            Ok(detector) => detector.detect(pixels),
            Err(why) => Ok(Err(why.clone())),
        }
    }

    /// The picture that keeps the rules, with what is said of it; the error says why there is none.
    fn fixed(
        &mut self,
        photo: PhotoId,
        pixels: &Pixels,
    ) -> Result<Result<(Made, FixedReport), String>, ModelError> {
        let Some(cutter) = self.cutter.as_mut() else {
            return Ok(Err("it was not asked for".to_string()));
        };
        let cutout = match cut_out(cutter.as_mut(), pixels)? {
            Ok(cutout) => cutout,
            Err(bad) => return Ok(Err(bad.reason)),
        };
        let id = cutter.id().to_string();
        let mut recipe = self.recipe(id);
        recipe
            .parameters
            .insert("cutout".to_string(), RULES.to_string());
        let metadata = Metadata {
            source_type: Some(SourceType::AlgorithmicallyEnhanced),
            photo: Some(photo.to_string()),
            description: Some(format!("made to keep the rules of {}", self.rules.title)),
        };
        let fixed = match fix(&cutout.pixels, &self.rules.rendition, &metadata) {
            Ok(fixed) => fixed,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let again = match decoded(&fixed.file, &self.limits) {
            Ok(again) => again,
            Err(bad) => return Ok(Err(bad.reason)),
        };
        let text = self.text(&again.pixels)?;
        let text = text.as_deref().map_err(String::as_str);
        let found = measure(&again.pixels, &again.facts, Some(&fixed.mask), text);
        let findings = judge(&self.rules, &found);
        let key = asset::key(AssetKind::Compliant, photo, &recipe);
        let report = FixedReport {
            key: key.clone(),
            format: fixed.format,
            width: fixed.width,
            height: fixed.height,
            bytes: fixed.file.len() as u64,
            verdict: overall(&findings),
            findings,
        };
        let made = Made {
            planned: Planned {
                kind: AssetKind::Compliant,
                key,
                extension: fixed.format.extension(),
            },
            recipe,
            width: fixed.width,
            height: fixed.height,
            confidence: Some(cutout.judgement.confidence),
            flags: flags_of(&cutout),
            bytes: fixed.file,
        };
        Ok(Ok((made, report)))
    }

    fn checked(
        &mut self,
        photo: PhotoId,
        decoded: Decoded,
        mask: Option<Mask>,
    ) -> Result<Result<Vec<Made>, BadPhoto>, ModelError> {
        let Decoded { pixels, facts } = decoded;
        let text = self.text(&pixels)?;
        let text = text.as_deref().map_err(String::as_str);
        let found = measure(&pixels, &facts, mask.as_ref(), text);
        let findings = judge(&self.rules, &found);
        let mut report = CheckReport {
            rules: self.rules.name.clone(),
            verdict: overall(&findings),
            findings,
            text: found.text,
            fixed: None,
            not_fixed: None,
        };
        let mut made = Vec::new();
        let mendable = report
            .findings
            .iter()
            .any(|finding| finding.remedy.is_some());
        if self.cutter.is_some() && mendable {
            match self.fixed(photo, &pixels)? {
                Ok((picture, told)) => {
                    made.push(picture);
                    report.fixed = Some(told);
                }
                Err(reason) => report.not_fixed = Some(reason),
            }
        }
        let bytes = match serde_json::to_vec(&report) {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Err(refused("not-written", error))),
        };
        made.push(Made {
            planned: self.planned(photo),
            recipe: self.recipe(self.matting.id().to_string()),
            width: pixels.width,
            height: pixels.height,
            confidence: None,
            flags: Vec::new(),
            bytes,
        });
        Ok(Ok(made))
    }
}

impl Maker for CheckMaker {
    /// The report alone: whether a picture is made is known when it has been written.
    fn plan(&self, photo: PhotoId) -> Vec<Planned> {
        vec![self.planned(photo)]
    }

    fn make(
        &mut self,
        photo: PhotoId,
        bytes: &[u8],
    ) -> Result<Result<Vec<Made>, BadPhoto>, ModelError> {
        let decoded = match decoded(bytes, &self.limits) {
            Ok(decoded) => decoded,
            Err(bad) => return Ok(Err(bad)),
        };
        match self.mask(&decoded.pixels)? {
            Ok(mask) => self.checked(photo, decoded, mask),
            Err(bad) => Ok(Err(bad)),
        }
    }
}

/// A network's mask in bytes; `None` where it saw no product.
fn mask_of(soft: &SoftMask) -> Option<Mask> {
    let byte = |value: &f32| (value.clamp(0.0, 1.0) * 255.0).round() as u8;
    (soft.peak >= SURE).then(|| Mask {
        width: soft.width,
        height: soft.height,
        values: soft.values.iter().map(byte).collect(),
    })
}
