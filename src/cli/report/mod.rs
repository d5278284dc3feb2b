//! `showroom report`: the catalogue as one HTML page that can be mailed, opened anywhere and printed.
//!
//! `gather` reads the catalogue into a [`page::Page`], `thumbnail` puts the pictures in, `render`
//! makes the text. Only `gather` and `thumbnail` do I/O.

mod card;
mod choose;
mod date;
mod escape;
mod facets;
mod flags;
mod gather;
mod page;
mod render;
mod thumbnail;

use showroom_store::LanceCatalogue;

use crate::args::Report;
use crate::config::Config;
use crate::exit::Failure;
use crate::table::{counted, human_bytes, print, print_json};
use crate::whole::write_whole;
use crate::wire;

/// `report --json`.
#[derive(serde::Serialize)]
struct Made<'a> {
    file: &'a str,
    bytes: usize,
    photos: usize,
    searches: usize,
    rejects: usize,
}

pub fn run(config: &Config, verb: &Report) -> Result<(), Failure> {
    let runtime = wire::runtime()?;
    let mut page = runtime.block_on(async {
        let catalogue: LanceCatalogue = wire::open(config).await?;
        gather::gather(config, verb, &catalogue).await
    })?;
    // The file is made before the work, so that a folder that cannot be written to is said at once.
    let bytes = write_whole(&verb.output, |out| {
        thumbnail::fill(&mut page, config.threads);
        let html = render::render(&page);
        out.write_all(html.as_bytes())
            .map_err(|error| Failure::write(&verb.output, &error))?;
        Ok(html.len())
    })?;
    let path = verb.output.display().to_string();
    if config.json {
        return print_json(&Made {
            file: &path,
            bytes,
            photos: page.cards.len(),
            searches: page.searches.len(),
            rejects: page.rejects.len(),
        });
    }
    config.say(format!(
        "{} of {}, {}",
        counted(page.cards.len() as u64, "photo"),
        page.photos,
        human_bytes(bytes as u64)
    ));
    print(path)
}
