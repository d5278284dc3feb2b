//! Names → addresses, every one of them checked; the connection goes to one that was checked.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use showroom_catalog::seams::FetchError;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::policy::WebPolicy;

/// Looks up the addresses of a host.
pub trait Lookup: Send + Sync {
    fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<IpAddr>>;
}

/// The operating system's resolver.
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<IpAddr>> {
        Ok((host, port)
            .to_socket_addrs()?
            .map(|address| address.ip())
            .collect())
    }
}

/// What `ureq` asks for the addresses of a host, once for each connection: it connects to what this
/// returns and asks nobody else, so that a name that means something else a moment later changes nothing.
pub struct Guarded {
    pub policy: Arc<WebPolicy>,
    pub lookup: Arc<dyn Lookup>,
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").finish_non_exhaustive()
    }
}

/// Carries a refusal through `ureq`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        _config: &ureq::config::Config,
        _timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let (Some(host), Some(scheme)) = (uri.host(), uri.scheme_str()) else {
            return Err(ureq::Error::HostNotFound);
        };
        let default = if scheme == "https" { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(default);
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let addresses = match bare.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self.ask(host, port)?,
        };
        let name = host.trim_end_matches('.');
        // One bad address among good ones is a trap, not a web server.
        for address in &addresses {
            self.policy
                .check_address(name, port, *address)
                .map_err(refusal)?;
        }
        let mut checked = self.empty();
        for address in addresses.into_iter().take(MOST_ADDRESSES) {
            checked.push(SocketAddr::new(address, port));
        }
        match checked.is_empty() {
            true => Err(ureq::Error::HostNotFound),
            false => Ok(checked),
        }
    }
}

/// How many `ureq` takes.
const MOST_ADDRESSES: usize = 16;

impl Guarded {
    /// On a thread of its own, as the system's resolver knows no time limit.
    fn ask(&self, host: &str, port: u16) -> Result<Vec<IpAddr>, ureq::Error> {
        let (answer, answered) = mpsc::sync_channel(1);
        let (lookup, host) = (self.lookup.clone(), host.to_string());
        std::thread::Builder::new()
            .name("showroom-lookup".into())
            .spawn(move || {
                // Nobody waits any more where this fails.
                let _ = answer.send(lookup.lookup(&host, port));
            })?;
        match answered.recv_timeout(self.policy.connect_timeout.max(Duration::from_millis(1))) {
            Ok(Ok(addresses)) => Ok(addresses),
            Ok(Err(_)) => Err(ureq::Error::HostNotFound),
            Err(_) => Err(ureq::Error::Timeout(ureq::Timeout::Resolve)),
        }
    }
}

fn refusal(error: FetchError) -> ureq::Error {
    ureq::Error::Other(Box::new(Refusal(error.to_string())))
}
