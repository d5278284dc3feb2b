//! `dedup dismiss`, `dedup restore`, `dedup --dismiss FILE`.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use showroom_catalog::PairKey;
use showroom_catalog::Record;
use showroom_catalog::seams::{Catalogue, Columns};
use showroom_store::{Dismissal, add_dismissals};

use super::csv;
use crate::config::Config;
use crate::exit::Failure;
use crate::table::{counted, print, print_json};
use crate::wire;

/// Largest file of pairs that is read, in bytes.
const MAX_FILE: u64 = 256 << 20;

/// Dismisses one pair, or takes that back.
pub fn one(config: &Config, a: &str, b: &str, dismissed: bool) -> Result<(), Failure> {
    let done = wire::runtime()?.block_on(async {
        let catalogue = wire::open(config).await?;
        let (a, b) = (photo(&catalogue, a).await?, photo(&catalogue, b).await?);
        dismissal(&a, &b, dismissed)
    })?;
    add_dismissals(&config.store, &[done])?;
    say(config, 1, 0, dismissed)
}

/// Dismisses the pairs of a file. Lines about photos that are not in the catalogue are passed over
/// and counted.
pub fn file(config: &Config, path: &Path) -> Result<(), Failure> {
    let bad = |reason: String| Failure::BadInput(format!("{}: {reason}", path.display()));
    let mut text = String::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE + 1).read_to_string(&mut text))
        .map_err(|error| bad(error.to_string()))?;
    if text.len() as u64 > MAX_FILE {
        return Err(bad(format!("it is larger than {MAX_FILE} bytes; split it")));
    }
    let pairs = csv::read_pairs(&text).map_err(bad)?;
    let (mut found, mut missing) = (Vec::new(), 0);
    wire::runtime()?.block_on(async {
        let catalogue = wire::open(config).await?;
        for (a, b) in &pairs {
            match (photo(&catalogue, a).await, photo(&catalogue, b).await) {
                (Ok(a), Ok(b)) => found.push(dismissal(&a, &b, true)?),
                (Err(Failure::BadInput(reason)), _) | (_, Err(Failure::BadInput(reason))) => {
                    config.say(reason);
                    missing += 1;
                }
                (Err(failure), _) | (_, Err(failure)) => return Err(failure),
            }
        }
        Ok(())
    })?;
    add_dismissals(&config.store, &found)?;
    say(config, found.len() as u64, missing, true)
}

fn say(config: &Config, pairs: u64, missing: u64, dismissed: bool) -> Result<(), Failure> {
    let word = if dismissed { "dismissed" } else { "restored" };
    if config.json {
        return print_json(&serde_json::json!({ word: pairs, "passed_over": missing }));
    }
    let mut text = format!("{} {word}", counted(pairs, "pair"));
    if missing > 0 {
        text += &format!(", {missing} passed over");
    }
    print(text)
}

/// The one photo with this key. A path is also tried as an absolute one.
async fn photo(catalogue: &dyn Catalogue, key: &str) -> Result<Record, Failure> {
    let mut found = catalogue.get(key, Columns::Tags).await?;
    if found.is_empty()
        && let Ok(path) = fs::canonicalize(key)
        && let Some(path) = path.to_str()
    {
        found = catalogue.get(path, Columns::Tags).await?;
    }
    match found.len() {
        0 => Err(Failure::BadInput(format!(
            "{key} is not in the catalogue; give a URI, an id or a SKU of it"
        ))),
        1 => Ok(found.swap_remove(0)),
        // The URI names one, also where it is the beginning of something else.
        _ if found.iter().any(|record| record.source.uri == key) => {
            found.retain(|record| record.source.uri == key);
            Ok(found.swap_remove(0))
        }
        count => Err(Failure::BadInput(format!(
            "{key} names {count} photos; give the URI of one, such as {}",
            found[0].source.uri
        ))),
    }
}

fn dismissal(a: &Record, b: &Record, dismissed: bool) -> Result<Dismissal, Failure> {
    if a.source.uri == b.source.uri {
        return Err(Failure::BadInput(format!(
            "{} is one photo; a pair needs two",
            a.source.uri
        )));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(Dismissal {
        at_ms: now.map_or(0, |since| since.as_millis() as i64),
        dismissed,
        pair: PairKey::new((a.id, &a.source.uri), (b.id, &b.source.uri)),
        a: a.source.uri.clone(),
        b: b.source.uri.clone(),
    })
}
