//! `showroom rejects`: the photos that could not be used, and why.

use serde::Serialize;
use showroom_catalog::Reject;
use showroom_catalog::seams::Catalogue;

use crate::config::Config;
use crate::exit::Failure;
use crate::table::{counted, plain, print, print_json, table};
use crate::wire;

/// One line of `rejects --json`.
#[derive(Serialize)]
struct Line<'a> {
    uri: &'a str,
    stage: &'a str,
    code: &'a str,
    reason: &'a str,
    rejected_at_ms: i64,
}

impl<'a> From<&'a Reject> for Line<'a> {
    fn from(reject: &'a Reject) -> Self {
        Line {
            uri: &reject.source.uri,
            stage: reject.stage.name(),
            code: &reject.code,
            reason: &reject.reason,
            rejected_at_ms: reject.rejected_at_ms,
        }
    }
}

pub fn run(config: &Config) -> Result<(), Failure> {
    let rejects = wire::runtime()?
        .block_on(async { Ok::<_, Failure>(wire::open(config).await?.rejects().await?) })?;
    if config.json {
        return rejects
            .iter()
            .try_for_each(|reject| print_json(&Line::from(reject)));
    }
    if rejects.is_empty() {
        config.say("no rejects");
        return Ok(());
    }
    let mut rows = table(&["STAGE", "CODE", "PHOTO", "REASON"]);
    for reject in &rejects {
        rows.add_row([
            reject.stage.name(),
            &reject.code,
            &plain(&reject.source.uri),
            &plain(&reject.reason),
        ]);
    }
    print(rows)?;
    config.say(counted(rejects.len() as u64, "reject"));
    Ok(())
}
