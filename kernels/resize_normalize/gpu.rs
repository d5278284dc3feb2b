//! Lays out what the kernels in `kernel.rs` read, and launches them.

use std::collections::HashMap;

use burn::tensor::{DType, Tensor};
use burn_cubecl::CubeBackend;
use cubecl::bytes::Bytes;
use cubecl::prelude::*;
use cubecl::server::Handle;
use half::f16;

use super::axis::{Span, Weights};
use super::cpu::{fill, strip_width};
use super::kernel::{self, FIELDS, UNITS};
use super::pictures::{Buffer, Pictures, buffer_limit};
use super::plan::{Plan, Size, check};
use super::{Scale, Target, View};
use crate::device::{Gpu, GpuError};

/// Bytes of the strips between the two launches, at the most: more views are made in turns.
const MAX_STRIP_BYTES: u64 = 256 << 20;
/// Units of a cube across and down.
const CUBE: [u32; 2] = [64, 4];

/// Views of pictures as a network takes them: `views.len()` × 3 × height × width.
///
/// Fails with [`GpuError::BadInput`] for a view of a picture that is not there, an empty view, target or
/// list of views, and a type that the device lacks; with [`GpuError::OutOfMemory`] where the tensor or one
/// view is larger than a buffer of the device. It returns before the device is done.
pub fn resize_normalize(
    gpu: &Gpu,
    pictures: &Pictures,
    views: &[View],
    target: &Target,
) -> Result<Tensor<4>, GpuError> {
    let sizes: Vec<Size> = pictures.places.iter().map(|place| place.size).collect();
    check(&sizes, views, target)?;
    match target.dtype {
        DType::F16 if gpu.adapter.f16 => launch::<f16>(gpu, pictures, views, target),
        DType::F16 => Err(GpuError::BadInput(format!("{} has no f16", gpu.adapter))),
        _ => launch::<f32>(gpu, pictures, views, target),
    }
}

fn launch<F: Float>(
    gpu: &Gpu,
    pictures: &Pictures,
    views: &[View],
    target: &Target,
) -> Result<Tensor<4>, GpuError> {
    let (width, height) = (target.fit.width as usize, target.fit.height as usize);
    let values = views.len() * 3 * width * height;
    let limit = buffer_limit(gpu);
    if (values * target.dtype.size()) as u64 > limit {
        return Err(GpuError::OutOfMemory(format!(
            "{} views of {width}x{height} pixels do not fit into a buffer of {limit} bytes",
            views.len()
        )));
    }
    let shape = [views.len(), 3, height, width];
    let output = Tensor::<4>::empty(shape, (&gpu.burn, target.dtype));
    let output = output.try_into_primitive::<CubeBackend>();
    let output = output.map_err(|error| GpuError::Failed(format!("{error:?}")))?;
    if !output.is_contiguous() {
        return Err(GpuError::Failed("burn made a tensor with gaps".into()));
    }
    let launcher = Launcher {
        gpu,
        target,
        levels: upload(gpu, target.levels().concat()),
        output: output.handle.clone(),
        values,
    };
    for group in groups(pictures, views, target, limit)? {
        launcher.resize::<F>(&pictures.buffers[group.buffer], group);
    }
    if target.scale == Scale::PictureMaximum {
        launcher.by_maximum::<F>(views.len());
    }
    Ok(Tensor::from_primitive::<CubeBackend>(output))
}

fn upload<E: bytemuck::NoUninit + Send + Sync>(gpu: &Gpu, values: Vec<E>) -> Handle {
    gpu.client.create(Bytes::from_elems(values))
}

/// Views of pictures in one buffer, whose strips fit into another.
#[derive(Default)]
struct Group {
    buffer: usize,
    /// `FIELDS` numbers a view.
    table: Vec<i32>,
    axes: Vec<i32>,
    /// Where an axis lies in `axes`.
    found: HashMap<Span, usize>,
    /// Pixels of all strips.
    strip: usize,
    /// Of the strips, in pixels.
    widest: u32,
    /// Of the strips, in pixels.
    tallest: u32,
}

fn groups(
    pictures: &Pictures,
    views: &[View],
    target: &Target,
    limit: u64,
) -> Result<Vec<Group>, GpuError> {
    let limit = (limit.min(MAX_STRIP_BYTES) / 4) as usize;
    let mut weights: HashMap<Span, Weights> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for (slot, view) in views.iter().enumerate() {
        let place = &pictures.places[view.picture as usize];
        let plan = Plan::new(view, place.size, &target.fit);
        for span in [plan.columns, plan.rows] {
            weights
                .entry(span)
                .or_insert_with(|| span.weights(target.fit.filter));
        }
        let (columns, rows) = (&weights[&plan.columns], &weights[&plan.rows]);
        let strip = strip_width(columns) * plan.placed.height as usize;
        let axes = columns.length() + rows.length();
        if strip.max(axes) > limit {
            return Err(GpuError::OutOfMemory(format!(
                "{view:?} takes {} bytes on its way, {} are at hand",
                strip.max(axes) * 4,
                limit * 4
            )));
        }
        let fits = |group: &&mut Group| {
            group.buffer == place.buffer
                && group.strip + strip <= limit
                && group.axes.len() + axes <= limit
        };
        let group = match groups.last_mut().filter(fits) {
            Some(group) => group,
            None => {
                let group = Group {
                    buffer: place.buffer,
                    ..Group::default()
                };
                groups.push_mut(group)
            }
        };
        let mut row = target_fields(target);
        row[kernel::FIRST] = place.first as i32;
        row[kernel::PICTURE_WIDTH] = place.size.width as i32;
        row[kernel::PICTURE_HEIGHT] = place.size.height as i32;
        row[kernel::SLOT] = slot as i32;
        group.add(row, &plan, columns, rows);
    }
    Ok(groups)
}

/// A row of the table, as far as the target fills it.
fn target_fields(target: &Target) -> [i32; FIELDS] {
    let mut row = [0; FIELDS];
    row[kernel::TARGET_WIDTH] = target.fit.width as i32;
    row[kernel::TARGET_HEIGHT] = target.fit.height as i32;
    row[kernel::FILL] = fill(target) as i32;
    row[kernel::RED_CHANNEL] = if target.bgr { 2 } else { 0 };
    row[kernel::BLUE_CHANNEL] = 2 - row[kernel::RED_CHANNEL];
    row
}

impl Group {
    fn add(&mut self, mut row: [i32; FIELDS], plan: &Plan, columns: &Weights, rows: &Weights) {
        let width = strip_width(columns);
        row[kernel::LEFT] = plan.placed.x as i32;
        row[kernel::TOP] = plan.placed.y as i32;
        row[kernel::WIDTH] = plan.placed.width as i32;
        row[kernel::HEIGHT] = plan.placed.height as i32;
        row[kernel::STRIP] = self.strip as i32;
        row[kernel::STRIP_WIDTH] = width as i32;
        row[kernel::STRIP_LEFT] = plan.origin[0] + columns.starts[0] as i32;
        row[kernel::COLUMNS] = self.axis(plan.columns, columns);
        row[kernel::COLUMNS_WINDOW] = columns.window as i32;
        row[kernel::COLUMNS_SHIFT] = columns.shift as i32;
        row[kernel::ROWS] = self.axis(plan.rows, rows);
        row[kernel::ROWS_WINDOW] = rows.window as i32;
        row[kernel::ROWS_SHIFT] = rows.shift as i32;
        row[kernel::ROWS_ORIGIN] = plan.origin[1];
        self.table.extend(row);
        self.strip += width * plan.placed.height as usize;
        self.widest = self.widest.max(width as u32);
        self.tallest = self.tallest.max(plan.placed.height);
    }

    fn axis(&mut self, span: Span, weights: &Weights) -> i32 {
        let at = *self.found.entry(span).or_insert_with(|| {
            let at = self.axes.len();
            self.axes
                .extend(weights.starts.iter().map(|start| *start as i32));
            self.axes.extend(&weights.values);
            at
        });
        at as i32
    }
}

/// What all launches of one call share.
struct Launcher<'a> {
    gpu: &'a Gpu,
    target: &'a Target,
    levels: Handle,
    output: Handle,
    /// Of the output.
    values: usize,
}

impl Launcher<'_> {
    #[allow(unsafe_code)]
    fn resize<F: Float>(&self, buffer: &Buffer, group: Group) {
        let count = (group.table.len() / FIELDS) as u32;
        let (width, height) = (self.target.fit.width, self.target.fit.height);
        let (table_len, axes_len) = (group.table.len(), group.axes.len());
        let table = upload(self.gpu, group.table);
        let axes = upload(self.gpu, group.axes);
        let strip = self.gpu.client.empty(group.strip * 4);
        // SAFETY: each length is what its buffer was made with, in elements of the kernel's type.
        let arg =
            |handle: &Handle, length| unsafe { BufferArg::from_raw_parts(handle.clone(), length) };
        kernel::vertical::launch(
            &self.gpu.client,
            cubes(group.widest, group.tallest, count),
            CubeDim::new_2d(CUBE[0], CUBE[1]),
            arg(&buffer.handle, buffer.pixels),
            arg(&table, table_len),
            arg(&axes, axes_len),
            arg(&strip, group.strip),
        );
        kernel::horizontal::launch::<F>(
            &self.gpu.client,
            cubes(width, height, count),
            CubeDim::new_2d(CUBE[0], CUBE[1]),
            arg(&strip, group.strip),
            arg(&table, table_len),
            arg(&axes, axes_len),
            arg(&self.levels, 3 * 256),
            arg(&self.output, self.values),
        );
    }

    #[allow(unsafe_code)]
    fn by_maximum<F: Float>(&self, views: usize) {
        let Target { mean, std, fit, .. } = self.target;
        let normal = upload(self.gpu, [*mean, *std].concat());
        // SAFETY: each length is what its buffer was made with, in elements of the kernel's type.
        let arg =
            |handle: &Handle, length| unsafe { BufferArg::from_raw_parts(handle.clone(), length) };
        kernel::by_maximum::launch::<F>(
            &self.gpu.client,
            CubeCount::Static(views as u32, 1, 1),
            CubeDim::new_1d(UNITS),
            arg(&self.output, self.values),
            arg(&normal, 6),
            fit.width * fit.height,
        );
    }
}

fn cubes(width: u32, height: u32, views: u32) -> CubeCount {
    CubeCount::Static(width.div_ceil(CUBE[0]), height.div_ceil(CUBE[1]), views)
}
