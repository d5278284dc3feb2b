//! Photos → small pictures in the page. A photo that cannot be shown gets a few words instead.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use showroom_catalog::product::file_of;
use showroom_pixels::thumbnail::thumbnail_jpeg;
use showroom_pixels::{DecodeOptions, decode_pixels};

use super::page::{Page, Thumbnail};

/// Longest side in pixels: what a card shows on a screen of ordinary density.
const SIDE: u32 = 220;

/// Makes the thumbnail of every card, each photo once, on `threads` threads.
pub fn fill(page: &mut Page, threads: usize) {
    let mut uris: Vec<String> = page
        .cards_mut()
        .map(|card| card.record.source.uri.clone())
        .collect();
    uris.sort();
    uris.dedup();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut made = Vec::new();
        while let Some(uri) = uris.get(next.fetch_add(1, Ordering::Relaxed)) {
            made.push((uri.clone(), thumbnail(Path::new(file_of(uri)))));
        }
        made
    };
    let thumbnails: HashMap<String, Thumbnail> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        // A worker that panicked leaves its photos without a picture, not the page without a reader.
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_default())
            .collect()
    });
    for card in page.cards_mut() {
        if let Some(thumbnail) = thumbnails.get(&card.record.source.uri) {
            card.thumbnail = thumbnail.clone();
        }
    }
}

fn thumbnail(path: &Path) -> Thumbnail {
    match read(path) {
        Ok(base64) => Thumbnail::Jpeg(base64.into()),
        Err(reason) => Thumbnail::None(reason.into()),
    }
}

fn read(path: &Path) -> Result<String, &'static str> {
    let options = DecodeOptions {
        min_side: SIDE,
        ..DecodeOptions::default()
    };
    let max_bytes = options.limits.max_bytes;
    // A pipe of that name would never end.
    let is_file = path.metadata().is_ok_and(|file| file.is_file());
    if !is_file {
        return Err("the file is gone");
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|_| "the file cannot be read")?;
    file.take(max_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(|_| "the file cannot be read")?;
    let pixels = decode_pixels(&bytes, &options).map_err(|_| "the file cannot be shown")?;
    let jpeg = thumbnail_jpeg(&pixels, SIDE).map_err(|_| "the file cannot be shown")?;
    Ok(BASE64_STANDARD.encode(jpeg))
}
