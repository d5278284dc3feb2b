//! What may be fetched from the web.

use showroom_pipeline::{HostPattern, Web, WebPolicy};

/// How photos at web addresses are fetched.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Options of web addresses")]
pub struct FetchArgs {
    /// Fetch nothing: photos at web addresses are rejects.
    #[arg(long, env = "SHOWROOM_NO_FETCH")]
    pub no_fetch: bool,
    /// Fetch only from these hosts: shop.example, *.shop.example, shop.example:8000.
    #[arg(
        long,
        value_name = "HOST,HOST",
        env = "SHOWROOM_FETCH_HOSTS",
        value_delimiter = ',',
        conflicts_with = "no_fetch"
    )]
    pub fetch_hosts: Vec<HostPattern>,
    /// Hosts that may be on this machine or its own network (an intranet's photo server), where
    /// nothing is fetched from otherwise.
    #[arg(
        long,
        value_name = "HOST,HOST",
        env = "SHOWROOM_FETCH_PRIVATE_HOSTS",
        value_delimiter = ',',
        conflicts_with = "no_fetch"
    )]
    pub fetch_private_hosts: Vec<HostPattern>,
}

impl FetchArgs {
    /// `None` where nothing is to be fetched.
    pub fn web(&self) -> Option<Web> {
        (!self.no_fetch).then(|| {
            Web::new(WebPolicy {
                hosts: self.fetch_hosts.clone(),
                private_hosts: self.fetch_private_hosts.clone(),
                ..WebPolicy::default()
            })
        })
    }
}
