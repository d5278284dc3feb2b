//! Photos that are known already as a source: those of a catalogue.

use showroom_catalog::product::file_of;
use showroom_catalog::seams::{Source, SourceError};
use showroom_catalog::{PhotoRef, Reject};

use crate::folder::fetch_file;

/// These photos, in this order, read from the files of this machine.
pub struct PhotoList(pub Vec<PhotoRef>);

impl Source for PhotoList {
    fn list(
        &self,
        found: &mut dyn FnMut(Result<PhotoRef, Reject>) -> bool,
    ) -> Result<(), SourceError> {
        for photo in &self.0 {
            if !found(Ok(photo.clone())) {
                break;
            }
        }
        Ok(())
    }

    fn fetch(&self, photo: &PhotoRef, max_bytes: u64) -> Result<Vec<u8>, SourceError> {
        fetch_file(file_of(&photo.uri), max_bytes)
    }
}
