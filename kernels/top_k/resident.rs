use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::gpu::Scratch;
use super::pipelines::Pipelines;
use super::{Bounds, Element, Vectors};
use crate::{Gpu, GpuError};

/// Rows whose words lie side by side, as `scores.wgsl` reads them.
pub(super) const BLOCK: usize = 64;
/// What one thread reads at once.
const WORD_BYTES: usize = 16;
/// Words that a thread has under way at a time: rows are filled up to a multiple of it.
const WORDS_AT_ONCE: usize = 4;
/// What is laid out on the CPU before it is sent.
const PIECE_BYTES: usize = 64 << 20;

/// [`Vectors`] in the memory of a GPU, in as many buffers as it takes. Any number of threads search it.
pub struct GpuVectors {
    pub(super) gpu: Gpu,
    pub(super) bounds: Bounds,
    pub(super) pipelines: Arc<Pipelines>,
    pub(super) tiles: Vec<Tile>,
    /// Rows of every tile but the last one, which may have fewer; a multiple of [`BLOCK`].
    pub(super) tile_rows: usize,
    element: Element,
    dimension: usize,
    rows: usize,
    /// Words of a row.
    words: usize,
    /// Left by the last search for the next one.
    scratch: Mutex<Option<Scratch>>,
}

/// One buffer's worth of rows.
pub(super) struct Tile {
    pub vectors: wgpu::Buffer,
    pub scales: Option<wgpu::Buffer>,
}

impl GpuVectors {
    /// Copies the vectors to the GPU; it takes [`bytes`](Self::bytes) there.
    ///
    /// # Errors
    /// [`GpuError::OutOfMemory`] where they do not fit, [`GpuError::BadInput`] where a buffer cannot hold
    /// 64 of the rows or a bit for each of them, and [`GpuError::Failed`].
    pub fn upload(gpu: &Gpu, vectors: &Vectors) -> Result<Self, GpuError> {
        Self::upload_bounded(gpu, vectors, Bounds::of(&gpu.adapter))
    }

    /// As [`upload`](Self::upload), with bounds for this and for all searches.
    pub fn upload_bounded(gpu: &Gpu, vectors: &Vectors, bounds: Bounds) -> Result<Self, GpuError> {
        let bytes = vectors.dimension() * element_bytes(vectors.element());
        let words = bytes.div_ceil(WORD_BYTES).next_multiple_of(WORDS_AT_ONCE);
        let block_bytes = BLOCK * words * WORD_BYTES;
        let binds = gpu.adapter.max_binding_bytes;
        if block_bytes as u64 > binds || (vectors.len() / 8 + 64) as u64 > binds {
            let (rows, dimension) = (vectors.len(), vectors.dimension());
            let reason =
                format!("{rows} rows of dimension {dimension}: the GPU binds only {binds} bytes");
            return Err(GpuError::BadInput(reason));
        }
        let blocks = (bounds.tile_bytes.min(binds) as usize / block_bytes).max(1);
        let mut resident = Self {
            gpu: gpu.clone(),
            bounds,
            pipelines: Pipelines::of(gpu)?,
            tiles: Vec::new(),
            tile_rows: blocks * BLOCK,
            element: vectors.element(),
            dimension: vectors.dimension(),
            rows: vectors.len(),
            words,
            scratch: Mutex::new(None),
        };
        for first in (0..vectors.len()).step_by(resident.tile_rows) {
            let rows = first..(first + resident.tile_rows).min(vectors.len());
            let tile = resident.tile(vectors, rows)?;
            resident.tiles.push(tile);
        }
        Ok(resident)
    }

    fn tile(&self, vectors: &Vectors, rows: Range<usize>) -> Result<Tile, GpuError> {
        let row_bytes = self.words * WORD_BYTES;
        let filled = rows.len().next_multiple_of(BLOCK);
        let buffer = self.buffer("vectors", filled * row_bytes)?;
        let piece_rows = (PIECE_BYTES / row_bytes / BLOCK).max(1) * BLOCK;
        for first in rows.clone().step_by(piece_rows) {
            let piece = first..(first + piece_rows).min(rows.end);
            let words = interleave(vectors, piece, self.words);
            let at = (first - rows.start) * row_bytes;
            self.gpu
                .queue
                .write_buffer(&buffer, at as u64, words.as_flattened());
            // Sent now, so that no more than a piece waits in memory.
            self.gpu.queue.submit([]);
            self.gpu.wait()?;
        }
        let scales = match vectors.scales() {
            Some(scales) => {
                let scales: &[u8] = bytemuck::cast_slice(&scales[rows]);
                let buffer = self.buffer("scales", scales.len())?;
                self.gpu.queue.write_buffer(&buffer, 0, scales);
                Some(buffer)
            }
            None => None,
        };
        let vectors = buffer;
        Ok(Tile { vectors, scales })
    }

    fn buffer(&self, label: &str, bytes: usize) -> Result<wgpu::Buffer, GpuError> {
        let buffer = self.gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes as u64,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.gpu.check()?;
        Ok(buffer)
    }

    pub fn element(&self) -> Element {
        self.element
    }

    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// What the vectors take of the GPU's memory: a row is filled up to a multiple of 64 bytes.
    pub fn bytes(&self) -> u64 {
        let buffers = self
            .tiles
            .iter()
            .flat_map(|tile| [Some(&tile.vectors), tile.scales.as_ref()]);
        buffers.flatten().map(wgpu::Buffer::size).sum()
    }

    /// How many buffers the vectors are in.
    pub fn tiles(&self) -> usize {
        self.tiles.len()
    }

    /// Groups of four elements in one word: 1, 2 or 4.
    pub(super) fn quads_a_word(&self) -> usize {
        WORD_BYTES / element_bytes(self.element) / 4
    }

    /// Groups of four elements in a row, the zeros at its end included.
    pub(super) fn quads(&self) -> usize {
        self.words * self.quads_a_word()
    }

    pub(super) fn take_scratch(&self) -> Option<Scratch> {
        self.scratch
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    pub(super) fn leave_scratch(&self, scratch: Scratch) {
        *self.scratch.lock().unwrap_or_else(PoisonError::into_inner) = Some(scratch);
    }
}

fn element_bytes(element: Element) -> usize {
    match element {
        Element::F32 => 4,
        Element::F16 => 2,
        Element::I8 => 1,
    }
}

/// Whole blocks: word 0 of each of its rows, then word 1 of each, and so on; zeros where there is none.
fn interleave(vectors: &Vectors, rows: Range<usize>, words: usize) -> Vec<[u8; WORD_BYTES]> {
    let blocks = rows.len().div_ceil(BLOCK);
    let mut interleaved = vec![[0; WORD_BYTES]; blocks * BLOCK * words];
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let share = blocks.div_ceil(cores) * BLOCK;
    thread::scope(|scope| {
        for (i, blocks) in interleaved.chunks_mut(share * words).enumerate() {
            let first = rows.start + i * share;
            let rows = first..(first + share).min(rows.end);
            scope.spawn(move || interleave_blocks(vectors, rows, words, blocks));
        }
    });
    interleaved
}

fn interleave_blocks(
    vectors: &Vectors,
    rows: Range<usize>,
    words: usize,
    to: &mut [[u8; WORD_BYTES]],
) {
    for (i, row) in rows.enumerate() {
        let start = i / BLOCK * BLOCK * words + i % BLOCK;
        let (whole, rest) = vectors.row_bytes(row).as_chunks::<WORD_BYTES>();
        let places = to[start..].iter_mut().step_by(BLOCK);
        for (place, word) in places.zip(whole) {
            *place = *word;
        }
        if !rest.is_empty() {
            to[start + whole.len() * BLOCK][..rest.len()].copy_from_slice(rest);
        }
    }
}
