//! Several sources as one: feeds first, then files and folders. And where the bytes of a photo are.

use std::hash::{DefaultHasher, Hash, Hasher};

use showroom_catalog::product::file_of;
use showroom_catalog::seams::{FetchError, FoundProduct, Source, SourceError};
use showroom_catalog::{PhotoRef, Reject};

use crate::folder::fetch_file;
use crate::web::Web;

/// Sources one after the other. A photo that several of them name is the first one's.
pub struct Sources {
    sources: Vec<Box<dyn Source>>,
    web: Option<Web>,
}

impl Sources {
    /// Photos at web addresses are read through `web`; without it they cannot be read.
    pub fn new(sources: Vec<Box<dyn Source>>, web: Option<Web>) -> Sources {
        Sources { sources, web }
    }
}

/// Whether a URI is a web address, and no path.
pub fn is_web(uri: &str) -> bool {
    let starts = |with: &str| {
        uri.get(..with.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    starts("https://") || starts("http://")
}

/// The bytes of a photo of the catalogue, wherever they are. Never more than `max_bytes`.
pub(crate) fn fetch_photo(
    uri: &str,
    web: Option<&Web>,
    max_bytes: u64,
) -> Result<Vec<u8>, SourceError> {
    let place = file_of(uri);
    if !is_web(place) {
        return fetch_file(place, max_bytes);
    }
    let uri = place.to_string();
    let Some(web) = web else {
        let reason = "it is a web address, and --no-fetch forbids to fetch it".to_string();
        return Err(SourceError::Unreadable { uri, reason });
    };
    web.get(place, max_bytes).map_err(|error| match error {
        FetchError::NotFound(_) => SourceError::NotFound { uri },
        FetchError::TooLarge { limit, .. } => SourceError::TooLarge {
            uri,
            // At least.
            bytes: limit.saturating_add(1),
            limit,
        },
        FetchError::Refused(reason) | FetchError::Failed(reason) => {
            SourceError::Unreadable { uri, reason }
        }
    })
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
        for source in &self.sources {
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

    /// A photo is where its URI says, whichever source named it.
    fn fetch(&self, photo: &PhotoRef, max_bytes: u64) -> Result<Vec<u8>, SourceError> {
        fetch_photo(&photo.uri, self.web.as_ref(), max_bytes)
    }

    fn skipped(&self) -> u64 {
        self.sources.iter().map(|source| source.skipped()).sum()
    }

    fn owns(&self, uri: &str, etag: &str) -> bool {
        self.sources.iter().any(|source| source.owns(uri, etag))
    }

    fn is_note(&self, uri: &str) -> bool {
        self.sources.iter().any(|source| source.is_note(uri))
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
