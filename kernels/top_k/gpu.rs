//! The steps of a search on the GPU.

use std::ops::Range;

use wgpu::util::DeviceExt;

use super::order::{best, join};
use super::plan::{FEW, Plan, THREADS, WIDEST};
use super::{Bitmap, GpuVectors, Scored, check};
use crate::GpuError;

/// The `k` rows (at most [`MAX_K`](super::MAX_K)) with the largest dot products with each query, of those
/// allowed; best first, equal scores in the order of rows, and fewer than `k` where there are no more. A
/// row whose score is NaN is never found.
///
/// `queries` are `n × dimension` numbers, and the answer has `n` lists. Sums are f32. Eight queries at a
/// time share one reading of the vectors.
///
/// # Errors
/// [`GpuError::BadInput`] where `k`, the queries or the filter do not fit, and what the device reports.
pub fn top_k(
    vectors: &GpuVectors,
    queries: &[f32],
    allowed: Option<&Bitmap>,
    k: usize,
) -> Result<Vec<Vec<Scored>>, GpuError> {
    let count = check(vectors.dimension(), vectors.len(), queries, allowed, k)?;
    if vectors.is_empty() {
        return Ok(vec![Vec::new(); count]);
    }
    let filter = allowed.map(|allowed| {
        // The kernel looks at the words of a whole workgroup of rows.
        let words = allowed.words().len().next_multiple_of(THREADS / 32) + THREADS / 32;
        let mut bits = allowed.words().to_vec();
        bits.resize(words, 0);
        upload(
            vectors,
            "filter",
            wgpu::BufferUsages::STORAGE,
            bytemuck::cast_slice(&bits),
        )
    });
    let mut found = Vec::with_capacity(count);
    for queries in queries.chunks(WIDEST * vectors.dimension()) {
        let search = Search::new(vectors, queries, filter.as_ref(), k);
        found.extend(search.run()?);
    }
    Ok(found)
}

/// Buffers between the steps.
pub(super) struct Scratch {
    /// `width × slab_rows`, ordered bits.
    scores: wgpu::Buffer,
    /// `queries × capacity` keys each: one is read while the other one is written.
    candidates: [wgpu::Buffer; 2],
    read_back: wgpu::Buffer,
}

/// One search for up to [`WIDEST`] queries.
struct Search<'a> {
    vectors: &'a GpuVectors,
    plan: Plan,
    /// `width × quads × 4` numbers, zeros where there is no query or no element.
    queries: wgpu::Buffer,
    filter: Option<&'a wgpu::Buffer>,
    scratch: Scratch,
    /// Candidates of each query, all in `scratch.candidates[0]`.
    held: usize,
}

impl<'a> Search<'a> {
    fn new(
        vectors: &'a GpuVectors,
        queries: &[f32],
        filter: Option<&'a wgpu::Buffer>,
        k: usize,
    ) -> Self {
        let (dimension, filled) = (vectors.dimension(), vectors.quads() * 4);
        let count = queries.len() / dimension;
        let plan = Plan::new(&vectors.bounds, vectors.len(), count, k);
        let mut numbers = vec![0.0; plan.width * filled];
        for (to, query) in numbers.chunks_mut(filled).zip(queries.chunks(dimension)) {
            to[..dimension].copy_from_slice(query);
        }
        let numbers = bytemuck::cast_slice(&numbers);
        Self {
            vectors,
            plan,
            queries: upload(vectors, "queries", wgpu::BufferUsages::STORAGE, numbers),
            filter,
            scratch: Scratch::for_plan(vectors, &plan),
            held: 0,
        }
    }

    fn run(mut self) -> Result<Vec<Vec<Scored>>, GpuError> {
        for slab in self.plan.slabs() {
            // A submission a slab: drivers take one that runs for seconds for one that hangs.
            self.submit(|search, pass| {
                if search.held + search.plan.kept(slab.len()) > search.plan.capacity {
                    search.select_from_candidates(pass);
                }
                search.score(pass, &slab);
                search.select_from_scores(pass, &slab);
            });
        }
        while self.held > FEW {
            self.submit(Self::select_from_candidates);
        }
        let found = self.read_back()?;
        self.vectors.leave_scratch(self.scratch);
        Ok(found)
    }

    fn submit(&mut self, steps: impl FnOnce(&mut Self, &mut wgpu::ComputePass)) {
        let gpu = &self.vectors.gpu;
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        steps(self, &mut encoder.begin_compute_pass(&Default::default()));
        gpu.queue.submit([encoder.finish()]);
    }

    /// Scores of a slab of rows, from all the tiles that it lies in.
    fn score(&self, pass: &mut wgpu::ComputePass, slab: &Range<usize>) {
        let (vectors, nothing) = (self.vectors, &self.vectors.pipelines.nothing);
        let pipeline = vectors
            .pipelines
            .scorer(vectors.quads_a_word(), self.plan.width);
        let tile_rows = vectors.tile_rows;
        for (i, tile) in vectors.tiles.iter().enumerate() {
            let rows = (i * tile_rows).max(slab.start)..((i + 1) * tile_rows).min(slab.end);
            if rows.is_empty() {
                continue;
            }
            // In the order of `Params` in scores.wgsl.
            let params = [
                rows.start - i * tile_rows,
                rows.len(),
                rows.start,
                rows.start - slab.start,
                self.plan.slab_rows,
                vectors.quads(),
                usize::from(self.filter.is_some()),
                0,
            ];
            let buffers = [
                (1, &tile.vectors),
                (2, tile.scales.as_ref().unwrap_or(nothing)),
                (3, &self.queries),
                (4, self.filter.unwrap_or(nothing)),
                (5, &self.scratch.scores),
            ];
            let groups = [rows.len().div_ceil(THREADS), 1];
            self.dispatch(pass, pipeline, params, &buffers, groups);
        }
    }

    /// The best of each chunk of a slab's scores join the candidates.
    fn select_from_scores(&mut self, pass: &mut wgpu::ComputePass, slab: &Range<usize>) {
        let pipeline = &self.vectors.pipelines.from_scores;
        let [candidates, _] = &self.scratch.candidates;
        let params = self.select(slab.len(), self.plan.slab_rows, slab.start, self.held);
        let groups = [slab.len().div_ceil(self.plan.chunk), self.plan.queries];
        let buffers = [(1, &self.scratch.scores), (3, candidates)];
        self.dispatch(pass, pipeline, params, &buffers, groups);
        self.held += self.plan.kept(slab.len());
    }

    /// The best of each chunk of the candidates are all that is left of them.
    fn select_from_candidates(&mut self, pass: &mut wgpu::ComputePass) {
        let pipeline = &self.vectors.pipelines.from_candidates;
        let [from, to] = &self.scratch.candidates;
        let params = self.select(self.held, self.plan.capacity, 0, 0);
        let groups = [self.held.div_ceil(self.plan.chunk), self.plan.queries];
        self.dispatch(pass, pipeline, params, &[(2, from), (3, to)], groups);
        self.scratch.candidates.swap(0, 1);
        self.held = self.plan.kept(self.held);
    }

    /// In the order of `Params` in select.wgsl.
    fn select(&self, count: usize, stride: usize, base: usize, at: usize) -> [usize; 8] {
        let plan = &self.plan;
        [
            count,
            stride,
            plan.chunk,
            plan.k,
            base,
            plan.room,
            at,
            plan.capacity,
        ]
    }

    fn dispatch(
        &self,
        pass: &mut wgpu::ComputePass,
        pipeline: &wgpu::ComputePipeline,
        params: [usize; 8],
        buffers: &[(u32, &wgpu::Buffer)],
        groups: [usize; 2],
    ) {
        let params = params.map(|param| param as u32);
        let params = bytemuck::cast_slice(&params);
        let params = upload(self.vectors, "params", wgpu::BufferUsages::UNIFORM, params);
        let params = (0, &params);
        let entries =
            buffers
                .iter()
                .chain([&params])
                .map(|&(binding, buffer)| wgpu::BindGroupEntry {
                    binding,
                    resource: buffer.as_entire_binding(),
                });
        let entries: Vec<_> = entries.collect();
        let layout = &pipeline.get_bind_group_layout(0);
        let device = &self.vectors.gpu.device;
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout,
            entries: &entries,
        });
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &group, &[]);
        let [x, y] = groups.map(|groups| groups as u32);
        pass.dispatch_workgroups(x, y, 1);
    }

    /// The best of the candidates, which are few by now.
    fn read_back(&self) -> Result<Vec<Vec<Scored>>, GpuError> {
        let gpu = &self.vectors.gpu;
        let failed = |reason: String| GpuError::Failed(reason);
        let key_bytes = size_of::<u64>();
        let (bytes, stride) = (self.held * key_bytes, self.plan.capacity * key_bytes);
        let [candidates, _] = &self.scratch.candidates;
        let to = &self.scratch.read_back;
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        for query in 0..self.plan.queries {
            let (at, to_at) = ((query * stride) as u64, (query * bytes) as u64);
            encoder.copy_buffer_to_buffer(candidates, at, to, to_at, Some(bytes as u64));
        }
        let submission_index = Some(gpu.queue.submit([encoder.finish()]));
        let read = to.slice(..(self.plan.queries * bytes) as u64);
        // That it went well is asked of the range.
        read.map_async(wgpu::MapMode::Read, |_| ());
        let timeout = None;
        let done = wgpu::PollType::Wait {
            submission_index,
            timeout,
        };
        gpu.device
            .poll(done)
            .map_err(|error| failed(error.to_string()))?;
        gpu.check()?;
        let view = read
            .get_mapped_range()
            .map_err(|error| failed(error.to_string()))?;
        let halves: Vec<[u32; 2]> = bytemuck::pod_collect_to_vec(&view[..]);
        drop(view);
        to.unmap();
        if halves.contains(&[0, 0]) {
            return Err(failed("a kernel did not run".to_string()));
        }
        let of_queries = halves.chunks(self.held);
        let keys = of_queries.map(|halves| halves.iter().copied().map(join).collect());
        Ok(keys.map(|keys| best(keys, self.plan.k)).collect())
    }
}

impl Scratch {
    /// What the last search left if it is large enough.
    fn for_plan(vectors: &GpuVectors, plan: &Plan) -> Self {
        let scores = (plan.width * plan.slab_rows * size_of::<u32>()) as u64;
        let candidates = (plan.queries * plan.capacity * size_of::<u64>()) as u64;
        let fits =
            |left: &Self| left.scores.size() >= scores && left.candidates[0].size() >= candidates;
        if let Some(left) = vectors.take_scratch().filter(fits) {
            return left;
        }
        let buffer = |label, size, usage| {
            let device = &vectors.gpu.device;
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size,
                usage,
                mapped_at_creation: false,
            })
        };
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        let read = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        Self {
            scores: buffer("scores", scores, wgpu::BufferUsages::STORAGE),
            candidates: [(); 2].map(|()| buffer("candidates", candidates, usage)),
            read_back: buffer("found", (WIDEST * FEW * size_of::<u64>()) as u64, read),
        }
    }
}

fn upload(
    vectors: &GpuVectors,
    label: &str,
    usage: wgpu::BufferUsages,
    contents: &[u8],
) -> wgpu::Buffer {
    let device = &vectors.gpu.device;
    device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
        label: Some(label),
        contents,
        usage,
    })
}
