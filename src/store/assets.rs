//! Files that were made of the catalogue's photos: `assets.jsonl` beside the tables.
//!
//! A line is added for every file that is made; the last line about a key counts. It is no part of the
//! tables: neither ingesting again nor compacting touches it.

use std::collections::HashMap;
use std::path::Path;

use showroom_catalog::Asset;
use showroom_catalog::seams::StoreError;

use crate::log::{add_lines, read_lines};

const LOG: &str = "assets.jsonl";

/// What the log says.
#[derive(Clone, Debug, Default)]
pub struct Assets {
    /// In the order in which their keys came first.
    pub assets: Vec<Asset>,
    /// Lines that are no asset (cut off by a crash, edited): they are passed over.
    pub unreadable_lines: usize,
}

/// The assets of the store in `dir`; none where there is no log.
pub fn read_assets(dir: &Path) -> Result<Assets, StoreError> {
    let mut assets: Vec<Asset> = Vec::new();
    let mut places = HashMap::new();
    let unreadable_lines = read_lines(dir, LOG, |asset: Asset| {
        match places
            .get(&asset.key)
            .and_then(|&at: &usize| assets.get_mut(at))
        {
            Some(place) => *place = asset,
            None => {
                places.insert(asset.key.clone(), assets.len());
                assets.push(asset);
            }
        }
    })?;
    Ok(Assets {
        assets,
        unreadable_lines,
    })
}

/// Adds assets to the log of the store in `dir`, which must be there. When it returns they are on the disk.
pub fn add_assets(dir: &Path, assets: &[Asset]) -> Result<(), StoreError> {
    match assets {
        [] => Ok(()),
        assets => add_lines(dir, LOG, assets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use showroom_catalog::{AssetKind, PhotoId, Recipe};
    use std::fs;

    fn asset(key: &str, file: &str) -> Asset {
        Asset {
            key: key.into(),
            kind: AssetKind::Cutout,
            file: file.into(),
            photo: PhotoId([1; 32]),
            uri: "/photo.jpg".into(),
            sku: None,
            recipe: Recipe {
                model: Some("u2net@8d10d2f3".into()),
                parameters: [("format".to_string(), "png".to_string())].into(),
            },
            width: 3,
            height: 2,
            bytes: 99,
            confidence: Some(0.75),
            flags: vec!["cut_by_frame".into()],
            made_at_ms: 1,
        }
    }

    #[test]
    fn the_last_line_about_a_key_counts_and_a_broken_one_costs_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read_assets(dir.path()).unwrap().assets.is_empty());
        add_assets(dir.path(), &[asset("a", "1.png"), asset("b", "2.png")]).unwrap();
        let log = dir.path().join(LOG);
        let mut text = fs::read(&log).unwrap();
        text.extend(b"{\"key\":\"c");
        fs::write(&log, text).unwrap();
        add_assets(dir.path(), &[]).unwrap();
        add_assets(dir.path(), &[asset("a", "3.png")]).unwrap();
        let found = read_assets(dir.path()).unwrap();
        assert_eq!(found.assets, [asset("a", "3.png"), asset("b", "2.png")]);
        assert_eq!(found.unreadable_lines, 1);
    }
}
