//! `showroom index stats | build | compact | verify`.

use showroom_catalog::seams::{Catalogue, Stats};

use crate::args::Index;
use crate::config::Config;
use crate::exit::Failure;
use crate::table::{counted, human_bytes, print, print_json, table};
use crate::wire;

pub fn run(config: &Config, verb: &Index) -> Result<(), Failure> {
    wire::runtime()?.block_on(async {
        match verb {
            Index::Stats => show(config, &wire::open(config).await?.stats().await?),
            Index::Build => {
                let catalogue = wire::open_for_write(config).await?;
                show(config, &catalogue.build_index().await?)
            }
            Index::Compact => {
                let catalogue = wire::open_for_write(config).await?;
                show(config, &catalogue.compact().await?)
            }
            Index::Verify => verify(config, &wire::open(config).await?).await,
        }
    })
}

fn show(config: &Config, stats: &Stats) -> Result<(), Failure> {
    if config.json {
        return print_json(stats);
    }
    let mut rows = table(&["", ""]);
    rows.add_row(["photos", &stats.photos.to_string()]);
    rows.add_row(["with a category", &stats.categorised.to_string()]);
    rows.add_row(["rejects", &stats.rejects.to_string()]);
    rows.add_row(["on disk", &human_bytes(stats.bytes_on_disk)]);
    rows.add_row(["fragments", &stats.fragments.to_string()]);
    rows.add_row(["version", &stats.table_version.to_string()]);
    rows.add_row(["encoder", &stats.manifest.encoder]);
    if stats.indices.is_empty() {
        rows.add_row(["indices", "none: every search compares with every photo"]);
    }
    for index in &stats.indices {
        let recall = index
            .recall_at_10
            .map_or(String::new(), |recall| format!(", recall@10 {recall:.3}"));
        let value = format!(
            "{}{recall}, {} rows not in it yet",
            index.kind, index.unindexed_rows
        );
        rows.add_row([format!("index on {}", index.column), value]);
    }
    print(rows)
}

async fn verify(config: &Config, catalogue: &dyn Catalogue) -> Result<(), Failure> {
    let wrong = catalogue.verify().await?;
    let photos = catalogue.stats().await?.photos;
    if config.json {
        print_json(&serde_json::json!({ "photos": photos, "wrong": wrong }))?;
    } else if wrong.is_empty() {
        print(format!("{}, all sound", counted(photos as u64, "photo")))?;
    } else {
        wrong.iter().try_for_each(print)?;
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::Store(
        showroom_catalog::seams::StoreError::Damaged {
            at: config.store.display().to_string(),
            reason: format!(
                "{} found; ingest the photos again",
                counted(wrong.len() as u64, "fault")
            ),
        },
    ))
}
