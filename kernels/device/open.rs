//! Opens an adapter once for the whole process, for burn and for our own kernels.

use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

#[cfg(not(feature = "vulkan"))]
use burn::tensor::wgpu::WgpuSetup;
use burn::tensor::{Device, Tensor};
use burn_cubecl::CubeBackend;
use cubecl::client::Client;
use cubecl::future::block_on;

use super::Adapter;
#[cfg(feature = "vulkan")]
use super::Kind;

/// Why a GPU cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GpuError {
    /// The adapter did not open.
    #[error("the GPU {adapter} cannot be opened: {reason}")]
    NotOpened { adapter: String, reason: String },
    /// There is not enough memory on the device for this much work at a time.
    #[error("the GPU is out of memory: {0}")]
    OutOfMemory(String),
    /// What was asked for does not fit together.
    #[error("{0}")]
    BadInput(String),
    /// The device or its driver failed.
    #[error("the GPU failed: {0}")]
    Failed(String),
}

/// An opened GPU. Cloning is cheap; any number of threads use it.
#[derive(Clone)]
pub struct Gpu(Arc<Opened>);

/// What an opened GPU has.
pub struct Opened {
    pub adapter: Adapter,
    /// burn's name of it: where models put their weights.
    pub burn: Device,
    /// For kernels that are WGSL.
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    /// For kernels that are CubeCL.
    pub(crate) client: Client,
    trouble: Arc<Trouble>,
}

impl Deref for Gpu {
    type Target = Opened;

    fn deref(&self) -> &Opened {
        &self.0
    }
}

/// Memory of a device that this process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// In buffers.
    pub used_bytes: u64,
    /// Taken from the device, so that nobody else has it: what buffers were cut from, at least [`Memory::used_bytes`].
    pub reserved_bytes: u64,
}

/// The errors that the driver reported outside any call, as a GPU works after the call has returned.
#[derive(Debug, Default)]
struct Trouble(Mutex<Option<GpuError>>);

impl Trouble {
    fn report(&self, error: &wgpu::Error) {
        let found = match error {
            wgpu::Error::OutOfMemory { source } => GpuError::OutOfMemory(source.to_string()),
            error => GpuError::Failed(error.to_string()),
        };
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Out of memory is what the errors after it come from, so it is never replaced.
        first.get_or_insert(found);
    }

    fn take(&self) -> Option<GpuError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Opened {
    /// Fails where the driver reported an error since the last call. To be asked after results were
    /// read back: a failed launch reads back as zeros.
    pub fn check(&self) -> Result<(), GpuError> {
        self.trouble.take().map_or(Ok(()), Err)
    }

    /// Memory of the device that weights, batches and vectors take; `None` where the API does not say (Metal).
    pub fn memory(&self) -> Option<Memory> {
        let report = self.device.generate_allocator_report()?;
        Some(Memory {
            used_bytes: report.total_allocated_bytes,
            reserved_bytes: report.total_reserved_bytes,
        })
    }

    /// Waits until all that was submitted is done, and says whether it went well.
    pub fn wait(&self) -> Result<(), GpuError> {
        let failed = |reason: String| GpuError::Failed(reason);
        self.burn
            .sync()
            .map_err(|error| failed(format!("{error:?}")))?;
        let polled = self.device.poll(wgpu::PollType::wait_indefinitely());
        polled.map_err(|error| failed(error.to_string()))?;
        self.check()
    }
}

/// One instance for the life of the process: the Vulkan loader crashes when instances come and go on
/// several threads.
fn instance() -> &'static wgpu::Instance {
    static INSTANCE: OnceLock<wgpu::Instance> = OnceLock::new();
    INSTANCE.get_or_init(|| {
        wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends: wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12,
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        })
    })
}

pub(super) fn instance_adapters() -> Vec<wgpu::Adapter> {
    block_on(instance().enumerate_adapters(wgpu::Backends::all()))
}

/// Opened before: an adapter is registered with burn once.
static OPEN: Mutex<Vec<(String, Gpu)>> = Mutex::new(Vec::new());

pub(super) fn open(adapter: &Adapter) -> Result<Gpu, GpuError> {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let info = adapter.raw.get_info();
    let key = format!("{} {}", adapter.key(), info.device_pci_bus_id);
    if let Some((_, gpu)) = open.iter().find(|(opened, _)| *opened == key) {
        return Ok(gpu.clone());
    }
    let gpu = open_first(adapter)?;
    open.push((key, gpu.clone()));
    Ok(gpu)
}

fn open_first(adapter: &Adapter) -> Result<Gpu, GpuError> {
    let failed = |reason: String| GpuError::NotOpened {
        adapter: adapter.to_string(),
        reason,
    };
    let (burn, device, queue) = acquire(adapter).map_err(failed)?;
    // burn's own handler panics on the thread of the device, where nobody sees it, and the caller reads
    // zeros back.
    let trouble = Arc::new(Trouble::default());
    let reported = Arc::clone(&trouble);
    device.on_uncaptured_error(Arc::new(move |error| reported.report(&error)));
    let probe: Tensor<1> = Tensor::ones([1], &burn);
    let probe = probe.try_into_primitive::<CubeBackend>();
    let probe = probe.map_err(|error| failed(format!("{error:?}")))?;
    Ok(Gpu(Arc::new(Opened {
        adapter: adapter.clone(),
        burn,
        device,
        queue,
        client: probe.client,
        trouble,
    })))
}

/// burn's device and the handles below it. Without SPIR-V the device is ours, with what the adapter can do.
#[cfg(not(feature = "vulkan"))]
fn acquire(adapter: &Adapter) -> Result<(Device, wgpu::Device, wgpu::Queue), String> {
    // What burn's kernels and ours may use, where it is there.
    let wanted = wgpu::Features::SHADER_F16
        | wgpu::Features::SUBGROUP
        | wgpu::Features::TIMESTAMP_QUERY
        | wgpu::Features::SHADER_INT64;
    let request = adapter.raw.request_device(&wgpu::DeviceDescriptor {
        label: Some("showroom"),
        required_features: adapter.raw.features() & wanted,
        required_limits: adapter.raw.limits(),
        memory_hints: wgpu::MemoryHints::MemoryUsage,
        ..Default::default()
    });
    let (device, queue) = block_on(request).map_err(|error| error.to_string())?;
    let setup = WgpuSetup {
        instance: instance().clone(),
        adapter: adapter.raw.clone(),
        device: device.clone(),
        queue: queue.clone(),
        backend: adapter.raw.get_info().backend,
    };
    let burn = Device::wgpu_options().setup(setup).init();
    Ok((burn.map_err(|error| error.to_string())?, device, queue))
}

/// With SPIR-V the device is burn's own, as the compiler needs extensions that only burn asks for. It
/// crashes on software adapters.
#[cfg(feature = "vulkan")]
fn acquire(adapter: &Adapter) -> Result<(Device, wgpu::Device, wgpu::Queue), String> {
    use burn::tensor::DeviceKind;
    use burn::tensor::wgpu::WgpuBackend;

    if adapter.is_software() {
        return Err(
            "this build compiles kernels to SPIR-V, on which software adapters crash; take a build \
             without the feature `vulkan`, or --device cpu"
                .into(),
        );
    }
    let info = adapter.raw.get_info();
    // burn counts the adapters of each kind within a graphics API, in the driver's order.
    let same_kind = instance_adapters()
        .into_iter()
        .map(|raw| raw.get_info())
        .filter(|other| (other.backend, other.device_type) == (info.backend, info.device_type));
    let number = same_kind
        .take_while(|other| {
            (&other.name, &other.device_pci_bus_id) != (&info.name, &info.device_pci_bus_id)
        })
        .count();
    let kind = match adapter.kind {
        Kind::Discrete => DeviceKind::DiscreteGpu(number),
        Kind::Integrated => DeviceKind::IntegratedGpu(number),
        Kind::Virtual => DeviceKind::VirtualGpu(number),
        Kind::Software | Kind::Other => DeviceKind::DefaultDevice,
    };
    let api = match adapter.api {
        "vulkan" => WgpuBackend::Vulkan,
        "metal" => WgpuBackend::Metal,
        _ => WgpuBackend::Dx12,
    };
    let options = Device::wgpu_options().device_kind(kind).graphics_api(api);
    let (burn, setup) = options
        .init_with_setup()
        .map_err(|error| error.to_string())?;
    Ok((burn, setup.device, setup.queue))
}
