//! Adapters are found and opened, and what goes wrong on one is told.

use burn::tensor::Tensor;
use showroom_kernels::{Gpu, GpuError, adapters};

use crate::support::{OnGpu, Plain};

pub const PLAIN: &[Plain] = &[("device::hardware_comes_before_software", hardware_first)];
pub const ON_GPU: &[OnGpu] = &[
    ("device::burn_computes_on_it", burn_computes),
    ("device::an_adapter_opens_once", opens_once),
    ("device::a_driver_error_is_told_once", error_is_told),
    ("device::an_adapter_describes_itself", describes_itself),
    ("device::memory_in_buffers_is_counted", memory_is_counted),
];

fn hardware_first() {
    let software: Vec<bool> = adapters()
        .iter()
        .map(|adapter| adapter.is_software())
        .collect();
    assert!(software.is_sorted(), "{:?}", adapters());
}

fn burn_computes(gpu: &Gpu) {
    let a = Tensor::<2>::from_data([[1.0, 2.0], [3.0, 4.0]], &gpu.burn);
    let product = a.clone().matmul(a).into_data().try_to_vec::<f32>().unwrap();
    assert_eq!(product, [7.0, 10.0, 15.0, 22.0]);
    gpu.check().unwrap();
}

fn opens_once(gpu: &Gpu) {
    let again = gpu.adapter.open().unwrap();
    assert_eq!(again.burn, gpu.burn);
}

fn error_is_told(gpu: &Gpu) {
    // A buffer that can be mapped and stored to is against the rules of WebGPU.
    let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::STORAGE;
    let _ = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("against the rules"),
        size: 16,
        usage,
        mapped_at_creation: false,
    });
    let error = gpu.check().unwrap_err();
    assert!(
        matches!(&error, GpuError::Failed(reason) if reason.contains("against the rules")),
        "{error}"
    );
    assert_eq!(gpu.check(), Ok(()));
}

fn memory_is_counted(gpu: &Gpu) {
    let Some(before) = gpu.memory() else {
        assert_eq!(gpu.adapter.api, "metal", "Vulkan and DX12 say");
        return;
    };
    assert!(before.reserved_bytes >= before.used_bytes, "{before:?}");
    let bytes = 48 << 20;
    let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("counted"),
        size: bytes,
        usage: wgpu::BufferUsages::STORAGE,
        mapped_at_creation: false,
    });
    // Other tests take and free meanwhile, by far less.
    let with = gpu.memory().unwrap();
    assert!(
        with.used_bytes >= before.used_bytes + bytes / 2,
        "{before:?} {with:?}"
    );
    assert!(with.reserved_bytes >= with.used_bytes, "{with:?}");
    buffer.destroy();
    gpu.check().unwrap();
}

fn describes_itself(gpu: &Gpu) {
    let adapter = &gpu.adapter;
    assert!(adapter.to_string().starts_with(&adapter.name));
    assert!(
        adapter
            .key()
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    );
    assert!(
        adapter.max_binding_bytes >= 128 << 20,
        "{}",
        adapter.max_binding_bytes
    );
    assert!(adapter.max_workgroup >= 256 && adapter.workgroup_memory_bytes >= 16 << 10);
    if adapter.api == "vulkan" {
        assert!(adapter.memory_bytes.unwrap() > 256 << 20);
    }
}
