//! Where somebody comes from, as far as that is counted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address as it is counted. Whoever has one IPv6 address has 2^64 of them, so the first half of it is what counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// This machine: a local socket, 127.0.0.1 or ::1. A proxy that does not say for whom it comes may be there with
    /// everybody behind it, so no limit by address holds for it. The other loopback addresses are counted like any.
    Here,
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// The network, a /64, of an IPv6 address.
    V6(u64),
}

impl Origin {
    /// That of a connection's other side; a local socket has no address.
    #[must_use]
    pub fn of(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            None | Some(IpAddr::V4(Ipv4Addr::LOCALHOST) | IpAddr::V6(Ipv6Addr::LOCALHOST)) => {
                Self::Here
            }
            Some(IpAddr::V4(address)) => Self::V4(address),
            Some(IpAddr::V6(address)) => Self::V6((address.to_bits() >> 64) as u64),
        }
    }

    /// The address, or the first one of the network.
    #[must_use]
    pub fn address(self) -> Option<IpAddr> {
        match self {
            Self::Here => None,
            Self::V4(address) => Some(address.into()),
            Self::V6(network) => Some(Ipv6Addr::from_bits(u128::from(network) << 64).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_customer_is_one_origin() {
        let of = |address: &str| Origin::of(Some(address.parse().unwrap()));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        for here in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(of(here), Origin::of(None));
        }
        assert_ne!(of("127.0.0.2"), Origin::Here);
        let first = "2001:db8:1:2::".parse().unwrap();
        assert_eq!(of("2001:db8:1:2::1").address(), Some(first));
    }
}
