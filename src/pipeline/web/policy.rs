//! What may be fetched: schemes, hosts, ports, bounds.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use showroom_catalog::seams::FetchError;
use url::{Host, Url};

use super::address::{Reach, reach};

/// Ports of web servers; any other must be named with its host.
const PORTS: [u16; 4] = [80, 443, 8080, 8443];
/// Endings of names that never leave this machine or its network, and names of cloud metadata.
const OWN_NAMES: [&str; 9] = [
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "lan",
    "home",
    "corp",
    "home.arpa",
];
/// Longest address that is looked at.
const MAX_ADDRESS: usize = 4096;

/// Which addresses may be fetched, and what it may cost.
#[derive(Clone, Debug)]
pub struct WebPolicy {
    /// Hosts that may be fetched from; any public one where there are none.
    pub hosts: Vec<HostPattern>,
    /// Hosts that may also be on this machine or its own network: a shop's intranet. Cloud metadata,
    /// link-local and reserved addresses stay refused.
    pub private_hosts: Vec<HostPattern>,
    /// Redirects that are followed. Default 5.
    pub max_redirects: usize,
    /// Time for one fetch with all its redirects. Default 30 s.
    pub timeout: Duration,
    /// Time for looking up a name, and for connecting. Default 5 s.
    pub connect_timeout: Duration,
}

impl Default for WebPolicy {
    fn default() -> Self {
        WebPolicy {
            hosts: Vec::new(),
            private_hosts: Vec::new(),
            max_redirects: 5,
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
        }
    }
}

/// `shop.example`, `*.shop.example` (all below it, not itself), `10.0.0.7`, each also with `:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    /// As the `url` crate writes a host, without a dot at the end.
    host: String,
    is_suffix: bool,
    port: Option<u16>,
}

/// A text that is no [`HostPattern`].
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} is no host; write shop.example, *.shop.example or 10.0.0.7, with :PORT where it has an odd one"
)]
pub struct BadHost(String);

impl FromStr for HostPattern {
    type Err = BadHost;

    fn from_str(text: &str) -> Result<HostPattern, BadHost> {
        let bad = || BadHost(text.to_string());
        let (is_suffix, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        // As a fetched address is read, so that both are spelt alike.
        let url = Url::parse(&format!("http://{rest}/")).map_err(|_| bad())?;
        let is_host_only = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && !rest.contains(['/', '\\', '?', '#', '@', '*']);
        let port = match rest.rsplit_once(':') {
            Some((_, digits)) if !rest.ends_with(']') => {
                Some(digits.parse::<u16>().map_err(|_| bad())?)
            }
            _ => None,
        };
        match url.host_str() {
            Some(host) if is_host_only => Ok(HostPattern {
                host: host.trim_end_matches('.').to_string(),
                is_suffix,
                port,
            }),
            _ => Err(bad()),
        }
    }
}

impl HostPattern {
    fn matches_host(&self, host: &str) -> bool {
        match self.is_suffix {
            true => host
                .strip_suffix(&self.host)
                .is_some_and(|below| below.ends_with('.') && below.len() > 1),
            false => host == self.host,
        }
    }

    /// Without a port of its own it stands for the usual ones.
    fn matches(&self, host: &str, port: u16) -> bool {
        self.matches_host(host)
            && match self.port {
                Some(own) => own == port,
                None => PORTS.contains(&port),
            }
    }
}

impl WebPolicy {
    /// The address in its one spelling, if its form, host and port are allowed. What its name stands
    /// for is another question: [`WebPolicy::check_address`].
    pub fn check(&self, address: &str) -> Result<Url, FetchError> {
        if address.len() > MAX_ADDRESS {
            let start: String = address.chars().take(80).collect();
            let said = format!("{start}… is longer than {MAX_ADDRESS} bytes");
            return Err(FetchError::Refused(said));
        }
        let mut url = Url::parse(address)
            .map_err(|error| refused(address, &format!("it is no web address ({error})")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused(address, "only http and https are fetched"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused(address, "it carries a user name or password"));
        }
        url.set_fragment(None);
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(refused(address, "it names no host"));
        };
        let name = host.to_string().trim_end_matches('.').to_string();
        let is_private_host = self.is_private_host(&name, port);
        self.check_port(address, &name, port)?;
        match host {
            Host::Ipv4(ip) => self.check_address(&name, port, ip.into())?,
            Host::Ipv6(ip) => self.check_address(&name, port, ip.into())?,
            Host::Domain(_) if is_private_host => {}
            Host::Domain(_) => check_name(address, &name)?,
        }
        let is_named =
            self.hosts.is_empty() || self.hosts.iter().any(|one| one.matches(&name, port));
        if !is_named && !is_private_host {
            let said = format!("{name} is not among the hosts that may be fetched from");
            return Err(refused(address, &said));
        }
        Ok(url)
    }

    /// Whether this host, named so, may be at this address.
    pub fn check_address(&self, host: &str, port: u16, ip: IpAddr) -> Result<(), FetchError> {
        match reach(ip) {
            Reach::Public => Ok(()),
            Reach::Private(_) if self.is_private_host(host, port) => Ok(()),
            Reach::Private(kind) => Err(FetchError::Refused(format!(
                "{host} is not fetched: it is an address of this machine's own network ({kind})"
            ))),
            Reach::Never(kind) => Err(FetchError::Refused(format!(
                "{host} is not fetched: it is an address for special use ({kind})"
            ))),
        }
    }

    fn is_private_host(&self, host: &str, port: u16) -> bool {
        self.private_hosts.iter().any(|one| one.matches(host, port))
    }

    fn check_port(&self, address: &str, host: &str, port: u16) -> Result<(), FetchError> {
        let mut named = self.hosts.iter().chain(&self.private_hosts);
        if PORTS.contains(&port) || named.any(|one| one.matches(host, port)) {
            return Ok(());
        }
        let said = format!("port {port} is none of 80, 443, 8080 and 8443");
        Err(refused(address, &said))
    }
}

/// Refuses names that mean this machine, its network, or a cloud's metadata.
fn check_name(address: &str, name: &str) -> Result<(), FetchError> {
    if !name.contains('.') {
        let said = "its host is a name without a dot, which only this machine's network knows";
        return Err(refused(address, said));
    }
    let is_own = |own: &&str| {
        name.strip_suffix(*own)
            .is_some_and(|rest| rest.ends_with('.'))
    };
    match OWN_NAMES.iter().any(is_own) {
        true => Err(refused(
            address,
            "its host is a name of this machine's own network",
        )),
        false => Ok(()),
    }
}

fn refused(address: &str, why: &str) -> FetchError {
    // Without what may be a password.
    let shown = match Url::parse(address) {
        Ok(mut url) => {
            let _ = url.set_password(None);
            let _ = url.set_username("");
            url.to_string()
        }
        Err(_) => address.to_string(),
    };
    FetchError::Refused(format!("{shown} is not fetched: {why}"))
}
