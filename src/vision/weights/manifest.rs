//! What a model is, as written in `models/<name>/manifest.toml`: task, licence, preprocessing, files and
//! where to get them.
//!
//! Every name that becomes part of a path, a command line or a URL is checked here, once: a manifest
//! may come from a user.

use serde::{Deserialize, Serialize};

use super::error::WeightsError;
use super::tensors::MAX_FILE_BYTES;

/// One model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Lower-case letters, digits, `-` and `.`.
    pub name: String,
    /// One line for people.
    pub summary: String,
    pub task: Task,
    /// Which code of ours reads the weights.
    pub architecture: String,
    pub licence: Licence,
    pub image: Option<ImageInput>,
    pub text: Option<TextInput>,
    #[serde(default)]
    pub outputs: Vec<Output>,
    pub files: Vec<ModelFile>,
    /// What the model must answer on a fixed input, to check it on a device before it is used.
    pub check: Option<Check>,
}

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Picture → vector and classes.
    ImageEmbedding,
    /// Sentence → vector.
    TextEmbedding,
    /// Picture or sentence → vector in one space.
    ImageTextEmbedding,
    /// Picture → mask of the product.
    Matte,
    /// Picture → where text is.
    TextDetection,
    /// A tree of categories.
    Taxonomy,
    /// A library that runs models.
    Runtime,
    /// Pictures of light from all around.
    Environment,
}

/// Under which licence the files are, and where that can be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// SPDX identifier.
    pub spdx: String,
    /// Package or repository, and the file in it. Never empty.
    pub evidence: Vec<String>,
}

/// What the network wants of a picture: `(value − mean) / std` for each colour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageInput {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    pub colours: ColourOrder,
    pub layout: Layout,
    /// What the values are before mean and std: 0–255 as they are, or divided.
    #[serde(default)]
    pub scale: Scale,
    /// In the order of `colours`, in the scale of `scale`.
    pub mean: [f32; 3],
    /// In the order of `colours`, in the scale of `scale`.
    pub std: [f32; 3],
    pub how: How,
    pub filter: ResizeFilter,
}

/// Order of the three colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColourOrder {
    Rgb,
    Bgr,
}

/// Order of the axes: batch, colour, height, width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    Nchw,
    Nhwc,
}

/// What values are divided by before mean and std are applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Nothing: 0–255.
    #[default]
    Byte,
    /// 255: 0–1.
    Unit,
    /// The largest value of the picture itself.
    PictureMaximum,
}

/// How a picture of another shape is brought to the input size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    Stretch,
    Cover,
    Letterbox,
}

/// Resampling filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResizeFilter {
    Box,
    Bilinear,
    Bicubic,
    Lanczos3,
}

/// What a text model wants of a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextInput {
    /// Longer texts are cut, tokens (with the ones at both ends).
    pub max_tokens: usize,
    pub lower_case: bool,
    /// `mean` or `first`; in a pair `end` or `last`.
    pub pooling: String,
    /// The token that fills every text up to `max_tokens`, where the model was trained so.
    #[serde(default)]
    pub pad_token: Option<String>,
}

/// One output of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    pub name: String,
    /// Numbers for one picture or sentence.
    pub dimensions: usize,
    pub meaning: String,
}

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// What the file is to the code: `weights`, `config`, `tokenizer`, `taxonomy`, `library`.
    pub role: String,
    /// A plain file name.
    pub name: String,
    /// Operating system and processor (`linux-x86_64`) if the file is for one kind of machine.
    pub platform: Option<String>,
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
    pub bytes: u64,
    /// In order of preference.
    pub sources: Vec<FileSource>,
}

/// Where a file can be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum FileSource {
    /// A member of a wheel.
    Pypi {
        pypi: String,
        version: String,
        member: String,
        wheel: Option<Wheel>,
    },
    /// A member of a package, below the `package` folder in which npm keeps everything.
    Npm {
        npm: String,
        version: String,
        member: String,
    },
    /// A file of a repository on a model hub, at a branch, tag or commit.
    Hub {
        hub: String,
        revision: String,
        file: String,
    },
    /// A local file; a relative path starts at the folder of the manifest.
    Path { path: std::path::PathBuf },
}

/// Which wheel to take where a package has one for each platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wheel {
    /// Platform tag, such as `manylinux_2_28_x86_64`.
    pub platform: String,
    /// CPython version without the dot, such as `311`.
    pub python: String,
}

/// An input with a fixed answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Name of a fixed picture that our code can draw.
    pub picture: Option<String>,
    /// Or a sentence.
    pub text: Option<String>,
    /// Numbers of the answer, by their place in all outputs one after another; none is zero.
    pub expected: Vec<(usize, f32)>,
    /// Largest allowed difference of each, computed in f32.
    pub tolerance: f32,
    /// And computed in f16, which keeps eleven bits; where it is missing the model is not for f16.
    pub tolerance_f16: Option<f32>,
}

impl FileSource {
    /// In words, for messages: which kind of source, what, which version.
    pub fn describe(&self) -> String {
        match self {
            FileSource::Pypi { pypi, version, .. } => format!("PyPI {pypi} {version}"),
            FileSource::Npm { npm, version, .. } => format!("npm {npm} {version}"),
            FileSource::Hub { hub, revision, .. } => format!("hub {hub} at {revision}"),
            FileSource::Path { path } => format!("file {}", path.display()),
        }
    }
}

impl ModelFile {
    /// Whether the file is of use on this machine.
    pub fn is_for_this_machine(&self) -> bool {
        self.platform
            .as_deref()
            .is_none_or(|platform| platform == this_platform())
    }
}

/// Operating system and processor of this machine, as [`ModelFile::platform`] has them.
pub fn this_platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

impl Manifest {
    /// Reads a manifest. `origin` is a name for the error: the file, or the built-in model.
    pub fn parse(text: &str, origin: &str) -> Result<Self, WeightsError> {
        let wrong = |reason: String| WeightsError::Manifest {
            origin: origin.into(),
            reason,
        };
        let manifest: Manifest = toml::from_str(text).map_err(|e| wrong(e.to_string()))?;
        manifest.check_names().map_err(wrong)?;
        Ok(manifest)
    }

    /// The files that are of use on this machine.
    pub fn files_here(&self) -> impl Iterator<Item = &ModelFile> {
        self.files.iter().filter(|file| file.is_for_this_machine())
    }

    fn check_names(&self) -> Result<(), String> {
        let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        if !is_name(&self.name, lower) {
            return Err(format!(
                "the name {:?} needs a-z, 0-9, - and . only",
                self.name
            ));
        }
        if self.licence.spdx.is_empty() || self.licence.evidence.is_empty() {
            return Err("the licence needs an SPDX name and its evidence".into());
        }
        if self.files.is_empty() {
            return Err("it has no files".into());
        }
        for (index, file) in self.files.iter().enumerate() {
            file.check_names()
                .map_err(|reason| format!("file {:?}: {reason}", file.name))?;
            let same =
                |other: &&ModelFile| other.role == file.role && other.platform == file.platform;
            if self.files[..index].iter().any(|other| same(&other)) {
                return Err(format!("two files have the role {:?}", file.role));
            }
        }
        Ok(())
    }
}

impl ModelFile {
    fn check_names(&self) -> Result<(), String> {
        if !is_name(&self.name, |c| {
            c.is_ascii_alphanumeric() || "-_.+".contains(c)
        }) {
            return Err("its name must be a plain file name".into());
        }
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if self.sha256.len() != 64 || !self.sha256.chars().all(hex) {
            return Err("its sha256 must be 64 lower-case hexadecimal digits".into());
        }
        if self.bytes == 0 || self.bytes > MAX_FILE_BYTES {
            return Err(format!("its size must be 1 to {MAX_FILE_BYTES} bytes"));
        }
        if self.sources.is_empty() {
            return Err("it has no source".into());
        }
        self.sources.iter().try_for_each(FileSource::check_names)
    }
}

impl FileSource {
    pub(super) fn check_names(&self) -> Result<(), String> {
        let word = |text: &str| is_name(text, |c| c.is_ascii_alphanumeric() || "-_.+!".contains(c));
        let right = match self {
            FileSource::Pypi {
                pypi,
                version,
                member,
                wheel,
            } => {
                let tags = wheel
                    .as_ref()
                    .is_none_or(|w| word(&w.platform) && word(&w.python));
                word(pypi) && word(version) && is_inner_path(member) && tags
            }
            FileSource::Npm {
                npm,
                version,
                member,
            } => {
                let name = npm.strip_prefix('@').unwrap_or(npm);
                let parts = name.split('/').count();
                let scoped = if npm.starts_with('@') {
                    parts == 2
                } else {
                    parts == 1
                };
                scoped && name.split('/').all(word) && word(version) && is_inner_path(member)
            }
            FileSource::Hub {
                hub,
                revision,
                file,
            } => {
                hub.split('/').count() <= 2
                    && hub.split('/').all(word)
                    && is_inner_path(revision)
                    && is_inner_path(file)
            }
            FileSource::Path { path } => !path.as_os_str().is_empty(),
        };
        if right {
            Ok(())
        } else {
            Err(format!(
                "the source {} has a name, version or path that is not allowed",
                self.describe()
            ))
        }
    }
}

/// A word of allowed characters that can be no option, no hidden file and no way upwards.
fn is_name(text: &str, allowed: impl Fn(char) -> bool) -> bool {
    !text.is_empty()
        && text.len() <= 200
        && !text.starts_with(['.', '-', '+', '!'])
        && text.chars().all(allowed)
}

/// A relative path with `/` that stays where it starts.
fn is_inner_path(path: &str) -> bool {
    path.len() <= 1000
        && path.split('/').all(|part| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+@ ".contains(c);
            !part.is_empty() && part != "." && part != ".." && part.chars().all(plain)
        })
}
