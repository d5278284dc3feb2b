//! A folder in which the list of a photo's renditions counts only while every picture on it is there.

use std::fs;
use std::path::{Path, PathBuf};

use showroom_catalog::seams::{Sink, SinkError};
use showroom_catalog::{Asset, Made, PhotoId, PhotoRef, Planned};
use showroom_pipeline::FolderSink;
use showroom_studio::rendition::RenditionList;

/// The folder.
pub struct RenditionSink {
    inner: FolderSink,
    folder: PathBuf,
}

impl RenditionSink {
    pub fn new(folder: &Path) -> Result<RenditionSink, SinkError> {
        Ok(RenditionSink {
            inner: FolderSink::new(folder)?,
            folder: folder.to_path_buf(),
        })
    }

    /// The list that is in this file.
    pub fn list(&self, file: &str) -> Option<RenditionList> {
        let bytes = fs::read(self.folder.join(file)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}

/// Names of the pictures on a list, which stand beside it: only the key and the ending differ.
pub fn picture_files(list_file: &str, list_key: &str, list: &RenditionList) -> Vec<String> {
    let digits = list_file
        .strip_suffix(".json")
        .and_then(|name| name.rsplit_once('-'))
        .map_or(0, |(_, digits)| digits.len());
    let start = list_file
        .strip_suffix(".json")
        .and_then(|name| name.strip_suffix(&list_key[..digits.min(list_key.len())]))
        .unwrap_or_default();
    let pictures = list.pictures.iter();
    pictures
        .map(|one| {
            let key = &one.key[..digits.min(one.key.len())];
            format!("{start}{key}.{}", one.told.format.extension())
        })
        .collect()
}

impl Sink for RenditionSink {
    fn get(&self, stem: &str, planned: &Planned) -> Result<Option<Asset>, SinkError> {
        let found = self.inner.get(stem, planned)?;
        Ok(found.filter(|asset| {
            let list = self.list(&asset.file);
            list.is_some_and(|list| {
                let files = picture_files(&asset.file, &asset.key, &list);
                files.iter().zip(&list.pictures).all(|(file, one)| {
                    let found = fs::metadata(self.folder.join(file));
                    found.is_ok_and(|found| found.len() == one.told.bytes)
                })
            })
        }))
    }

    fn put(
        &self,
        stem: &str,
        source: &PhotoRef,
        photo: PhotoId,
        made: Made,
    ) -> Result<Asset, SinkError> {
        self.inner.put(stem, source, photo, made)
    }
}
