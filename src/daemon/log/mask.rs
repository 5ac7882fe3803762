//! How much of a person's address the log tells. The one place where that is decided: whatever an event calls `peer` or
//! `network` passes here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What is left of an IPv4 address: the network that it is in, as providers give them out, and not whose it is.
const IPV4_BITS: u8 = 24;
/// The same of an IPv6 address: a site has a /48 or less.
const IPV6_BITS: u8 = 48;

/// How people's addresses are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::daemon) enum Addresses {
    /// Only the network that they are in.
    #[default]
    Masked,
    /// As they are.
    Full,
}

impl Addresses {
    /// An address, with its port or without, or a network, as it may be shown. What is none stays as it is.
    pub fn show(self, peer: String) -> String {
        let (whose, bits) = match peer.split_once('/') {
            Some((first, bits)) => (first, bits.parse().ok()),
            None => (&*peer, Some(u8::MAX)),
        };
        let address = whose
            .parse::<SocketAddr>()
            .map(|address| address.ip())
            .or_else(|_| whose.parse());
        let (Ok(address), Some(bits)) = (address, bits) else {
            return peer;
        };
        // An IPv4 address that came in over an IPv6 socket is one all the same.
        match address.to_canonical() {
            address if self == Self::Full || address.is_loopback() => peer,
            IpAddr::V4(address) if bits > IPV4_BITS => {
                let network = Ipv4Addr::from_bits(address.to_bits() & (!0 << (32 - IPV4_BITS)));
                format!("{network}/{IPV4_BITS}")
            }
            IpAddr::V6(address) if bits > IPV6_BITS => {
                let network = Ipv6Addr::from_bits(address.to_bits() & (!0 << (128 - IPV6_BITS)));
                format!("{network}/{IPV6_BITS}")
            }
            // It is no narrower than what is told of everybody.
            _ => peer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_the_network_is_left_and_loopback_is_nobodys() {
        for (peer, shown) in [
            ("192.0.2.77:51000", "192.0.2.0/24"),
            ("192.0.2.77", "192.0.2.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
            ("[2001:db8:1:2:3:4:5:6]:51000", "2001:db8:1::/48"),
            ("[fe80::1%3]:51000", "fe80::/48"),
            ("::ffff:192.0.2.77", "192.0.2.0/24"),
            ("127.0.0.1:51000", "127.0.0.1:51000"),
            ("[::1]:51000", "[::1]:51000"),
            ("::ffff:127.0.0.1", "::ffff:127.0.0.1"),
            ("a Unix socket", "a Unix socket"),
            ("192.0.2.64/26", "192.0.2.0/24"),
            ("192.0.0.0/16", "192.0.0.0/16"),
            ("2001:db8:1:2::/64", "2001:db8:1::/48"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("127.0.0.0/8", "127.0.0.0/8"),
            ("a/b", "a/b"),
        ] {
            assert_eq!(Addresses::Masked.show(peer.into()), shown);
            assert_eq!(Addresses::Full.show(peer.into()), peer);
        }
    }
}
