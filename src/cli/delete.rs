//! `showroom delete`: photos leave the catalogue.

use std::collections::BTreeSet;

use serde::Serialize;
use showroom_catalog::seams::{Catalogue, Columns};
use showroom_catalog::{Filter, Record};

use crate::args::Delete;
use crate::config::Config;
use crate::exit::Failure;
use crate::table::{counted, plain, print, print_json};
use crate::wire;

/// `delete --json`.
#[derive(Serialize)]
struct Answer<'a> {
    /// Photos that went, or would go.
    deleted: usize,
    uris: &'a BTreeSet<String>,
    dry_run: bool,
}

pub fn run(config: &Config, verb: &Delete) -> Result<(), Failure> {
    let filter: Option<Filter> = verb.filter.as_deref().map(str::parse).transpose()?;
    let runtime = wire::runtime()?;
    let (uris, deleted) = runtime.block_on(async {
        let catalogue = wire::open_for_write(config).await?;
        let mut uris = BTreeSet::new();
        for key in &verb.keys {
            uris.extend(uris_of(&catalogue, key).await?);
        }
        if let Some(filter) = filter {
            let mut each = |records: Vec<Record>| {
                uris.extend(records.into_iter().map(|record| record.source.uri));
                true
            };
            catalogue
                .scan(Some(filter), Columns::Tags, &mut each)
                .await?;
        }
        if verb.dry_run {
            let many = uris.len();
            return Ok::<_, Failure>((uris, many));
        }
        let list: Vec<String> = uris.iter().cloned().collect();
        let deleted = catalogue.delete(&list).await?;
        Ok((uris, deleted))
    })?;
    if config.json {
        return print_json(&Answer {
            deleted,
            uris: &uris,
            dry_run: verb.dry_run,
        });
    }
    if verb.dry_run {
        for uri in &uris {
            print(plain(uri))?;
        }
    }
    let would = if verb.dry_run { " would be" } else { "" };
    print(format!(
        "{}{would} deleted",
        counted(deleted as u64, "photo")
    ))
}

/// The photos that a key names; a reject where it is the URI of one. A key that names nothing deletes
/// nothing, of any key.
async fn uris_of(catalogue: &dyn Catalogue, key: &str) -> Result<Vec<String>, Failure> {
    let found = catalogue.get(key, Columns::Tags).await?;
    let exact = |record: &&Record| {
        let source = &record.source;
        source.uri == key || source.sku.as_deref() == Some(key) || record.id.to_string() == key
    };
    let uris = |records: Vec<&Record>| records.iter().map(|r| r.source.uri.clone()).collect();
    let exactly: Vec<&Record> = found.iter().filter(exact).collect();
    if !exactly.is_empty() {
        return Ok(uris(exactly));
    }
    let ids: BTreeSet<_> = found.iter().map(|record| record.id).collect();
    match ids.len() {
        0 => {}
        1 => return Ok(uris(found.iter().collect())),
        many => {
            return Err(Failure::BadInput(format!(
                "{key} is the beginning of {many} ids; give more of its digits"
            )));
        }
    }
    let rejects = catalogue.rejects().await?;
    if rejects.iter().any(|reject| reject.source.uri == key) {
        return Ok(vec![key.to_string()]);
    }
    Err(Failure::BadInput(format!(
        "no photo in the catalogue has the SKU, id or URI {key:?}; nothing was deleted; \
         `showroom export` lists them"
    )))
}
