//! Which addresses of the network may be spoken to: the IANA special-purpose registries as a table.
//!
//! <https://www.iana.org/assignments/iana-ipv4-special-registry> and `iana-ipv6-special-registry`. Of
//! IPv6 only what is handed out to the public (`2000::/3`) is let through, so that a range that is made
//! special one day is refused already.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Anybody's: a shop's web server.
    Public,
    /// This machine or its own network: only for hosts that were named for it.
    Private(&'static str),
    /// Never a shop's photo: metadata of a cloud, multicast, reserved.
    Never(&'static str),
}

/// Prefixes of IPv4, most particular first.
const V4: [(Ipv4Addr, u32, Reach); 20] = [
    (
        Ipv4Addr::new(100, 100, 100, 200),
        32,
        Reach::Never("cloud metadata"),
    ),
    (
        Ipv4Addr::new(168, 63, 129, 16),
        32,
        Reach::Never("cloud metadata"),
    ),
    (
        Ipv4Addr::new(192, 0, 0, 192),
        32,
        Reach::Never("cloud metadata"),
    ),
    (
        Ipv4Addr::new(169, 254, 169, 254),
        32,
        Reach::Never("cloud metadata"),
    ),
    (Ipv4Addr::new(0, 0, 0, 0), 8, Reach::Never("this network")),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Reach::Private("private")),
    (
        Ipv4Addr::new(100, 64, 0, 0),
        10,
        Reach::Private("a provider's own network"),
    ),
    (Ipv4Addr::new(127, 0, 0, 0), 8, Reach::Private("loopback")),
    (
        Ipv4Addr::new(169, 254, 0, 0),
        16,
        Reach::Never("link-local"),
    ),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Reach::Private("private")),
    (
        Ipv4Addr::new(192, 0, 0, 0),
        24,
        Reach::Never("protocol assignments"),
    ),
    (
        Ipv4Addr::new(192, 0, 2, 0),
        24,
        Reach::Never("documentation"),
    ),
    (
        Ipv4Addr::new(192, 88, 99, 0),
        24,
        Reach::Never("6to4 relays"),
    ),
    (Ipv4Addr::new(192, 168, 0, 0), 16, Reach::Private("private")),
    (Ipv4Addr::new(198, 18, 0, 0), 15, Reach::Never("benchmarks")),
    (
        Ipv4Addr::new(198, 51, 100, 0),
        24,
        Reach::Never("documentation"),
    ),
    (
        Ipv4Addr::new(203, 0, 113, 0),
        24,
        Reach::Never("documentation"),
    ),
    (Ipv4Addr::new(224, 0, 0, 0), 4, Reach::Never("multicast")),
    (
        Ipv4Addr::new(255, 255, 255, 255),
        32,
        Reach::Never("broadcast"),
    ),
    (Ipv4Addr::new(240, 0, 0, 0), 4, Reach::Never("reserved")),
];

/// Prefixes of IPv6, most particular first. What is not here and not in `2000::/3` is reserved.
const V6: [(Ipv6Addr, u32, Reach); 12] = [
    (Ipv6Addr::LOCALHOST, 128, Reach::Private("loopback")),
    (Ipv6Addr::UNSPECIFIED, 128, Reach::Never("this network")),
    (v6(0xfd00, 0x0ec2), 32, Reach::Never("cloud metadata")),
    (v6(0xfc00, 0), 7, Reach::Private("private")),
    (v6(0xfe80, 0), 10, Reach::Never("link-local")),
    (v6(0xfec0, 0), 10, Reach::Never("site-local")),
    (v6(0xff00, 0), 8, Reach::Never("multicast")),
    // Teredo, ORCHID, benchmarks and what else is a protocol's own.
    (v6(0x2001, 0), 23, Reach::Never("protocol assignments")),
    (v6(0x2001, 0x0db8), 32, Reach::Never("documentation")),
    (v6(0x2002, 0), 16, Reach::Never("6to4")),
    (v6(0x3fff, 0), 20, Reach::Never("documentation")),
    (v6(0x2000, 0), 3, Reach::Public),
];

const fn v6(first: u16, second: u16) -> Ipv6Addr {
    Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0)
}

/// Whether an address may be spoken to. One that stands for an IPv4 address (mapped, NAT64) is judged as
/// that.
pub fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => of_v4(address),
        IpAddr::V6(address) => of_v6(address),
    }
}

fn of_v4(address: Ipv4Addr) -> Reach {
    let bits = u32::from(address);
    let in_prefix =
        |prefix: Ipv4Addr, length: u32| (bits ^ u32::from(prefix)) >> (32 - length) == 0;
    V4.iter()
        .find(|(prefix, length, _)| in_prefix(*prefix, *length))
        .map_or(Reach::Public, |(.., reach)| *reach)
}

fn of_v6(address: Ipv6Addr) -> Reach {
    let [a, b, c, d, e, f, ..] = address.segments();
    let last = Ipv4Addr::from(address.to_bits() as u32);
    let is_mapped = [a, b, c, d, e, f] == [0, 0, 0, 0, 0, 0xffff];
    let is_nat64 = [a, b, c, d, e, f] == [0x64, 0xff9b, 0, 0, 0, 0];
    if is_mapped || is_nat64 {
        return of_v4(last);
    }
    let bits = address.to_bits();
    let in_prefix =
        |prefix: Ipv6Addr, length: u32| (bits ^ prefix.to_bits()) >> (128 - length) == 0;
    V6.iter()
        .find(|(prefix, length, _)| in_prefix(*prefix, *length))
        .map_or(Reach::Never("reserved"), |(.., reach)| *reach)
}
