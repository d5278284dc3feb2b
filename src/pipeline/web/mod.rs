//! Photos at web addresses, and webhooks, without becoming anybody's way into the network that we run in.
//!
//! Who names an address may be a stranger, and the address may lead to this machine, to its network or to
//! a cloud's metadata. So for every hop: the address is brought into its one spelling and its form checked
//! ([`WebPolicy::check`]), the name is looked up once, **every** address that it stands for is checked, and
//! the connection goes to one of those. Redirects are followed by hand and each is a new hop.
//!
//! **Architecture invariant**: no proxy and no name server but the system's is asked, and nothing of the
//! environment is read.

mod address;
mod lookup;
mod policy;

use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use showroom_catalog::seams::{BoxFuture, Deliver, Fetch, FetchError};
use ureq::http::header::{CONTENT_LENGTH, LOCATION};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body, http};
use url::Url;

use lookup::{Guarded, Refusal};
pub use lookup::{Lookup, SystemLookup};
pub use policy::{BadHost, HostPattern, WebPolicy};

/// Idle connections that are kept for the next photo of the same host.
const IDLE_CONNECTIONS: usize = 16;
/// Headers of an answer.
const MAX_HEADER_BYTES: usize = 64 << 10;

/// Fetches web addresses within a [`WebPolicy`]. Cheap to clone.
#[derive(Clone)]
pub struct Web {
    agent: Agent,
    policy: Arc<WebPolicy>,
}

impl Web {
    pub fn new(policy: WebPolicy) -> Web {
        Web::with_lookup(policy, Arc::new(SystemLookup))
    }

    /// With another way to look up names: what a test says they stand for.
    pub fn with_lookup(policy: WebPolicy, lookup: Arc<dyn Lookup>) -> Web {
        let policy = Arc::new(policy);
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .user_agent(concat!("showroom/", env!("CARGO_PKG_VERSION")))
            .accept("image/*, */*;q=0.1")
            .timeout_connect(Some(policy.connect_timeout))
            .max_response_header_size(MAX_HEADER_BYTES)
            .max_idle_connections(IDLE_CONNECTIONS)
            .max_idle_connections_per_host(IDLE_CONNECTIONS)
            .build();
        let resolver = Guarded {
            policy: policy.clone(),
            lookup,
        };
        Web {
            agent: Agent::with_parts(config, DefaultConnector::new(), resolver),
            policy,
        }
    }

    /// The address in its one spelling, if it may be fetched at all; nothing is looked up.
    pub fn spell(&self, address: &str) -> Result<String, FetchError> {
        Ok(self.policy.check(address)?.into())
    }

    /// Fetches; blocks for up to [`WebPolicy::timeout`].
    pub fn get(&self, address: &str, max_bytes: u64) -> Result<Vec<u8>, FetchError> {
        let deadline = Instant::now() + self.policy.timeout;
        let mut url = self.policy.check(address)?;
        for _ in 0..=self.policy.max_redirects {
            let answer = self
                .agent
                .get(url.as_str())
                .config()
                .timeout_global(Some(left(deadline, address)?))
                .build()
                .call()
                .map_err(|error| failed(address, error))?;
            match redirect(&url, &answer, address)? {
                Some(next) => url = self.policy.check(&next)?,
                None => return read(address, answer, max_bytes),
            }
        }
        let most = self.policy.max_redirects;
        Err(FetchError::Failed(format!(
            "{address} redirects more than {most} times"
        )))
    }

    /// Posts; blocks for up to [`WebPolicy::timeout`].
    pub fn post(
        &self,
        address: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Result<u16, FetchError> {
        let url = self.policy.check(address)?;
        let mut request = self.agent.post(url.as_str());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request
            .config()
            .timeout_global(Some(self.policy.timeout))
            .build()
            .send(body)
            .map_err(|error| failed(address, error))?;
        Ok(answer.status().as_u16())
    }
}

impl Fetch for Web {
    fn fetch<'a>(
        &'a self,
        address: &'a str,
        max_bytes: u64,
    ) -> BoxFuture<'a, Result<Vec<u8>, FetchError>> {
        let (web, named) = (self.clone(), address.to_string());
        aside(address, move || web.get(&named, max_bytes))
    }
}

impl Deliver for Web {
    fn check(&self, address: &str) -> Result<(), FetchError> {
        self.policy.check(address).map(drop)
    }

    fn deliver<'a>(
        &'a self,
        address: &'a str,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    ) -> BoxFuture<'a, Result<u16, FetchError>> {
        let (web, named) = (self.clone(), address.to_string());
        aside(address, move || web.post(&named, &headers, &body))
    }
}

/// Blocking work on a thread for such.
fn aside<'a, T: Send + 'static>(
    address: &'a str,
    work: impl FnOnce() -> Result<T, FetchError> + Send + 'static,
) -> BoxFuture<'a, Result<T, FetchError>> {
    Box::pin(async move {
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
            Err(FetchError::Failed(format!(
                "fetching {address} broke off; try again"
            )))
        })
    })
}

fn left(deadline: Instant, address: &str) -> Result<Duration, FetchError> {
    deadline
        .checked_duration_since(Instant::now())
        .filter(|left| !left.is_zero())
        .ok_or_else(|| FetchError::Failed(format!("{address} took too long; try again later")))
}

/// Where an answer sends us, if it does.
fn redirect(
    url: &Url,
    answer: &http::Response<Body>,
    address: &str,
) -> Result<Option<String>, FetchError> {
    if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let bad = || FetchError::Failed(format!("{address} redirects to nowhere"));
    let location = answer.headers().get(LOCATION).ok_or_else(bad)?;
    let location = location.to_str().map_err(|_| bad())?;
    let next = url.join(location).map_err(|_| bad())?;
    if url.scheme() == "https" && next.scheme() == "http" {
        return Err(FetchError::Refused(format!(
            "{address} redirects from https to http, which is not followed"
        )));
    }
    Ok(Some(next.into()))
}

fn read(
    address: &str,
    answer: http::Response<Body>,
    max_bytes: u64,
) -> Result<Vec<u8>, FetchError> {
    match answer.status().as_u16() {
        200 => {}
        404 | 410 => return Err(FetchError::NotFound(address.to_string())),
        status => {
            return Err(FetchError::Failed(format!(
                "{address} answered with status {status}"
            )));
        }
    }
    let too_large = || FetchError::TooLarge {
        address: address.to_string(),
        limit: max_bytes,
    };
    let told = answer
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if told.is_some_and(|length| length > max_bytes) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    answer
        .into_body()
        .into_reader()
        .take(max_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| failed(address, error.into()))?;
    match bytes.len() as u64 > max_bytes {
        true => Err(too_large()),
        false => Ok(bytes),
    }
}

/// What went wrong, without telling more of the network than that.
fn failed(address: &str, error: ureq::Error) -> FetchError {
    let why = match error {
        ureq::Error::Other(inner) => match inner.downcast::<Refusal>() {
            Ok(refusal) => return FetchError::Refused(refusal.0),
            Err(_) => "it failed",
        },
        ureq::Error::HostNotFound => "its host has no address",
        ureq::Error::Timeout(_) => "it took too long; try again later",
        ureq::Error::Io(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => "its host refuses the connection",
            io::ErrorKind::TimedOut => "it took too long; try again later",
            io::ErrorKind::UnexpectedEof => "its answer ends too early; try again",
            _ => "the connection broke; try again",
        },
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => "its certificate is not to be trusted",
        ureq::Error::Http(_) | ureq::Error::BadUri(_) => "it is no web address",
        _ => "its host does not speak HTTP as it should",
    };
    FetchError::Failed(format!("{address} cannot be fetched: {why}"))
}
