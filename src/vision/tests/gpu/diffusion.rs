//! An inpainting model on the GPU against the same on the CPU, which `../diffusion.rs` compares with diffusers.

use showroom_catalog::Pixels;
use showroom_catalog::seams::Wanted;
use showroom_kernels::Gpu;
use showroom_vision::diffusion::{Checkpoint, Diffusion, noise};
use showroom_vision::engines::Engine;
use showroom_vision::engines::device::Precision;

use crate::support::OnGpu;
use crate::tiny_diffusion::write;

pub const ON_GPU: &[OnGpu] = &[(
    "diffusion::steps_and_picture_are_those_of_the_cpu",
    steps_agree,
)];

/// Largest difference, of the largest number: sums in another order, step after step.
const TOLERANCE: f32 = 2e-3;

fn steps_agree(gpu: &Gpu) {
    let folder = tempfile::tempdir().unwrap();
    write("sd2-tiny", folder.path());
    let checkpoint = Checkpoint::open(folder.path(), None).unwrap();
    let rgba = (0..32 * 32).flat_map(|at| [at as u8, 90, 20, if at % 32 < 16 { 255 } else { 0 }]);
    let product = Pixels {
        width: 32,
        height: 32,
        rgba: rgba.collect(),
    };
    let wanted = Wanted {
        prompt: "on a wooden chair".into(),
        negative: String::new(),
        steps: 2,
        guidance: 5.0,
        seed: 0,
    };
    // The precision of the other models does not count: this one computes in f32 always.
    let engines = [Engine::Gpu(gpu.clone(), Precision::F16), Engine::Flex];
    let [on_gpu, on_cpu] = engines.map(|engine| {
        let model = Diffusion::open(&checkpoint, &engine).unwrap();
        let latents = noise(3, 4 * 16 * 16);
        let latents = model
            .denoise(&wanted, &product, latents, &mut |_, _| true)
            .unwrap();
        let picture = model.picture(&latents, 32, 32).unwrap();
        (latents, picture)
    });
    let most = on_cpu.0.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    let off = on_gpu.0.iter().zip(&on_cpu.0).map(|(a, b)| (a - b).abs());
    let off = off.fold(0.0, f32::max);
    assert!(most > 1.0 && off < TOLERANCE * most, "{off} of {most}");
    let bytes = on_gpu.1.rgba.iter().zip(&on_cpu.1.rgba);
    let levels = bytes.map(|(a, b)| a.abs_diff(*b)).max();
    assert!(levels <= Some(2), "{levels:?} levels");
}
