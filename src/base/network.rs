//! A network of addresses, as an admin writes it down. Knows no socket.

use std::net::IpAddr;
use std::str::FromStr;

use serde::Deserialize;

/// One address, or all that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    first: IpAddr,
    /// How many bits are the same, counted as in an IPv6 address.
    prefix: u32,
}

impl Network {
    /// Whether the address is one of them. An IPv4 address that came in over an IPv6 socket is one all the same.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let differ = bits(self.first) ^ bits(address);
        self.first.is_ipv4() == address.is_ipv4() && differ.leading_zeros() >= self.prefix
    }
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
            (prefix <= 128 && first.to_canonical() == first).then_some(Self { first, prefix })
        };
        let network: Self = parse().ok_or_else(|| {
            format!("'{text}' is no address and no network; write it like 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32")
        })?;
        // Whether the one address was meant or all of the network, nobody knows.
        match bits(network.first).trailing_zeros() >= 128 - network.prefix {
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
}
