//! Several sources as one: feeds first, then files and folders.

use std::hash::{DefaultHasher, Hash, Hasher};

use showroom_catalog::seams::{FoundProduct, Source, SourceError};
use showroom_catalog::{PhotoRef, Reject};

/// Sources one after the other. A photo that several of them name is the first one's.
pub struct Sources(Vec<Box<dyn Source>>);

impl Sources {
    /// At least one.
    pub fn new(sources: Vec<Box<dyn Source>>) -> Sources {
        Sources(sources)
    }
}

impl Source for Sources {
    fn list(
        &self,
        found: &mut dyn FnMut(Result<PhotoRef, Reject>) -> bool,
    ) -> Result<(), SourceError> {
        self.list_products(&mut |one| found(one.map(|one| one.photo)))
    }

    fn list_products(
        &self,
        found: &mut dyn FnMut(Result<FoundProduct, Reject>) -> bool,
    ) -> Result<(), SourceError> {
        let mut go_on = true;
        for source in &self.0 {
            source.list_products(&mut |one| {
                go_on = found(one);
                go_on
            })?;
            if !go_on {
                break;
            }
        }
        Ok(())
    }

    /// All of them read files of this machine, each in the same way.
    fn fetch(&self, photo: &PhotoRef, max_bytes: u64) -> Result<Vec<u8>, SourceError> {
        match self.0.first() {
            Some(source) => source.fetch(photo, max_bytes),
            None => Err(SourceError::NotFound {
                uri: photo.uri.clone(),
            }),
        }
    }

    fn skipped(&self) -> u64 {
        self.0.iter().map(|source| source.skipped()).sum()
    }

    fn owns(&self, uri: &str, etag: &str) -> bool {
        self.0.iter().any(|source| source.owns(uri, etag))
    }

    fn is_note(&self, uri: &str) -> bool {
        self.0.iter().any(|source| source.is_note(uri))
    }
}

/// A number that changes whenever the source lists anything else: to see whether there is work,
/// without a catalogue.
pub fn fingerprint(source: &dyn Source) -> Result<u64, SourceError> {
    let mut hasher = DefaultHasher::new();
    source.list(&mut |found| {
        match found {
            Ok(photo) => (photo.uri, photo.etag).hash(&mut hasher),
            Err(reject) => (reject.source.uri, reject.code, reject.reason).hash(&mut hasher),
        }
        true
    })?;
    Ok(hasher.finish())
}
