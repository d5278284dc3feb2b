//! Files of a model hub over HTTP: `ENDPOINT/REPO/resolve/REVISION/FILE`, as the Hugging Face hub and its
//! mirrors serve them.

use std::io::Read;
use std::time::Duration;

use super::clients::Fault;

/// How many redirects are followed (hubs redirect to their storage, once or twice).
const MAX_REDIRECTS: u32 = 5;
/// The longest time without a connection or the head of an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Asks for a file and gives its bytes to `each`. `bytes` is its size by the manifest: an answer that
/// announces another size is refused before it is read.
pub(super) fn fetch<T>(
    endpoint: &str,
    (repository, revision, file): (&str, &str, &str),
    token: Option<&str>,
    bytes: u64,
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
        && announced != bytes
    {
        return Err(Fault::lasting(format!(
            "{url} has {announced} bytes where the manifest says {bytes}"
        )));
    }
    // One byte more than is right, so that an oversize body shows.
    let mut reader = body.with_config().limit(bytes + 1).reader();
    each(&mut reader)
}

fn fault(url: &str, error: ureq::Error) -> Fault {
    match error {
        ureq::Error::StatusCode(status @ (401 | 403)) => Fault::lasting(format!(
            "{url} answered {status}: the hub wants a token, or the token has no right to the model"
        )),
        ureq::Error::StatusCode(404) => Fault::lasting(format!("{url} answered 404: no such file")),
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
