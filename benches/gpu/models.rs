//! The models on the device, and what the device can do at the most.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use burn::tensor::{DType, Distribution, Tensor};
use showroom_kernels::{Gpu, GpuError};
use showroom_vision::engines::device::Precision;
use showroom_vision::engines::{BurnModel, Place};
use showroom_vision::models;
use showroom_vision::weights::library::Library;

use crate::{Outcome, median_seconds};

/// The models that take pictures.
const PICTURE_MODELS: [&str; 3] = ["efficientnet-lite0", "efficientnet-lite2", "u2netp"];

pub struct Models {
    library: Library,
    gpu: Gpu,
    open: HashMap<(String, Precision), Arc<dyn BurnModel>>,
}

impl Models {
    pub fn new(cache: &Path, gpu: &Gpu) -> Outcome<Self> {
        Ok(Models {
            library: Library::new(&[], cache)?,
            gpu: gpu.clone(),
            open: HashMap::new(),
        })
    }

    pub fn prepare(&self, folder: &Path) -> Outcome<String> {
        for model in PICTURE_MODELS {
            let file = models::load(&self.library, model)?.onnx()?;
            std::fs::write(folder.join(format!("{model}.onnx")), file)?;
        }
        Ok(PICTURE_MODELS.len().to_string())
    }

    /// Pictures a second.
    pub fn embed(
        &mut self,
        name: &str,
        precision: Precision,
        batch: usize,
        runs: usize,
    ) -> Outcome<String> {
        let key = (name.to_string(), precision);
        if !self.open.contains_key(&key) {
            let place = Place {
                device: self.gpu.burn.clone(),
                precision,
            };
            let model = models::load(&self.library, name)?.burn(&place)?;
            self.open.insert(key.clone(), model);
        }
        let model = &self.open[&key];
        let image = self.library.model(name)?.manifest.image.as_ref();
        let image = image.ok_or("the model takes no pictures")?;
        let shape = [batch, 3, image.height as usize, image.width as usize];
        let pixels = Tensor::<4>::random(shape, Distribution::Uniform(-1.0, 1.0), &self.gpu.burn);
        let pixels = pixels.cast(precision.dtype());
        let seconds = median_seconds(&self.gpu, runs, || {
            let outputs = model.forward(pixels.clone());
            outputs
                .map(drop)
                .map_err(|error| GpuError::Failed(error.to_string()))
        })?;
        Ok((batch as f64 / seconds).to_string())
    }
}

/// Floating-point operations a second of burn's matrix product.
pub fn peak(gpu: &Gpu, precision: Precision, size: usize, runs: usize) -> Outcome<String> {
    let matrix = || {
        let matrix = Tensor::<2>::random([size, size], Distribution::Uniform(-1.0, 1.0), &gpu.burn);
        matrix.cast(precision.dtype())
    };
    let (a, b) = (matrix(), matrix());
    let seconds = median_seconds(gpu, runs, || {
        drop(a.clone().matmul(b.clone()));
        Ok(())
    })?;
    Ok((2.0 * (size as f64).powi(3) / seconds).to_string())
}

/// Bytes a second of an element-wise pass: each number is read and written once.
pub fn copy(gpu: &Gpu, mebibytes: usize, runs: usize) -> Outcome<String> {
    let numbers = mebibytes << 18;
    let data = Tensor::<1>::random([numbers], Distribution::Uniform(-1.0, 1.0), &gpu.burn);
    let data = data.cast(DType::F32);
    let seconds = median_seconds(gpu, runs, || {
        drop(data.clone() + 1.0);
        Ok(())
    })?;
    Ok((2.0 * 4.0 * numbers as f64 / seconds).to_string())
}
