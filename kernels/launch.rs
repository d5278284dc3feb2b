//! What the WGSL kernels over batches of pictures share: the batch is cut into parts, pictures go up in one
//! buffer, and whole numbers come back.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::mpsc;

use wgpu::BufferUsages;

use crate::{Gpu, GpuError};

/// A part of a batch takes at most so many bytes on its way up and on its way down: more at once is no
/// faster, and holds memory on both sides.
const MOST_BYTES: u64 = 64 << 20;
/// Workgroups along an axis of a dispatch: what WebGPU promises.
const MOST_GROUPS: usize = 65535;

/// What one picture takes, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub up: u64,
    pub down: u64,
}

/// Cuts a batch into parts that one launch each can take, in order.
pub(crate) fn parts(gpu: &Gpu, loads: &[Load]) -> Vec<Range<usize>> {
    let most = MOST_BYTES.min(gpu.adapter.max_binding_bytes);
    let mut parts = Vec::new();
    let (mut start, mut up, mut down) = (0, 0, 0);
    for (at, load) in loads.iter().enumerate() {
        let full = up + load.up > most || down + load.down > most || at - start == MOST_GROUPS;
        if full && at > start {
            parts.push(start..at);
            (start, up, down) = (at, 0, 0);
        }
        (up, down) = (up + load.up, down + load.down);
    }
    if start < loads.len() {
        parts.push(start..loads.len());
    }
    parts
}

/// Says whether `bytes` bytes of RGBA are a picture of this size that a kernel takes; `at` is its place in
/// the batch.
pub(crate) fn check_picture(
    at: usize,
    (width, height): (u32, u32),
    bytes: usize,
    most_side: u32,
) -> Result<(), GpuError> {
    if width.max(height) > most_side {
        return Err(GpuError::BadInput(format!(
            "picture {at} has {width}x{height} pixels; its longer side must be at most {most_side}"
        )));
    }
    if bytes as u64 != u64::from(width) * u64::from(height) * 4 {
        return Err(GpuError::BadInput(format!(
            "picture {at} of {width}x{height} pixels cannot have {bytes} bytes"
        )));
    }
    Ok(())
}

/// Makes an entry point of a shader ready; `constants` are its `override`s.
pub(crate) fn pipeline(
    gpu: &Gpu,
    shader: &wgpu::ShaderModule,
    entry: &str,
    constants: &[(&str, f64)],
) -> wgpu::ComputePipeline {
    let descriptor = wgpu::ComputePipelineDescriptor {
        label: Some(entry),
        layout: None,
        module: shader,
        entry_point: Some(entry),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants,
            ..Default::default()
        },
        cache: None,
    };
    gpu.device.create_compute_pipeline(&descriptor)
}

pub(crate) fn shader(gpu: &Gpu, label: &str, source: &str) -> wgpu::ShaderModule {
    gpu.device
        .create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(label),
            source: wgpu::ShaderSource::Wgsl(source.into()),
        })
}

/// A buffer that kernels read, filled with these pieces one after the other; each is of whole words.
pub(crate) fn upload<'a>(
    gpu: &Gpu,
    label: &str,
    bytes: u64,
    pieces: impl IntoIterator<Item = Cow<'a, [u8]>>,
) -> Result<wgpu::Buffer, GpuError> {
    let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        // A binding is never empty.
        size: bytes.max(4),
        usage: BufferUsages::STORAGE,
        mapped_at_creation: true,
    });
    // A buffer that could not be made is told by the driver's error, not by the failure to write to it.
    let mapped = buffer.get_mapped_range_mut(..);
    gpu.check()?;
    let mut mapped = mapped.map_err(|error| GpuError::Failed(error.to_string()))?;
    let mut at = 0;
    for piece in pieces {
        mapped.slice(at..at + piece.len()).copy_from_slice(&piece);
        at += piece.len();
    }
    drop(mapped);
    buffer.unmap();
    Ok(buffer)
}

/// Runs `launches` (an entry point and its workgroups along x and y) in order, all on the same buffers:
/// `inputs` at bindings 0 and up, then the result, which starts as zeros and is read back.
pub(crate) fn run(
    gpu: &Gpu,
    label: &str,
    launches: &[(&wgpu::ComputePipeline, [u32; 2])],
    inputs: &[&wgpu::Buffer],
    result_bytes: u64,
) -> Result<Vec<u32>, GpuError> {
    let buffer = |usage| {
        gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: result_bytes,
            usage,
            mapped_at_creation: false,
        })
    };
    let result = buffer(BufferUsages::STORAGE | BufferUsages::COPY_SRC);
    let back = buffer(BufferUsages::COPY_DST | BufferUsages::MAP_READ);
    let entries: Vec<_> = (0..)
        .zip(inputs.iter().copied().chain([&result]))
        .map(|(binding, buffer)| wgpu::BindGroupEntry {
            binding,
            resource: buffer.as_entire_binding(),
        })
        .collect();
    let mut encoder = gpu.device.create_command_encoder(&Default::default());
    let mut pass = encoder.begin_compute_pass(&Default::default());
    for (pipeline, [x, y]) in launches {
        let group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(label),
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(*x, *y, 1);
    }
    drop(pass);
    encoder.copy_buffer_to_buffer(&result, 0, &back, 0, result_bytes);
    let submitted = gpu.queue.submit([encoder.finish()]);
    read_back(gpu, &back, submitted)
}

fn read_back(
    gpu: &Gpu,
    back: &wgpu::Buffer,
    submitted: wgpu::SubmissionIndex,
) -> Result<Vec<u32>, GpuError> {
    let failed = |reason: String| GpuError::Failed(reason);
    let (tell, told) = mpsc::channel();
    back.map_async(wgpu::MapMode::Read, .., move |mapped| {
        // Nobody listens where the wait has failed.
        let _ = tell.send(mapped);
    });
    let waited = gpu.device.poll(wgpu::PollType::Wait {
        submission_index: Some(submitted),
        timeout: None,
    });
    // What the driver reported says more than that mapping failed because of it.
    gpu.check()?;
    waited.map_err(|error| failed(error.to_string()))?;
    // Another thread's poll may be the one that calls back, a moment after ours has returned.
    let mapped = told.recv().map_err(|error| failed(error.to_string()))?;
    mapped.map_err(|error| failed(error.to_string()))?;
    let view = back
        .get_mapped_range(..)
        .map_err(|error| failed(error.to_string()))?;
    Ok(bytemuck::pod_collect_to_vec(&view[..]))
}
