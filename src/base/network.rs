//! A network of addresses, as an admin writes it down. Knows no socket.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One address, or all that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    first: IpAddr,
    /// How many bits are the same, counted as in an IPv6 address.
    prefix: u32,
}

impl Network {
    /// All of IPv4.
    pub const ALL_V4: Self = Self {
        first: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        prefix: 96,
    };

    /// Whether the address is one of them. An IPv4 address that came in over an IPv6 socket is one all the same.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let differ = bits(self.first) ^ bits(address);
        self.first.is_ipv4() == address.is_ipv4() && differ.leading_zeros() >= self.prefix
    }

    /// Whether every address of the other one is in this one, too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.first)
    }

    /// Whether it is all there is of its kind.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.prefix == self.before()
    }

    /// Whether this machine itself is in it.
    #[must_use]
    pub fn has_loopback(&self) -> bool {
        let here: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        self.first.is_loopback() || here.iter().any(|here| self.contains(*here))
    }

    /// The network that an address with a prefix lies in, and whether it was written with bits behind the prefix.
    ///
    /// # Errors
    /// When it is no address and no network.
    pub fn around(text: &str) -> Result<(Self, bool), String> {
        let network = parse(text)?;
        let whole = network.whole();
        Ok((whole, whole != network))
    }

    /// Without the bits behind the prefix.
    fn whole(self) -> Self {
        let kept = match self.prefix {
            0 => 0,
            prefix => u128::MAX << (128 - prefix),
        };
        let first = Ipv6Addr::from_bits(bits(self.first) & kept);
        Self {
            first: match self.first {
                IpAddr::V4(_) => Ipv4Addr::from_bits(first.to_bits() as u32).into(),
                IpAddr::V6(_) => first.into(),
            },
            prefix: self.prefix,
        }
    }

    /// The bits that come before an address of its kind.
    fn before(&self) -> u32 {
        if self.first.is_ipv4() { 96 } else { 0 }
    }
}

/// As an admin writes it: one address alone without its prefix.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix {
            128 => self.first.fmt(f),
            prefix => write!(f, "{}/{}", self.first, prefix - self.before()),
        }
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

/// With whatever bits stand behind the prefix.
fn parse(text: &str) -> Result<Network, String> {
    let parse = || {
        let (first, prefix) = match text.split_once('/') {
            Some((first, prefix)) => (first, Some(prefix)),
            None => (text, None),
        };
        let first: IpAddr = first.parse().ok()?;
        let bits_before = if first.is_ipv4() { 96 } else { 0 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse::<u32>().ok()?.checked_add(bits_before)?,
            None => 128,
        };
        // An IPv4 address has one way to be written here.
        (prefix <= 128 && first.to_canonical() == first).then_some(Network { first, prefix })
    };
    parse().ok_or_else(|| {
        format!("'{text}' is no address and no network; write it like 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32")
    })
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = parse(text)?;
        // Whether the one address was meant or all of the network, nobody knows.
        match network.whole() == network {
            true => Ok(network),
            false => Err(format!(
                "'{text}' is an address in a network, not the network; write the address alone, or the network with zeros behind the prefix, like 10.0.0.0/8"
            )),
        }
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_addresses_and_no_others() {
        let contains = |network: &str, address: &str| {
            let network: Network = network.parse().unwrap();
            network.contains(address.parse().unwrap())
        };
        for (network, inside, outside) in [
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("192.0.2.7/32", "::ffff:192.0.2.7", "192.0.2.8"),
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("192.0.2.128/25", "192.0.2.128", "192.0.2.127"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("::/0", "2001:db8::1", "203.0.113.9"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("::1", "::1", "::2"),
        ] {
            assert!(contains(network, inside), "{network} {inside}");
            assert!(!contains(network, outside), "{network} {outside}");
        }
    }

    #[test]
    fn what_is_no_network_is_told_with_one_that_is() {
        for wrong in [
            "",
            "unix",
            "proxy.example.org",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "10.0.0/8",
            "10.0.0.0/4294967295",
            "::ffff:10.0.0.0/104",
            "127.0.0.1:2428",
        ] {
            let told = wrong.parse::<Network>().unwrap_err();
            assert!(told.contains("like 192.0.2.7, 10.0.0.0/8"), "{told}");
        }
        let told = "10.0.0.5/8".parse::<Network>().unwrap_err();
        assert!(told.contains("write the address alone"), "{told}");
    }

    #[test]
    fn an_address_with_a_prefix_is_taken_to_its_network() {
        for (written, network) in [
            ("10.0.0.5/8", "10.0.0.0/8"),
            ("192.0.2.7/32", "192.0.2.7"),
            ("203.0.113.255/25", "203.0.113.128/25"),
            ("2001:db8:1:2:3::9/64", "2001:db8:1:2::/64"),
            ("9.9.9.9/0", "0.0.0.0/0"),
            ("::1/0", "::/0"),
        ] {
            let (taken, _) = Network::around(written).unwrap();
            assert_eq!(taken.to_string(), network);
            assert_eq!(Network::around(network).unwrap(), (taken, false));
            assert_eq!(network.parse(), Ok(taken));
        }
        assert!(Network::around("10.0.0.5/8").unwrap().1);
        assert!(
            Network::around("10.0.0.0/33")
                .unwrap_err()
                .contains("like 192.0.2.7")
        );
    }

    #[test]
    fn what_would_concern_this_machine_or_everybody_is_known() {
        let network = |text: &str| text.parse::<Network>().unwrap();
        for all in ["0.0.0.0/0", "::/0"] {
            assert!(network(all).is_everything() && network(all).has_loopback());
        }
        for here in ["127.0.0.1", "127.0.0.0/8", "127.0.0.2", "::1"] {
            assert!(network(here).has_loopback() && !network(here).is_everything());
        }
        assert!(!network("10.0.0.0/8").has_loopback());
        assert!(network("10.0.0.0/8").covers(&network("10.1.0.0/16")));
        assert!(!network("10.1.0.0/16").covers(&network("10.0.0.0/8")));
        assert!(!network("0.0.0.0/0").covers(&network("::1")));
    }
}
