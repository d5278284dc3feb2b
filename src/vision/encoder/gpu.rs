//! The encoder on a GPU: photos go there once, are fitted, masked and encoded there, and come back as
//! masks and vectors.
//!
//! A batch is uploaded, fitted for the mask network, masked, fitted again round the product and
//! encoded; between the two networks the CPU looks at the masks, which is why two workers share a
//! GPU: while it computes for one, the other uploads, looks or reads back.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::Tensor;
use showroom_catalog::seams::{Features, ModelError};
use showroom_catalog::{Photo, Pixels};
use showroom_kernels::resize_normalize::{Pictures, View, resize_normalize};
use showroom_kernels::{Gpu, GpuError, masked_lab_histogram};
use showroom_pixels::product::Sample;
use showroom_pixels::{How, Mask};

use super::batch::{Trial, in_parts};
use super::clock::Clock;
use super::screen::case_first;
use super::{Embedded, PictureModel, ProductModels};
use crate::crop::{mask_of, square};
use crate::engines::pictures::Picture;
use crate::engines::{BurnModel, Output, Prepared, failed};

/// The photo that batch sizes are measured with has the size of a decoded shop photo.
const SAMPLE: [usize; 2] = [750, 1000];
/// A batch is measured so many times after a first one that compiles kernels; the fastest counts.
const TRIALS: usize = 3;

const STEPS: [&str; 10] = [
    "upload",
    "resize for the mask",
    "mask network",
    "read the masks back",
    "look at the masks",
    "cut out and resize",
    "embedding network",
    "sample the product's colours",
    "read back",
    "colours",
];

/// One worker: belongs to one thread.
pub(super) struct GpuEncoder {
    models: ProductModels,
    gpu: Gpu,
    colours: Arc<masked_lab_histogram::Kernel>,
    /// Of the CPU.
    threads: usize,
    pub(super) clock: Clock,
}

impl GpuEncoder {
    /// `threads` of the CPU work for it, at least one.
    pub(super) fn open(
        models: &ProductModels,
        gpu: &Gpu,
        threads: usize,
    ) -> Result<Self, ModelError> {
        let colours = match models.colours.get() {
            Some(kernel) => Arc::clone(kernel),
            None => {
                let kernel = masked_lab_histogram::Kernel::new(gpu).map_err(failed)?;
                Arc::clone(models.colours.get_or_init(|| Arc::new(kernel)))
            }
        };
        Ok(GpuEncoder {
            models: models.clone(),
            gpu: gpu.clone(),
            colours,
            threads: threads.max(1),
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
        let pixels: Vec<&Pixels> = photos.iter().map(|photo| &photo.pixels).collect();
        let encoded = self.encode_pixels(&pixels).map_err(failed)?;
        Ok(encoded.into_iter().map(Ok).collect())
    }

    /// In parts of the batch size, which is halved where memory runs out.
    fn encode_pixels(&mut self, photos: &[&Pixels]) -> Result<Vec<Features>, GpuError> {
        let limit = Arc::clone(&self.models.batch);
        in_parts(photos, &limit, |part| self.guarded(part))
    }

    /// One batch. burn panics where a device fails it, and a failed launch reads back as zeros: what
    /// the driver reported tells both apart from a result.
    fn guarded(&mut self, photos: &[&Pixels]) -> Result<Vec<Features>, GpuError> {
        let result = catch_unwind(AssertUnwindSafe(|| self.batch(photos)));
        let reported = self.gpu.check();
        match result {
            Ok(result) => reported.and(result),
            Err(panic) => {
                reported?;
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
                Err(GpuError::Failed(
                    said.unwrap_or("burn panicked").to_string(),
                ))
            }
        }
    }

    fn batch(&mut self, photos: &[&Pixels]) -> Result<Vec<Features>, GpuError> {
        self.clock.start();
        let pictures = Pictures::upload(&self.gpu, photos)?;
        self.lap("upload")?;
        let masks = self.masks(photos, &pictures)?;
        let views = photos
            .iter()
            .zip(&masks)
            .zip(0..)
            .map(|((photo, mask), picture)| {
                let square = square(photo, mask.as_ref());
                View {
                    picture,
                    x: square.rect.x as i32 - square.at[0] as i32,
                    y: square.rect.y as i32 - square.at[1] as i32,
                    width: square.size[0],
                    height: square.size[1],
                }
            });
        let views: Vec<View> = views.collect();
        self.lap("look at the masks")?;
        let model = self.models.embedding.clone();
        let crops = self.fitted(&pictures, &views, &model)?;
        self.lap("cut out and resize")?;
        let outputs = forward(&model, crops)?;
        let shared = match self.models.shared.clone() {
            Some(model) => Some(forward(&model, self.fitted(&pictures, &views, &model)?)?),
            None => None,
        };
        self.lap("embedding network")?;
        // While the device is at work.
        let samples = self.samples(photos, &masks);
        self.lap("sample the product's colours")?;
        let embedded = self.read(outputs, shared, photos.len())?;
        self.lap("read back")?;
        let colours = self.colours.masked_lab_histogram(&samples)?;
        let both = embedded.into_iter().zip(colours);
        let features = both.map(|((shape, classes), product)| Features {
            shape,
            colour: product.histogram,
            colours: case_first(product.colours, &classes),
            classes,
            product_share: product.share,
        });
        let features = features.collect();
        self.lap("colours")?;
        Ok(features)
    }

    /// What the colours of each photo are measured on, made with all threads of this worker.
    fn samples(&self, photos: &[&Pixels], masks: &[Option<Mask>]) -> Vec<Sample> {
        let both: Vec<_> = photos.iter().zip(masks).collect();
        let share = both.len().div_ceil(self.threads).max(1);
        std::thread::scope(|scope| {
            let parts = both.chunks(share).map(|part| {
                let work = || {
                    part.iter()
                        .map(|(photo, mask)| Sample::of(photo, mask.as_ref()))
                };
                scope.spawn(move || work().collect::<Vec<_>>())
            });
            let parts: Vec<_> = parts.collect();
            let done = parts.into_iter().map(|part| part.join());
            // A panic of ours goes on as one.
            done.flat_map(|part| part.unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        })
    }

    /// Where the products are. A photo that was cut out already says it itself.
    fn masks(
        &mut self,
        photos: &[&Pixels],
        pictures: &Pictures,
    ) -> Result<Vec<Option<Mask>>, GpuError> {
        if self.models.whole {
            return Ok(vec![None; photos.len()]);
        }
        let mut masks: Vec<Option<Mask>> =
            photos.iter().map(|photo| Mask::of_alpha(photo)).collect();
        let open = masks
            .iter()
            .zip(photos)
            .zip(0..)
            .filter(|((mask, _), _)| mask.is_none());
        let views: Vec<View> = open
            .map(|((_, photo), picture)| View {
                picture,
                x: 0,
                y: 0,
                width: photo.width,
                height: photo.height,
            })
            .collect();
        if views.is_empty() {
            return Ok(masks);
        }
        let model = self.models.matte.clone();
        let fitted = self.fitted(pictures, &views, &model)?;
        self.lap("resize for the mask")?;
        let mut outputs = forward(&model, fitted)?;
        self.lap("mask network")?;
        let values = match outputs.pop() {
            Some(output) if outputs.is_empty() => read(output)?.data,
            _ => return Err(GpuError::Failed(format!("{} gave no mask", model.name))),
        };
        let [width, height] = model.input.size();
        if values.len() != views.len() * width * height {
            let name = &model.name;
            return Err(GpuError::Failed(format!(
                "the model {name} gave no masks of its size"
            )));
        }
        self.lap("read the masks back")?;
        for (view, values) in views.iter().zip(values.chunks_exact(width * height)) {
            masks[view.picture as usize] = mask_of(values, width as u32, height as u32);
        }
        Ok(masks)
    }

    fn fitted(
        &self,
        pictures: &Pictures,
        views: &[View],
        model: &PictureModel,
    ) -> Result<Tensor<4>, GpuError> {
        let precision = self.models.engine.precision();
        let target = model.input.target(How::Stretch, precision);
        resize_normalize(&self.gpu, pictures, views, &target)
    }

    fn read(
        &self,
        outputs: Vec<Tensor<2>>,
        shared: Option<Vec<Tensor<2>>>,
        photos: usize,
    ) -> Result<Vec<Embedded>, GpuError> {
        let all = |outputs: Vec<Tensor<2>>| {
            let outputs = outputs.into_iter().map(read);
            outputs.collect::<Result<Vec<_>, _>>()
        };
        let outputs = all(outputs)?;
        let shared = shared.map(all).transpose()?;
        let embedded = self.models.embedded(&outputs, shared.as_deref(), photos);
        embedded.map_err(|error| GpuError::Failed(error.to_string()))
    }

    /// A step ends here; where its time is taken, when the device is done with it.
    fn lap(&mut self, step: &'static str) -> Result<(), GpuError> {
        if self.clock.is_on() {
            self.gpu.wait()?;
            self.clock.lap(step);
        }
        Ok(())
    }

    /// Time and memory of a batch of that many photos.
    pub(super) fn trial(&mut self, photos: usize) -> Result<Trial, GpuError> {
        let sample = sample();
        let batch = vec![&sample; photos];
        self.guarded(&batch)?;
        let mut seconds = f64::INFINITY;
        for _ in 0..TRIALS {
            let began = Instant::now();
            self.guarded(&batch)?;
            seconds = seconds.min(began.elapsed().as_secs_f64());
        }
        let usage = self.gpu.burn.memory_pool_usage();
        Ok(Trial {
            seconds,
            bytes: usage.map_or(0, |usage| usage.bytes_reserved),
        })
    }
}

/// A red disc on white, as opaque as a shop photo.
fn sample() -> Pixels {
    let [width, height] = SAMPLE;
    let disc = Picture::Disc.rgb(width);
    let (rgb, _) = disc.as_chunks::<3>();
    let mut rgba: Vec<u8> = rgb.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
    rgba.resize(width * height * 4, 255);
    Pixels {
        width: width as u32,
        height: height as u32,
        rgba,
    }
}

fn forward(model: &PictureModel, pixels: Tensor<4>) -> Result<Vec<Tensor<2>>, GpuError> {
    let Prepared::Burn { model, .. } = &model.prepared else {
        return Err(GpuError::Failed(
            "the model was not made ready for a GPU".into(),
        ));
    };
    let model: &dyn BurnModel = &**model;
    model
        .forward(pixels)
        .map_err(|error| GpuError::Failed(error.to_string()))
}

fn read(tensor: Tensor<2>) -> Result<Output, GpuError> {
    Output::from_burn(tensor).map_err(|error| GpuError::Failed(error.to_string()))
}
