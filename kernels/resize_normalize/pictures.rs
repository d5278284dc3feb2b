//! Pictures on the device.

use std::borrow::Cow;

use cubecl::bytes::Bytes;
use cubecl::server::Handle;
use showroom_catalog::Pixels;
use showroom_pixels::composite_over_white;

use super::plan::Size;
use crate::device::{Gpu, GpuError};

/// Largest buffer, in bytes: what lies in it is counted in 32 bits with a sign.
pub(super) const MAX_BUFFER_BYTES: u64 = 1 << 30;

/// Pictures of any sizes, uploaded once for any number of fits. They lie over white: where a picture was
/// transparent the device has the colours that [`composite_over_white`] gives.
pub struct Pictures {
    pub(super) buffers: Vec<Buffer>,
    pub(super) places: Vec<Place>,
}

/// RGBA8, a pixel after the other, red in the lowest byte.
pub(super) struct Buffer {
    pub handle: Handle,
    pub pixels: usize,
}

/// Where a picture lies.
pub(super) struct Place {
    pub buffer: usize,
    /// Pixels before it in that buffer.
    pub first: usize,
    pub size: Size,
}

impl Pictures {
    /// Copies the pictures to the device, in as many buffers as its limits ask for. Fails for a picture
    /// whose bytes do not fit its size, or that is larger than a buffer can be.
    pub fn upload(gpu: &Gpu, pictures: &[&Pixels]) -> Result<Self, GpuError> {
        Pictures::upload_split(gpu, pictures, u64::MAX)
    }

    /// As [`Pictures::upload`], with no more than `max_buffer_bytes` in a buffer.
    pub fn upload_split(
        gpu: &Gpu,
        pictures: &[&Pixels],
        max_buffer_bytes: u64,
    ) -> Result<Self, GpuError> {
        let limit = max_buffer_bytes.min(buffer_limit(gpu));
        let mut uploaded = Pictures {
            buffers: Vec::new(),
            places: Vec::with_capacity(pictures.len()),
        };
        // Of the pictures that are in no buffer yet.
        let mut rest: u64 = pictures
            .iter()
            .map(|picture| picture.rgba.len() as u64)
            .sum();
        let mut bytes = Vec::with_capacity(rest.min(limit) as usize);
        for picture in pictures {
            let (rgba, size) = over_white(picture)?;
            if rgba.len() as u64 > limit {
                return Err(GpuError::OutOfMemory(format!(
                    "{picture:?} takes {} bytes, and a buffer of this GPU holds {limit}",
                    rgba.len()
                )));
            }
            if (bytes.len() + rgba.len()) as u64 > limit {
                let next = Vec::with_capacity(rest.min(limit) as usize);
                uploaded.send(gpu, std::mem::replace(&mut bytes, next));
            }
            uploaded.places.push(Place {
                buffer: uploaded.buffers.len(),
                first: bytes.len() / 4,
                size,
            });
            bytes.extend_from_slice(&rgba);
            rest -= rgba.len() as u64;
        }
        if !bytes.is_empty() {
            uploaded.send(gpu, bytes);
        }
        Ok(uploaded)
    }

    fn send(&mut self, gpu: &Gpu, bytes: Vec<u8>) {
        self.buffers.push(Buffer {
            pixels: bytes.len() / 4,
            handle: gpu.client.create(Bytes::from_bytes_vec(bytes)),
        });
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Number of buffers that they take.
    pub fn buffers(&self) -> usize {
        self.buffers.len()
    }
}

/// Bytes of the largest buffer that a kernel of ours is given.
pub(super) fn buffer_limit(gpu: &Gpu) -> u64 {
    gpu.adapter.max_binding_bytes.min(MAX_BUFFER_BYTES)
}

/// The picture's bytes without transparency. Refuses a picture whose bytes do not fit its size.
pub(super) fn over_white(pixels: &Pixels) -> Result<(Cow<'_, [u8]>, Size), GpuError> {
    let Pixels {
        width,
        height,
        rgba,
    } = pixels;
    let wanted = u64::from(*width) * u64::from(*height) * 4;
    if wanted == 0 || rgba.len() as u64 != wanted {
        return Err(GpuError::BadInput(format!(
            "a picture of {width}x{height} pixels does not hold {} bytes",
            rgba.len()
        )));
    }
    let opaque = rgba.as_chunks::<4>().0.iter().all(|pixel| pixel[3] == 255);
    let size = Size {
        width: *width,
        height: *height,
        opaque,
    };
    if opaque {
        return Ok((Cow::Borrowed(rgba), size));
    }
    let mut white = pixels.clone();
    composite_over_white(&mut white);
    Ok((Cow::Owned(white.rgba), size))
}
