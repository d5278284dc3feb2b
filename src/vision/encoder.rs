//! Photo → features: find the product, encode the square round it, measure its colours.
//!
//! [`ProductModels`] holds what is loaded once, [`ProductEncoder`] is one worker's handle on it.

use showroom_catalog::embedding::{Dimensions, normalise};
use showroom_catalog::seams::{Encoder, Features, ModelError};
use showroom_catalog::{Photo, Pixels};
use showroom_pixels::{
    COLOUR_DIMENSIONS, Fitter, How, Mask, Rect, colour_histogram, named_colours, product,
};

use crate::crop::{mask_of, square};
use crate::engines::check::verify;
use crate::engines::pictures::Picture;
use crate::engines::{Engine, Input, Network, Prepared};
use crate::input::PictureInput;
use crate::models::{self, efficientnet_lite};
use crate::weights::library::Library;
use crate::weights::manifest::Manifest;

/// Changes with the rules that make features of what the networks say (here, in `crop.rs` and in
/// the colour modules of showroom-pixels), as the features change with them.
const RULES: &str = "product-1";
/// Crops that go through the network together.
const BATCH: usize = 8;

/// The two models of an encoder, ready for one engine. Cloning shares the weights.
#[derive(Clone)]
pub struct ProductModels {
    id: String,
    matte: PictureModel,
    embedding: PictureModel,
}

/// A model that takes pictures, ready for one engine.
#[derive(Clone)]
struct PictureModel {
    name: String,
    input: PictureInput,
    prepared: Prepared,
}

impl ProductModels {
    /// Loads the models `embedding` and `matte` for an engine; each must pass its self-check.
    pub fn load(
        library: &Library,
        embedding: &str,
        matte: &str,
        engine: &Engine,
    ) -> Result<Self, ModelError> {
        let (embedding, matte) = (library.model(embedding)?, library.model(matte)?);
        let (embedding, matte) = (&embedding.manifest, &matte.manifest);
        Ok(ProductModels {
            id: format!("{}+{}+{RULES}", models::id(embedding), models::id(matte)),
            matte: PictureModel::load(library, matte, engine)?,
            embedding: PictureModel::load(library, embedding, engine)?,
        })
    }

    /// Changes whenever the features of the same photo would change.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Lengths of the features. There is no text vector: taggers make it.
    pub fn dimensions(&self) -> Dimensions {
        Dimensions {
            shape: efficientnet_lite::FEATURES,
            colour: COLOUR_DIMENSIONS,
            text: 0,
            classes: efficientnet_lite::CLASSES,
        }
    }

    /// One worker, which uses `threads` threads (0: all cores).
    pub fn worker(&self, threads: usize) -> Result<ProductEncoder, ModelError> {
        Ok(ProductEncoder {
            models: self.clone(),
            matte: self.matte.prepared.open(threads)?,
            embedding: self.embedding.prepared.open(threads)?,
            fitter: Fitter::new(),
        })
    }
}

impl PictureModel {
    fn load(library: &Library, manifest: &Manifest, engine: &Engine) -> Result<Self, ModelError> {
        let model = PictureModel {
            name: manifest.name.clone(),
            input: PictureInput::new(manifest)?,
            prepared: engine.prepare(&*models::load(library, &manifest.name)?)?,
        };
        if let Some(check) = &manifest.check {
            let picture = check.picture.as_deref().and_then(Picture::named);
            let picture = picture.ok_or_else(|| {
                let name = &manifest.name;
                ModelError::Refused(format!("the self-check of {name} names no known picture"))
            })?;
            let mut tensor = Vec::new();
            model
                .input
                .push(&picture.rgb(model.input.size()[0]), &mut tensor);
            let mut network = model.prepared.open(1)?;
            let outputs = network.run(&[Input::F32(&model.input.shape(1), &tensor)])?;
            verify(&manifest.name, engine.name(), check, &outputs)?;
        }
        Ok(model)
    }
}

/// One worker: belongs to one thread.
pub struct ProductEncoder {
    models: ProductModels,
    matte: Box<dyn Network>,
    embedding: Box<dyn Network>,
    fitter: Fitter,
}

/// Embedding (unit length) and class probabilities of one crop.
type Embedded = (Vec<f32>, Vec<f32>);

impl Encoder for ProductEncoder {
    fn id(&self) -> &str {
        &self.models.id
    }

    fn encode(&mut self, photos: &[Photo]) -> Result<Vec<Result<Features, String>>, ModelError> {
        let mut answers = Vec::with_capacity(photos.len());
        for photos in photos.chunks(BATCH) {
            let mut found = Vec::with_capacity(photos.len());
            for photo in photos {
                found.push(self.find(&photo.pixels)?);
            }
            let crops = found.iter().flatten().map(|found| found.crop.as_slice());
            let mut encoded = self.embed(&crops.collect::<Vec<_>>())?.into_iter();
            for (photo, found) in photos.iter().zip(found) {
                answers.push(found.and_then(|found| {
                    let (shape, classes) = encoded.next().ok_or("the model left a photo out")?;
                    Ok(features(&photo.pixels, found.mask.as_ref(), shape, classes))
                }));
            }
        }
        Ok(answers)
    }
}

/// What is known of a photo before its crop is encoded.
struct Found {
    /// `None` where there is no product.
    mask: Option<Mask>,
    /// The crop at the size that the embedding takes, RGB.
    crop: Vec<u8>,
}

fn features(pixels: &Pixels, mask: Option<&Mask>, shape: Vec<f32>, classes: Vec<f32>) -> Features {
    let product = product(pixels, mask);
    Features {
        shape,
        colour: colour_histogram(&product.rgb),
        classes,
        colours: named_colours(&product.rgb),
        product_share: product.share,
    }
}

impl ProductEncoder {
    /// Finds the product and cuts it out. The inner error is about this photo alone.
    fn find(&mut self, pixels: &Pixels) -> Result<Result<Found, String>, ModelError> {
        // A photo that was cut out already says itself where the product is.
        let mask = match Mask::of_alpha(pixels) {
            Some(mask) => Some(mask),
            None => match self.network_mask(pixels)? {
                Ok(mask) => mask,
                Err(reason) => return Ok(Err(reason)),
            },
        };
        let square = square(pixels, mask.as_ref());
        let crop = self
            .models
            .embedding
            .input
            .fit_square(&mut self.fitter, pixels, square);
        Ok(crop.map(|crop| Found { mask, crop }))
    }

    /// Where the network sees the product.
    fn network_mask(
        &mut self,
        pixels: &Pixels,
    ) -> Result<Result<Option<Mask>, String>, ModelError> {
        let input = &self.models.matte.input;
        let small = input.fit(&mut self.fitter, pixels, Rect::whole(pixels), How::Stretch);
        let small = match small {
            Ok(small) => small,
            Err(reason) => return Ok(Err(reason)),
        };
        let mut tensor = Vec::with_capacity(small.len());
        input.push(&small, &mut tensor);
        let outputs = self.matte.run(&[Input::F32(&input.shape(1), &tensor)])?;
        let values = outputs.first().map_or(&[][..], |output| &output.data);
        let [width, height] = input.size();
        if values.len() != width * height {
            let name = &self.models.matte.name;
            return Err(ModelError::Failed(format!(
                "the model {name} gave no mask of its size"
            )));
        }
        Ok(Ok(mask_of(values, width as u32, height as u32)))
    }

    /// Embedding (unit length) and class probabilities of each crop.
    fn embed(&mut self, crops: &[&[u8]]) -> Result<Vec<Embedded>, ModelError> {
        if crops.is_empty() {
            return Ok(Vec::new());
        }
        let input = &self.models.embedding.input;
        let mut tensor = Vec::with_capacity(crops.iter().map(|crop| crop.len()).sum());
        crops.iter().for_each(|crop| input.push(crop, &mut tensor));
        let outputs = self
            .embedding
            .run(&[Input::F32(&input.shape(crops.len()), &tensor)])?;
        let Dimensions { shape, classes, .. } = self.models.dimensions();
        match outputs.as_slice() {
            [embeddings, logits]
                if embeddings.data.len() == crops.len() * shape
                    && logits.data.len() == crops.len() * classes =>
            {
                let embeddings = embeddings.data.chunks_exact(shape);
                let logits = logits.data.chunks_exact(classes);
                Ok(embeddings
                    .zip(logits)
                    .map(|(e, l)| (unit(e), softmax(l)))
                    .collect())
            }
            _ => {
                let name = &self.models.embedding.name;
                Err(ModelError::Failed(format!(
                    "the model {name} gave outputs of the wrong size"
                )))
            }
        }
    }
}

fn unit(vector: &[f32]) -> Vec<f32> {
    let mut vector = vector.to_vec();
    normalise(&mut vector);
    vector
}

/// Probabilities of logits.
fn softmax(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut shares = logits
        .iter()
        .map(|logit| (logit - most).exp())
        .collect::<Vec<_>>();
    let sum: f32 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= sum);
    shares
}
