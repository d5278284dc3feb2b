//! `showroom export`: the catalogue for other systems.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use showroom_catalog::Filter;
use showroom_catalog::seams::Catalogue;
use showroom_pipeline::SHOPIFY;
use showroom_store::{
    ExportError, Exported, export_csv, export_google, export_jsonl, export_parquet, export_shopify,
};

use crate::args::{Export, ExportFormat};
use crate::config::Config;
use crate::exit::Failure;
use crate::table::counted;
use crate::whole::write_whole;
use crate::wire;

pub fn run(config: &Config, verb: &Export) -> Result<(), Failure> {
    let filter: Option<Filter> = verb.filter.as_deref().map(str::parse).transpose()?;
    let runtime = wire::runtime()?;
    let catalogue = runtime.block_on(wire::open(config))?;
    let path = verb.output.as_path();
    let export = |out: &mut (dyn Write + Send)| {
        let written = runtime.block_on(write(&catalogue, verb.format, filter, out));
        written.map_err(|error| match error {
            ExportError::Store(error) => error.into(),
            ExportError::Output(error) => Failure::write(path, &error),
        })
    };
    let written = if path == Path::new("-") {
        export(&mut BufWriter::new(io::stdout()))?
    } else {
        write_whole(path, export)?
    };
    config.say(written);
    Ok(())
}

/// What was written, in words.
async fn write(
    catalogue: &dyn Catalogue,
    format: ExportFormat,
    filter: Option<Filter>,
    out: &mut (dyn Write + Send),
) -> Result<String, ExportError> {
    let photos = |written: usize| format!("{} exported", counted(written as u64, "photo"));
    Ok(match format {
        ExportFormat::Jsonl => photos(export_jsonl(catalogue, filter, out).await?),
        ExportFormat::Csv => photos(export_csv(catalogue, filter, out).await?),
        ExportFormat::Parquet => photos(export_parquet(catalogue, filter, out).await?),
        ExportFormat::Shopify => products(export_shopify(catalogue, filter, &SHOPIFY, out).await?),
        ExportFormat::Google => products(export_google(catalogue, filter, out).await?),
    })
}

fn products(exported: Exported) -> String {
    let mut text = format!(
        "{} with {} exported",
        counted(exported.products as u64, "product"),
        counted(exported.photos as u64, "photo")
    );
    if exported.without_sku > 0 {
        let left_out = counted(exported.without_sku as u64, "photo");
        text += &format!("; {left_out} without a SKU left out");
    }
    text
}
