//! `showroom rendition`: the pictures of a page.

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use showroom_catalog::Asset;
use showroom_catalog::seams::Maker;
use showroom_pipeline::AssetEvent;
use showroom_pixels::Limits;
use showroom_studio::rendition::{
    Placeholder, RenditionList, RenditionMaker, Shown, Told, Wanted, picture,
};

use super::rendition_sink::{RenditionSink, picture_files};
use super::{ended, make, said};
use crate::args::studio::Rendition;
use crate::config::Config;
use crate::exit::Failure;
use crate::table::{counted, human_bytes, plain, print, print_json, table};
use crate::whole::write_whole;

/// Photos that are shown to people.
const SHOWN: usize = 50;

/// A photo and its pictures: `rendition --json` prints one a line.
#[derive(Serialize)]
struct Made {
    uri: String,
    photo: String,
    sku: Option<String>,
    pictures: Vec<Named>,
    placeholder: String,
    colour: String,
    /// Name of the file with the `<picture>` element.
    html: String,
}

#[derive(Serialize)]
struct Named {
    file: String,
    #[serde(flatten)]
    told: Told,
}

pub fn run(config: &Config, verb: &Rendition) -> Result<(), Failure> {
    let maker = || {
        Box::new(RenditionMaker {
            wanted: Wanted {
                widths: verb.widths.clone(),
                formats: verb.formats.iter().map(|format| (*format).into()).collect(),
                target: verb.target,
            },
            limits: Limits::default(),
        }) as Box<dyn Maker>
    };
    let makers = (0..config.threads).map(|_| maker()).collect();
    let sink = RenditionSink::new(&verb.output)?;
    let (mut all, mut failure) = (Vec::new(), None);
    let summary = make(config, &verb.photos, makers, &sink, &mut |event| {
        let AssetEvent::Done { assets, .. } = event else {
            return;
        };
        let list = assets.iter().find_map(|asset| {
            let list = asset
                .file
                .ends_with(".json")
                .then(|| sink.list(&asset.file))?;
            Some((asset, list?))
        });
        if let Some((asset, list)) = list {
            match snippet(verb, asset, list) {
                Ok(made) => all.push(made),
                Err(error) => failure = failure.take().or(Some(error)),
            }
        }
    })?;
    if let Some(failure) = failure {
        return Err(failure);
    }
    all.sort_by(|a: &Made, b: &Made| a.uri.cmp(&b.uri));
    match config.json {
        true => all.iter().try_for_each(print_json)?,
        false => show(&all)?,
    }
    config.say(said(&summary, "made"));
    ended(&summary, &verb.photos)
}

/// Writes the `<picture>` element of a photo.
fn snippet(verb: &Rendition, asset: &Asset, list: RenditionList) -> Result<Made, Failure> {
    let files = picture_files(&asset.file, &asset.key, &list);
    let addresses: Vec<String> = files
        .iter()
        .map(|file| format!("{}{file}", verb.url_prefix))
        .collect();
    let shown: Vec<Shown> = addresses
        .iter()
        .zip(&list.pictures)
        .map(|(file, one)| Shown {
            file,
            told: &one.told,
        })
        .collect();
    let placeholder = Placeholder {
        data_uri: list.placeholder.clone(),
        colour: list.colour.clone(),
    };
    let stem = asset
        .file
        .rsplit_once(".rendition-")
        .map_or("photo", |(stem, _)| stem);
    let html = picture(&shown, stem, &verb.sizes, &placeholder);
    let name = format!("{stem}.picture.html");
    let path = verb.output.join(&name);
    write_whole(&path, |out: &mut (dyn Write + Send)| {
        out.write_all(html.as_bytes())
            .map_err(|error| Failure::write(&path, &error))
    })?;
    let named = files.into_iter().zip(list.pictures);
    Ok(Made {
        uri: asset.uri.clone(),
        photo: asset.photo.to_string(),
        sku: asset.sku.clone(),
        pictures: named
            .map(|(file, one)| Named {
                file,
                told: one.told,
            })
            .collect(),
        placeholder: list.placeholder,
        colour: list.colour,
        html: name,
    })
}

fn show(all: &[Made]) -> Result<(), Failure> {
    let mut rows = table(&["PHOTO", "FORMAT", "WIDTH", "SIZE", "QUALITY", "DSSIM"]);
    for one in all.iter().take(SHOWN) {
        let name = Path::new(&one.uri).file_name();
        let mut name = plain(&name.map_or(one.uri.as_str().into(), |name| name.to_string_lossy()));
        for Named { told, .. } in &one.pictures {
            let missed = if told.reached {
                ""
            } else {
                " (target not reached)"
            };
            rows.add_row([
                name.as_str(),
                told.format.name(),
                &told.width.to_string(),
                &human_bytes(told.bytes),
                &told.quality.to_string(),
                &format!("{:.4}{missed}", told.dssim),
            ]);
            name.clear();
        }
    }
    print(rows)?;
    if all.len() > SHOWN {
        let more = counted((all.len() - SHOWN) as u64, "photo");
        print(format!("and {more} more: --json has them all"))?;
    }
    Ok(())
}
