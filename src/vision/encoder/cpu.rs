//! The encoder on a CPU: one photo at a time through the mask network, the crops together.

use showroom_catalog::seams::{Features, ModelError};
use showroom_catalog::{Photo, Pixels};
use showroom_pixels::{Fitter, How, Mask, Rect, colour_histogram, named_colours, product};

use super::clock::Clock;
use super::screen::case_first;
use super::{Embedded, ProductModels};
use crate::crop::{Square, mask_of, square};
use crate::engines::{Input, Network, Output};
use crate::input::PictureInput;

/// Crops that go through the network together.
const BATCH: usize = 8;

const STEPS: [&str; 5] = [
    "resize for the mask",
    "mask network",
    "cut out and resize",
    "embedding network",
    "colours",
];

/// One worker: belongs to one thread.
pub(super) struct CpuEncoder {
    models: ProductModels,
    matte: Box<dyn Network>,
    embedding: Box<dyn Network>,
    shared: Option<Box<dyn Network>>,
    fitter: Fitter,
    pub(super) clock: Clock,
}

impl CpuEncoder {
    pub(super) fn open(models: &ProductModels, threads: usize) -> Result<Self, ModelError> {
        Ok(CpuEncoder {
            models: models.clone(),
            matte: models.matte.prepared.open(threads)?,
            embedding: models.embedding.prepared.open(threads)?,
            shared: match &models.shared {
                Some(shared) => Some(shared.prepared.open(threads)?),
                None => None,
            },
            fitter: Fitter::new(),
            clock: Clock::new(&STEPS),
        })
    }

    pub(super) fn id(&self) -> &str {
        &self.models.id
    }

    pub(super) fn encode(
        &mut self,
        photos: &[Photo],
    ) -> Result<Vec<Result<Features, String>>, ModelError> {
        self.clock.start();
        let mut answers = Vec::with_capacity(photos.len());
        for photos in photos.chunks(BATCH) {
            let mut found = Vec::with_capacity(photos.len());
            for photo in photos {
                found.push(self.find(&photo.pixels)?);
            }
            let crops: Vec<&Crops> = found.iter().flatten().map(|found| &found.crops).collect();
            let mut encoded = self.embed(&crops)?.into_iter();
            for (photo, found) in photos.iter().zip(found) {
                answers.push(found.and_then(|found| {
                    let (shape, classes) = encoded.next().ok_or("the model left a photo out")?;
                    Ok(features(&photo.pixels, found.mask.as_ref(), shape, classes))
                }));
            }
            self.clock.lap("colours");
        }
        Ok(answers)
    }
}

/// What is known of a photo before its crop is encoded.
struct Found {
    /// `None` where there is no product.
    mask: Option<Mask>,
    crops: Crops,
}

/// The square round a product, RGB.
struct Crops {
    /// At the size that the embedding takes.
    embedding: Vec<u8>,
    /// At the size that the shared space takes, where there is one.
    shared: Option<Vec<u8>>,
}

impl CpuEncoder {
    /// Finds the product and cuts it out. The inner error is about this photo alone.
    fn find(&mut self, pixels: &Pixels) -> Result<Result<Found, String>, ModelError> {
        // A photo that was cut out already says itself where the product is.
        let mask = match Mask::of_alpha(pixels) {
            _ if self.models.whole => None,
            Some(mask) => Some(mask),
            None => match self.network_mask(pixels)? {
                Ok(mask) => mask,
                Err(reason) => return Ok(Err(reason)),
            },
        };
        self.clock.lap("mask network");
        let square = square(pixels, mask.as_ref());
        let crops = self.crops(pixels, square);
        self.clock.lap("cut out and resize");
        Ok(crops.map(|crops| Found { mask, crops }))
    }

    fn crops(&mut self, pixels: &Pixels, square: Square) -> Result<Crops, String> {
        let models = &self.models;
        let fitter = &mut self.fitter;
        let embedding = models.embedding.input.fit_square(fitter, pixels, square)?;
        let shared = models.shared.as_ref();
        let shared = shared.map(|model| model.input.fit_square(fitter, pixels, square));
        Ok(Crops {
            embedding,
            shared: shared.transpose()?,
        })
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
        self.clock.lap("resize for the mask");
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
    fn embed(&mut self, crops: &[&Crops]) -> Result<Vec<Embedded>, ModelError> {
        if crops.is_empty() {
            return Ok(Vec::new());
        }
        let of_embedding = crops.iter().map(|crops| crops.embedding.as_slice());
        let outputs = run(
            &mut *self.embedding,
            &self.models.embedding.input,
            of_embedding,
        )?;
        let shared = match (&mut self.shared, &self.models.shared) {
            (Some(network), Some(model)) => {
                let of_shared = crops.iter().filter_map(|crops| crops.shared.as_deref());
                Some(run(&mut **network, &model.input, of_shared)?)
            }
            _ => None,
        };
        self.clock.lap("embedding network");
        self.models
            .embedded(&outputs, shared.as_deref(), crops.len())
    }
}

/// Pictures of the input size through a network, together.
fn run<'a>(
    network: &mut dyn Network,
    input: &PictureInput,
    pictures: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<Output>, ModelError> {
    let mut tensor = Vec::new();
    let mut count = 0;
    for picture in pictures {
        input.push(picture, &mut tensor);
        count += 1;
    }
    network.run(&[Input::F32(&input.shape(count), &tensor)])
}

fn features(pixels: &Pixels, mask: Option<&Mask>, shape: Vec<f32>, classes: Vec<f32>) -> Features {
    let product = product(pixels, mask);
    Features {
        shape,
        colour: colour_histogram(&product.rgb),
        colours: case_first(named_colours(&product.rgb), &classes),
        classes,
        product_share: product.share,
    }
}
