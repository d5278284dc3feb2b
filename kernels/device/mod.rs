//! The machine's GPUs: which there are, what they can do, and one of them opened for burn and for our own
//! kernels alike.

mod memory;
mod open;

use std::fmt;

pub use open::{Gpu, GpuError, Memory, Opened};

/// What kind of thing an adapter is, as its driver says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Discrete,
    Integrated,
    Virtual,
    /// A driver that computes on the CPU, as Mesa's lavapipe (which calls itself llvmpipe).
    Software,
    /// The driver does not say.
    Other,
}

/// One adapter, not opened yet.
#[derive(Clone)]
pub struct Adapter {
    raw: wgpu::Adapter,
    /// As its driver names it: `NVIDIA H200`, `llvmpipe (LLVM 15.0.6, 256 bits)`.
    pub name: String,
    /// Driver and its version, as the driver says.
    pub driver: String,
    /// The graphics API it is reached through: `vulkan`, `metal` or `dx12`.
    pub api: &'static str,
    pub kind: Kind,
    /// Memory of its own, in bytes (of an integrated GPU: what it shares with the CPU); `None` where the
    /// API does not say.
    pub memory_bytes: Option<u64>,
    /// Whether shaders compute in f16.
    pub f16: bool,
    /// Whether shaders have subgroup operations.
    pub subgroups: bool,
    /// Whether kernels can be timed on the device itself.
    pub timestamps: bool,
    /// The largest part of a buffer that a kernel sees, in bytes.
    pub max_binding_bytes: u64,
    /// The largest buffer, in bytes.
    pub max_buffer_bytes: u64,
    /// Invocations of one workgroup at the most.
    pub max_workgroup: u32,
    /// Memory that a workgroup shares, in bytes.
    pub workgroup_memory_bytes: u32,
}

impl Adapter {
    pub fn is_software(&self) -> bool {
        self.kind == Kind::Software
    }

    /// What this adapter's measurements are kept under: name, driver and API, in letters, digits and
    /// dashes.
    pub fn key(&self) -> String {
        let words = format!("{} {} {}", self.name, self.driver, self.api);
        let parts = words.split(|c: char| !c.is_ascii_alphanumeric());
        let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
        parts.join("-").to_lowercase()
    }

    /// Opens the adapter. The same adapter opened twice is the same [`Gpu`].
    pub fn open(&self) -> Result<Gpu, GpuError> {
        open::open(self)
    }
}

impl fmt::Debug for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Adapter({self})")
    }
}

impl fmt::Display for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.name, self.api)?;
        if !self.driver.is_empty() {
            write!(f, ", {}", self.driver)?;
        }
        write!(f, ")")
    }
}

/// The adapters of this machine that compute, those of Vulkan first; discrete GPUs before integrated ones,
/// and software last. An adapter that two APIs reach is listed once for each.
pub fn adapters() -> Vec<Adapter> {
    let mut adapters: Vec<Adapter> = open::instance_adapters()
        .into_iter()
        .filter_map(describe)
        .collect();
    // Stable: within a kind the order is the driver's.
    adapters.sort_by_key(|adapter| match adapter.kind {
        Kind::Discrete => 0,
        Kind::Virtual => 1,
        Kind::Integrated => 2,
        Kind::Other => 3,
        Kind::Software => 4,
    });
    adapters
}

/// `None` where it cannot compute.
fn describe(raw: wgpu::Adapter) -> Option<Adapter> {
    let (info, limits, features) = (raw.get_info(), raw.limits(), raw.features());
    if limits.max_compute_invocations_per_workgroup == 0 {
        return None;
    }
    let driver = format!("{} {}", info.driver, info.driver_info);
    Some(Adapter {
        name: info.name,
        driver: driver.trim().to_string(),
        api: match info.backend {
            wgpu::Backend::Vulkan => "vulkan",
            wgpu::Backend::Metal => "metal",
            wgpu::Backend::Dx12 => "dx12",
            wgpu::Backend::Gl | wgpu::Backend::BrowserWebGpu | wgpu::Backend::Noop => return None,
        },
        kind: match info.device_type {
            wgpu::DeviceType::DiscreteGpu => Kind::Discrete,
            wgpu::DeviceType::IntegratedGpu => Kind::Integrated,
            wgpu::DeviceType::VirtualGpu => Kind::Virtual,
            wgpu::DeviceType::Cpu => Kind::Software,
            wgpu::DeviceType::Other => Kind::Other,
        },
        memory_bytes: memory::of(&raw),
        f16: features.contains(wgpu::Features::SHADER_F16),
        subgroups: features.contains(wgpu::Features::SUBGROUP),
        timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
        max_binding_bytes: limits
            .max_storage_buffer_binding_size
            .min(limits.max_buffer_size),
        max_buffer_bytes: limits.max_buffer_size,
        max_workgroup: limits.max_compute_invocations_per_workgroup,
        workgroup_memory_bytes: limits.max_compute_workgroup_storage_size,
        raw,
    })
}
