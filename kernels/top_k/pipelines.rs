use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::plan::WIDEST;
use crate::{Gpu, GpuError};

/// The kernels of one device, each compiled when it is first needed.
pub(super) struct Pipelines {
    device: wgpu::Device,
    scores: wgpu::ShaderModule,
    /// By the logarithms of quads a word and width.
    scorers: [[OnceLock<wgpu::ComputePipeline>; WIDEST.ilog2() as usize + 1]; 3],
    pub from_scores: wgpu::ComputePipeline,
    pub from_candidates: wgpu::ComputePipeline,
    /// Bound where a kernel names a buffer that it will not read.
    pub nothing: wgpu::Buffer,
}

/// What a workgroup of `select.wgsl` shares: its list, and how long it is.
const SHARED_BYTES: u32 = 2048 * 8 + 4;

impl Pipelines {
    /// Those of a GPU, which are made once.
    pub fn of(gpu: &Gpu) -> Result<Arc<Self>, GpuError> {
        static MADE: Mutex<Vec<Arc<Pipelines>>> = Mutex::new(Vec::new());
        let shared = gpu.adapter.workgroup_memory_bytes;
        if shared < SHARED_BYTES {
            let reason =
                format!("workgroups share only {shared} bytes; search needs {SHARED_BYTES}");
            return Err(GpuError::Failed(reason));
        }
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipelines) = made.iter().find(|pipelines| pipelines.device == gpu.device) {
            return Ok(Arc::clone(pipelines));
        }
        let pipelines = Arc::new(Self::new(&gpu.device));
        gpu.check()?;
        made.push(Arc::clone(&pipelines));
        Ok(pipelines)
    }

    fn new(device: &wgpu::Device) -> Self {
        let select = device.create_shader_module(wgpu::include_wgsl!("select.wgsl"));
        Self {
            scores: device.create_shader_module(wgpu::include_wgsl!("scores.wgsl")),
            scorers: Default::default(),
            from_scores: compile(device, &select, "from_scores", &[]),
            from_candidates: compile(device, &select, "from_candidates", &[]),
            nothing: device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("nothing"),
                size: 16,
                usage: wgpu::BufferUsages::STORAGE,
                mapped_at_creation: false,
            }),
            device: device.clone(),
        }
    }

    /// `scores.wgsl` for rows of so many quads a word and for so many queries at a time.
    pub fn scorer(&self, quads_a_word: usize, width: usize) -> &wgpu::ComputePipeline {
        let kept = &self.scorers[quads_a_word.ilog2() as usize][width.ilog2() as usize];
        kept.get_or_init(|| {
            let constants = [
                ("quads_a_word", quads_a_word as f64),
                ("width", width as f64),
            ];
            compile(&self.device, &self.scores, "main", &constants)
        })
    }
}

fn compile(
    device: &wgpu::Device,
    module: &wgpu::ShaderModule,
    entry_point: &str,
    constants: &[(&str, f64)],
) -> wgpu::ComputePipeline {
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(entry_point),
        layout: None,
        module,
        entry_point: Some(entry_point),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants,
            // The kernels write all that they read.
            zero_initialize_workgroup_memory: false,
        },
        cache: None,
    })
}
