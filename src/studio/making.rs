//! What the makers of files share: decoding a photo, cutting it out, a photo that is refused.

use showroom_catalog::seams::{BadPhoto, Matting, ModelError};
use showroom_catalog::{Made, Pixels, Planned, Recipe, Stage};
use showroom_pixels::{DecodeOptions, Decoded, Limits, decode};

use crate::cutout::{Cutout, Judgement, cut, of_transparent};
use crate::matte::Band;
use crate::write::{ImageFormat, Metadata, encode};

/// Decodes every pixel of a photo.
pub fn decoded(bytes: &[u8], limits: &Limits) -> Result<Decoded, BadPhoto> {
    let options = DecodeOptions {
        min_side: u32::MAX,
        limits: limits.clone(),
    };
    decode(bytes, &options).map_err(|error| BadPhoto {
        stage: Stage::Decode,
        code: error.code().to_string(),
        reason: error.to_string(),
    })
}

/// The product of a photo, alone; of a photo that has been cut out already, the photo.
pub fn cut_out(
    matting: &mut dyn Matting,
    pixels: &Pixels,
) -> Result<Result<Cutout, BadPhoto>, ModelError> {
    if let Some(cutout) = of_transparent(pixels) {
        return Ok(Ok(cutout));
    }
    let mask = matting.matte(pixels)?;
    Ok(mask
        .map(|mask| cut(pixels, &mask, Band::default()))
        .map_err(|reason| refused("no-mask", reason)))
}

/// As [`cut_out`], of the bytes of a photo.
pub fn cut_photo(
    matting: &mut dyn Matting,
    bytes: &[u8],
    limits: &Limits,
) -> Result<Result<Cutout, BadPhoto>, ModelError> {
    match decoded(bytes, limits) {
        Ok(decoded) => cut_out(matting, &decoded.pixels),
        Err(bad) => Ok(Err(bad)),
    }
}

/// The file of a picture in which a cut-out is shown; it is as sure as the cut-out.
pub fn shown(
    (planned, recipe): (Planned, Recipe),
    cut: &Cutout,
    picture: &Pixels,
    (format, quality): (ImageFormat, u8),
    metadata: &Metadata,
) -> Result<Made, BadPhoto> {
    let bytes = encode(picture, format, quality, metadata)
        .map_err(|error| refused("not-written", error))?;
    Ok(Made {
        planned,
        recipe,
        width: picture.width,
        height: picture.height,
        confidence: Some(cut.judgement.confidence),
        flags: flags_of(cut),
        bytes,
    })
}

/// Words for what a person should look at.
pub fn flags_of(cutout: &Cutout) -> Vec<String> {
    flag_names(&cutout.judgement)
}

/// As [`flags_of`], of a judgement alone.
pub fn flag_names(judgement: &Judgement) -> Vec<String> {
    let flags = judgement.flags.iter();
    flags.map(|flag| flag.name().to_string()).collect()
}

/// A photo of which nothing can be made, and why.
pub fn refused(code: &str, reason: impl ToString) -> BadPhoto {
    BadPhoto {
        stage: Stage::Encode,
        code: code.to_string(),
        reason: reason.to_string(),
    }
}
