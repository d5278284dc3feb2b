//! Which device the models run on: what the user wished, and what this machine has.

use std::fmt;
use std::str::FromStr;

use burn::tensor::DType;
use showroom_catalog::seams::ModelError;
pub use showroom_kernels::{Adapter, Gpu, adapters};

/// What the user asked for with `--device`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeviceWish {
    /// A GPU where there is one, else the CPU.
    #[default]
    Auto,
    Cpu,
    /// The first GPU, or fail.
    Gpu,
    /// The GPU of this number, or fail. Software adapters are not counted.
    Numbered(usize),
    /// The first adapter whose name holds these words, a software one too.
    Named(String),
}

impl FromStr for DeviceWish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wish = match text.trim().to_lowercase().as_str() {
            "auto" => DeviceWish::Auto,
            "cpu" => DeviceWish::Cpu,
            "gpu" => DeviceWish::Gpu,
            lower => {
                let which = lower
                    .strip_prefix("gpu:")
                    .map(str::trim)
                    .unwrap_or_default();
                match which.parse() {
                    Ok(number) => DeviceWish::Numbered(number),
                    Err(_) if !which.is_empty() => DeviceWish::Named(which.to_string()),
                    Err(_) => {
                        return Err(format!(
                            "{text:?} is no device; take auto, cpu, gpu, gpu:N (its number) or gpu:NAME \
                             (part of its name), as `showroom doctor` lists them"
                        ));
                    }
                }
            }
        };
        Ok(wish)
    }
}

impl fmt::Display for DeviceWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceWish::Auto => f.write_str("auto"),
            DeviceWish::Cpu => f.write_str("cpu"),
            DeviceWish::Gpu => f.write_str("gpu"),
            DeviceWish::Numbered(number) => write!(f, "gpu:{number}"),
            DeviceWish::Named(name) => write!(f, "gpu:{name}"),
        }
    }
}

/// What the user asked for with `--precision`: the numbers that a GPU computes with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrecisionWish {
    /// f16 where the GPU has it and the models pass their self-check with it, else f32.
    #[default]
    Auto,
    F32,
    /// f16, or fail.
    F16,
}

/// The numbers that a model computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    F32,
    F16,
}

impl Precision {
    /// As burn calls it.
    pub fn dtype(self) -> DType {
        match self {
            Precision::F32 => DType::F32,
            Precision::F16 => DType::F16,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Precision::F32 => "f32",
            Precision::F16 => "f16",
        })
    }
}

/// The adapter to take.
#[derive(Debug)]
pub(super) enum Found {
    Gpu(Adapter),
    /// The CPU; the sentence says why, where the user may wonder.
    Cpu(Option<String>),
}

/// The adapter that a wish means; fails where there is none and the wish was for one.
pub(super) fn find(wish: &DeviceWish) -> Result<Found, ModelError> {
    match wish {
        DeviceWish::Cpu => Ok(Found::Cpu(None)),
        wish => pick(wish, &adapters()).map(|found| match found {
            Ok(adapter) => Found::Gpu(adapter.clone()),
            Err(why) => Found::Cpu(Some(why)),
        }),
    }
}

/// What [`pick`] needs to know of an adapter.
trait Candidate {
    fn name(&self) -> &str;
    fn is_software(&self) -> bool;
}

impl Candidate for Adapter {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_software(&self) -> bool {
        Adapter::is_software(self)
    }
}

/// The inner error says why the CPU is taken instead.
fn pick<'a, C: Candidate>(
    wish: &DeviceWish,
    adapters: &'a [C],
) -> Result<Result<&'a C, String>, ModelError> {
    let hardware: Vec<&C> = adapters
        .iter()
        .filter(|adapter| !adapter.is_software())
        .collect();
    let found = match wish {
        DeviceWish::Auto | DeviceWish::Gpu => hardware.first().copied(),
        DeviceWish::Numbered(number) => hardware.get(*number).copied(),
        DeviceWish::Named(name) => {
            let named = |adapter: &&C| adapter.name().to_lowercase().contains(name);
            adapters.iter().find(named)
        }
        DeviceWish::Cpu => None,
    };
    match (found, wish) {
        (Some(adapter), _) => Ok(Ok(adapter)),
        (None, DeviceWish::Auto) => Ok(Err(missing(adapters, &hardware))),
        (None, wish) => Err(ModelError::Device(format!(
            "--device {wish}: {}; take one of those, or --device cpu",
            missing(adapters, &hardware)
        ))),
    }
}

/// What there is instead.
fn missing<C: Candidate>(adapters: &[C], hardware: &[&C]) -> String {
    let names =
        |adapters: &mut dyn Iterator<Item = String>| adapters.collect::<Vec<_>>().join(", ");
    if !hardware.is_empty() {
        let listed = hardware.iter().enumerate();
        return format!(
            "this machine has {}",
            names(
                &mut listed.map(|(number, adapter)| format!("gpu:{number} ({})", adapter.name()))
            )
        );
    }
    match adapters.first() {
        None => "no GPU was found (no Vulkan, Metal or DX12 driver)".to_string(),
        Some(software) => format!(
            "no GPU was found, only software that stands in for one: {}, used when asked for by name \
             (--device gpu:{})",
            software.name(),
            software
                .name()
                .split_whitespace()
                .next()
                .unwrap_or_default()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fake(&'static str, bool);

    impl Candidate for Fake {
        fn name(&self) -> &str {
            self.0
        }

        fn is_software(&self) -> bool {
            self.1
        }
    }

    const MACHINE: [Fake; 3] = [
        Fake("NVIDIA H200", false),
        Fake("Intel Arc", false),
        Fake("llvmpipe (LLVM 15)", true),
    ];

    fn picked(wish: &str, adapters: &[Fake]) -> Result<Result<&'static str, String>, String> {
        let found = pick(&wish.parse().unwrap(), adapters).map_err(|error| error.to_string())?;
        Ok(found.map(|adapter| adapter.0))
    }

    #[test]
    fn hardware_is_taken_by_number_and_software_by_name_alone() {
        for (wish, name) in [
            ("auto", "NVIDIA H200"),
            ("gpu", "NVIDIA H200"),
            ("gpu:1", "Intel Arc"),
            ("GPU:arc", "Intel Arc"),
            ("gpu:llvmpipe", "llvmpipe (LLVM 15)"),
        ] {
            assert_eq!(picked(wish, &MACHINE), Ok(Ok(name)), "{wish}");
        }
        let none = picked("gpu:2", &MACHINE).unwrap_err();
        assert!(
            none.contains("gpu:0 (NVIDIA H200), gpu:1 (Intel Arc)"),
            "{none}"
        );
    }

    #[test]
    fn software_alone_is_no_gpu() {
        let software = &MACHINE[2..];
        let why = picked("auto", software).unwrap().unwrap_err();
        assert!(why.contains("--device gpu:llvmpipe"), "{why}");
        for wish in ["gpu", "gpu:0", "gpu:radeon"] {
            let error = picked(wish, software).unwrap_err();
            assert!(
                error.starts_with(&format!("--device {wish}: no GPU was found")),
                "{error}"
            );
        }
        assert_eq!(picked("gpu:llvm", software), Ok(Ok("llvmpipe (LLVM 15)")));
    }

    #[test]
    fn no_driver_is_said() {
        let why = picked("auto", &[]).unwrap().unwrap_err();
        assert!(why.contains("no Vulkan, Metal or DX12 driver"), "{why}");
        assert!(picked("gpu", &[]).is_err());
    }

    #[test]
    fn what_is_no_device_is_refused() {
        for text in ["", "cuda", "gpu:", "0"] {
            assert!(text.parse::<DeviceWish>().is_err(), "{text}");
        }
    }
}
