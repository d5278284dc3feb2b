//! `showroom export`: the catalogue as one JSON object a photo.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use showroom_catalog::Filter;
use showroom_store::{ExportError, export_jsonl};

use crate::args::{Export, ExportFormat};
use crate::config::Config;
use crate::exit::Failure;
use crate::table::counted;
use crate::whole::write_whole;
use crate::wire;

pub fn run(config: &Config, verb: &Export) -> Result<(), Failure> {
    let filter: Option<Filter> = verb.filter.as_deref().map(str::parse).transpose()?;
    let ExportFormat::Jsonl = verb.format;
    let runtime = wire::runtime()?;
    let catalogue = runtime.block_on(wire::open(config))?;
    let path = verb.output.as_path();
    let export = |out: &mut (dyn Write + Send)| {
        runtime
            .block_on(export_jsonl(&catalogue, filter, out))
            .map_err(|error| match error {
                ExportError::Store(error) => error.into(),
                ExportError::Output(error) => Failure::write(path, &error),
            })
    };
    let written = if path == Path::new("-") {
        export(&mut BufWriter::new(io::stdout()))?
    } else {
        write_whole(path, export)?
    };
    config.say(format!("{} exported", counted(written as u64, "photo")));
    Ok(())
}
