//! How much memory an adapter has. wgpu does not say; Vulkan does.

/// Bytes of the heaps that are local to the device; `None` where the API is not Vulkan.
#[allow(unsafe_code)]
pub fn of(adapter: &wgpu::Adapter) -> Option<u64> {
    // SAFETY: the adapter's handles are only read, while the guard holds the adapter alive; the call
    // fills a struct of its own from a physical device of the same instance.
    let memory = unsafe {
        let vulkan = adapter.as_hal::<wgpu::hal::api::Vulkan>()?;
        let instance = vulkan.shared_instance().raw_instance();
        instance.get_physical_device_memory_properties(vulkan.raw_physical_device())
    };
    let heaps = memory
        .memory_heaps
        .iter()
        .take(memory.memory_heap_count as usize);
    // Bit 0 of a heap's flags is VK_MEMORY_HEAP_DEVICE_LOCAL_BIT.
    let local = heaps.filter(|heap| heap.flags.as_raw() & 1 == 1);
    Some(local.map(|heap| heap.size).sum())
}
