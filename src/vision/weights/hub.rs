//! Files of a model hub over HTTP: `ENDPOINT/REPO/resolve/REVISION/FILE`, as the Hugging Face hub and its
//! mirrors serve them.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use super::clients::Fault;
use super::error::WeightsError;
use super::manifest::FileSource;
use super::pull::PullOptions;
use super::tensors::MAX_FILE_BYTES;

/// How many redirects are followed (hubs redirect to their storage, once or twice).
const MAX_REDIRECTS: u32 = 5;
const NO_SUCH_FILE: &str = "answered 404: no such file";
/// The longest time without a connection or the head of an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Fetches files of a repository that no manifest names yet, so that their sizes and hashes become known:
/// all of `needed`, and of `optional` those that are there. They lie in `into` afterwards.
pub fn fetch_repository(
    options: &PullOptions,
    (repository, revision): (&str, &str),
    needed: &[&str],
    optional: &[&str],
    into: &Path,
) -> Result<(), WeightsError> {
    let all = needed.iter().map(|file| (*file, true));
    for (file, is_needed) in all.chain(optional.iter().map(|file| (*file, false))) {
        let source = FileSource::Hub {
            hub: repository.to_string(),
            revision: revision.to_string(),
            file: file.to_string(),
        };
        let failed = |reasons: String| WeightsError::NoSource {
            model: repository.to_string(),
            file: file.to_string(),
            reasons,
        };
        source.check_names().map_err(failed)?;
        let fetched = fetch(
            &options.hub_endpoint,
            (repository, revision, file),
            options.hub_token.as_deref(),
            None,
            options.timeout,
            |body| {
                let copied = File::create(into.join(file))
                    .and_then(|mut out| std::io::copy(body, &mut out))
                    .map_err(|error| Fault::passing(format!("cannot take its bytes: {error}")))?;
                match copied {
                    0..=MAX_FILE_BYTES => Ok(()),
                    _ => Err(Fault::lasting("it is larger than any model file")),
                }
            },
        );
        match fetched {
            Err(fault) if is_needed || !fault.reason.contains(NO_SUCH_FILE) => {
                return Err(failed(fault.reason));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Asks for a file and gives its bytes to `each`. `bytes` is its size by the manifest, where there is
/// one: an answer that announces another size is refused before it is read.
pub(super) fn fetch<T>(
    endpoint: &str,
    (repository, revision, file): (&str, &str, &str),
    token: Option<&str>,
    bytes: Option<u64>,
    timeout: Duration,
    each: impl FnOnce(&mut dyn Read) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .max_redirects(MAX_REDIRECTS)
        .timeout_connect(Some(ANSWER_TIMEOUT))
        .timeout_recv_response(Some(ANSWER_TIMEOUT))
        .timeout_global(Some(timeout))
        .build()
        .into();
    let file = file.replace(' ', "%20");
    let url = format!(
        "{}/{repository}/resolve/{revision}/{file}",
        endpoint.trim_end_matches('/')
    );
    // As it is: a compressed transfer would hide the size.
    let mut request = agent.get(&url).header("accept-encoding", "identity");
    if let Some(token) = token {
        // Sent to the endpoint only: ureq drops it where a redirect leads elsewhere.
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = request.call().map_err(|e| fault(&url, e))?;
    let mut body = response.into_body();
    if let Some(announced) = body.content_length()
        && let Some(bytes) = bytes
        && announced != bytes
    {
        return Err(Fault::lasting(format!(
            "{url} has {announced} bytes where the manifest says {bytes}"
        )));
    }
    // One byte more than is right, so that an oversize body shows.
    let most = bytes.unwrap_or(MAX_FILE_BYTES);
    let mut reader = body.with_config().limit(most + 1).reader();
    each(&mut reader)
}

fn fault(url: &str, error: ureq::Error) -> Fault {
    match error {
        ureq::Error::StatusCode(status @ (401 | 403)) => Fault::lasting(format!(
            "{url} answered {status}: the hub wants a token, or the token has no right to the model"
        )),
        ureq::Error::StatusCode(404) => Fault::lasting(format!("{url} {NO_SUCH_FILE}")),
        ureq::Error::StatusCode(status) => {
            let retry = status == 429 || status >= 500;
            Fault {
                reason: format!("{url} answered {status}"),
                retry,
            }
        }
        ureq::Error::TooManyRedirects => {
            Fault::lasting(format!("{url} redirects more than {MAX_REDIRECTS} times"))
        }
        other => Fault::passing(format!("{url}: {other}")),
    }
}
