//! The header by which a proxy says for whom it comes: the PROXY protocol, version 2 (binary) and version 1 (a line of
//! text, which is all that many proxies can send). Bytes in, an address out; who may send one is decided elsewhere.
//!
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str;

use thiserror::Error;

/// The longest header in bytes: an address takes 52, the rest are notes by the proxy, such as the names in a certificate,
/// that nobody reads here. nginx takes as many.
pub const HEADER_BYTES_MAX: usize = 4_096;

/// What version 2 begins with, then version 1. Neither can be the beginning of a frame or of TLS.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const WORD: &[u8] = b"PROXY ";

/// The longest line of version 1, its end included.
const LINE_BYTES_MAX: usize = 107;

/// A header that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// For whom the proxy comes. None when it comes for itself, to see whether anybody answers, or does not know.
    pub source: Option<IpAddr>,
    /// The bytes that the header takes. What follows is the client's.
    pub length: usize,
}

/// Why something is no header.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// It begins as none does.
    #[error("what came is no PROXY header")]
    Missing,
    /// It has begun, and then the connection ended.
    #[error("the PROXY header ends too early")]
    Cut,
    /// It did not come in time.
    #[error("no PROXY header came within {0} seconds")]
    Late(u32),
    /// A version that there is not yet.
    #[error("the PROXY header is of version {0}; version 1 and 2 are understood")]
    Version(u8),
    /// Neither for somebody nor for itself.
    #[error("the PROXY header has the unknown command {0}")]
    Command(u8),
    /// An address or a transport of an unknown kind.
    #[error("the PROXY header is about the unknown family and protocol {0:02x}")]
    Family(u8),
    /// Too short for what it is about.
    #[error("the PROXY header is too short for its addresses")]
    Short,
    /// Over [`HEADER_BYTES_MAX`].
    #[error("the PROXY header is {0} bytes long; the most is {HEADER_BYTES_MAX}")]
    TooLong(usize),
    /// A line of version 1 that is not as it should be.
    #[error("the line of the PROXY header (version 1) is broken")]
    Line,
}

/// Reads the header at the beginning of `bytes`; none as long as its end has not come.
///
/// # Errors
/// As soon as it can be no header any more, however much of it has come.
pub fn parse(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    if begins(bytes, SIGNATURE) {
        parse_binary(bytes)
    } else if begins(bytes, WORD) {
        parse_line(bytes)
    } else {
        Err(HeaderError::Missing)
    }
}

/// Whether `bytes` begins with `with`, or is the beginning of it.
fn begins(bytes: &[u8], with: &[u8]) -> bool {
    bytes.iter().zip(with).all(|(one, other)| one == other)
}

/// After the signature: version and command, family and protocol, the length of the rest in two bytes.
fn parse_binary(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    let Some(([command, family, length @ ..], rest)) = bytes
        .get(SIGNATURE.len()..)
        .and_then(<[u8]>::split_first_chunk::<4>)
    else {
        return Ok(None);
    };
    let rest_length = usize::from(u16::from_be_bytes(*length));
    let length = bytes.len() - rest.len() + rest_length;
    let is_local = match (command >> 4, command & 0xf) {
        (2, 0) => true,
        (2, 1) => false,
        (2, other) => return Err(HeaderError::Command(other)),
        (version, _) => return Err(HeaderError::Version(version)),
    };
    if length > HEADER_BYTES_MAX {
        return Err(HeaderError::TooLong(length));
    }
    let Some(rest) = rest.get(..rest_length) else {
        return Ok(None);
    };
    let source = match family {
        _ if is_local => None,
        0x11 => Some(Ipv4Addr::from(source::<4>(rest)?).into()),
        0x21 => Some(IpAddr::from(Ipv6Addr::from(source::<16>(rest)?)).to_canonical()),
        // Nothing that can be counted: not known, datagrams, local sockets.
        0x00 | 0x01 | 0x02 | 0x10 | 0x12 | 0x20 | 0x22 | 0x30 | 0x31 | 0x32 => None,
        family => return Err(HeaderError::Family(*family)),
    };
    Ok(Some(Header { source, length }))
}

/// The source's address: it comes first of both addresses and both ports.
fn source<const N: usize>(rest: &[u8]) -> Result<[u8; N], HeaderError> {
    let all = rest.get(..2 * (N + 2)).ok_or(HeaderError::Short)?;
    all.first_chunk().copied().ok_or(HeaderError::Short)
}

/// `PROXY TCP4 192.0.2.7 198.51.100.1 50000 2428`, or `PROXY UNKNOWN` and anything.
fn parse_line(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    let begun = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    let Some(end) = begun.windows(2).position(|pair| pair == b"\r\n") else {
        return match begun.len() {
            LINE_BYTES_MAX => Err(HeaderError::Line),
            _ => Ok(None),
        };
    };
    let line = str::from_utf8(&begun[WORD.len()..end]).map_err(|_| HeaderError::Line)?;
    let words: Vec<_> = line.split(' ').collect();
    let source = match words[..] {
        ["UNKNOWN", ..] => None,
        ["TCP4", source, target, ..] if is_ended(&words) => {
            let source: Option<Ipv4Addr> = both(source, target);
            Some(source.ok_or(HeaderError::Line)?.into())
        }
        ["TCP6", source, target, ..] if is_ended(&words) => {
            let source: Option<Ipv6Addr> = both(source, target);
            Some(IpAddr::from(source.ok_or(HeaderError::Line)?).to_canonical())
        }
        _ => return Err(HeaderError::Line),
    };
    Ok(Some(Header {
        source,
        length: end + 2,
    }))
}

/// Whether behind the addresses come two ports and nothing else.
fn is_ended(words: &[&str]) -> bool {
    let is_port = |word: &str| {
        word.parse::<u16>()
            .is_ok_and(|port| port.to_string() == word)
    };
    words.len() == 5 && words[3..].iter().all(|word| is_port(word))
}

/// The first of two addresses that are both right.
fn both<A: str::FromStr>(source: &str, target: &str) -> Option<A> {
    target.parse::<A>().ok().and(source.parse().ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A header of version 2 with these bytes behind its length.
    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &length, rest].concat()
    }

    fn ipv4() -> Vec<u8> {
        binary(
            0x21,
            0x11,
            &[192, 0, 2, 7, 198, 51, 100, 1, 0xc3, 0x50, 9, 124],
        )
    }

    fn ipv6(source: &str) -> Vec<u8> {
        let source = source.parse::<Ipv6Addr>().unwrap().octets();
        binary(0x21, 0x21, &[&source[..], &[1; 20]].concat())
    }

    /// What a header says, with something behind it that is none of its business.
    #[track_caller]
    fn says(mut header: Vec<u8>, source: Option<&str>) {
        let length = header.len();
        let source = source.map(|source| source.parse().unwrap());
        header.extend(b"\x16\x03\x01");
        assert_eq!(parse(&header), Ok(Some(Header { source, length })));
    }

    #[test]
    fn who_is_announced() {
        says(ipv4(), Some("192.0.2.7"));
        says(ipv6("2001:db8::7"), Some("2001:db8::7"));
        says(ipv6("::ffff:192.0.2.7"), Some("192.0.2.7"));
        let with_notes = [&ipv4()[16..], &[0x04, 0, 3, 0, 0, 0]].concat();
        says(binary(0x21, 0x11, &with_notes), Some("192.0.2.7"));
        for line in [
            "PROXY TCP4 192.0.2.7 198.51.100.1 50000 2428\r\n",
            "PROXY TCP6 ::ffff:192.0.2.7 ::1 0 65535\r\n",
        ] {
            says(line.into(), Some("192.0.2.7"));
        }
        let longest = [&["ffff"; 8].join(":")[..]; 2].join(" ");
        let longest = format!("PROXY TCP6 {longest} 65535 65535\r\n");
        says(
            longest.into(),
            Some("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        );
    }

    #[test]
    fn who_comes_for_nobody() {
        says(binary(0x20, 0, &[]), None);
        says(binary(0x20, 0x11, &ipv4()[16..]), None);
        says(binary(0x20, 0xee, &[7; 5]), None);
        says(binary(0x21, 0, &[7; 5]), None);
        says(binary(0x21, 0x31, &[b'/'; 216]), None);
        says(binary(0x21, 0x12, &ipv4()[16..]), None);
        says("PROXY UNKNOWN\r\n".into(), None);
        says("PROXY UNKNOWN whatever 1 2 3 4\r\n".into(), None);
    }

    #[test]
    fn what_is_no_header_is_told() {
        let longest = HEADER_BYTES_MAX - 16;
        for (bytes, error) in [
            (b"\0\0\0\x10{".to_vec(), HeaderError::Missing),
            (b"\x16\x03\x01".to_vec(), HeaderError::Missing),
            (b"\r\n\r\n\0\r\nQUIT\r".to_vec(), HeaderError::Missing),
            (b"PROXY\r\n".to_vec(), HeaderError::Missing),
            (binary(0x11, 0x11, &[]), HeaderError::Version(1)),
            (binary(0x31, 0x11, &[]), HeaderError::Version(3)),
            (binary(0x22, 0x11, &[]), HeaderError::Command(2)),
            (binary(0x21, 0x41, &[]), HeaderError::Family(0x41)),
            (binary(0x21, 0x13, &[]), HeaderError::Family(0x13)),
            (binary(0x21, 0x11, &[1; 11]), HeaderError::Short),
            (binary(0x21, 0x21, &[1; 35]), HeaderError::Short),
            (
                binary(0x20, 0, &vec![0; longest + 1]),
                HeaderError::TooLong(HEADER_BYTES_MAX + 1),
            ),
        ] {
            assert_eq!(parse(&bytes), Err(error));
        }
        says(binary(0x20, 0, &vec![0; longest]), None);
        for line in [
            "PROXY TCP4 192.0.2.7 198.51.100.1 50000\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 50000 2428 1\r\n",
            "PROXY TCP4 192.0.2.7  198.51.100.1 50000 2428\r\n",
            "PROXY TCP4 192.0.2.07 198.51.100.1 50000 2428\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 50000 65536\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 +5000 2428\r\n",
            "PROXY TCP4 ::1 ::1 50000 2428\r\n",
            "PROXY TCP6 192.0.2.7 198.51.100.1 50000 2428\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 50000 2428\n\r\n",
            "PROXY UDP4 192.0.2.7 198.51.100.1 50000 2428\r\n",
            "PROXY UNKNOWNS\r\n",
            "PROXY \r\n",
        ] {
            assert_eq!(parse(line.as_bytes()), Err(HeaderError::Line), "{line}");
        }
        let endless = [WORD, &[b'7'; 101]].concat();
        assert_eq!(parse(&endless), Err(HeaderError::Line));
        assert_eq!(parse(&endless[..106]), Ok(None));
    }

    /// Bytes that are a header, nearly one, or none.
    fn anything() -> impl Strategy<Value = Vec<u8>> {
        const WORDS: &[&str] = &["TCP4", "TCP6", "UNKNOWN", "192.0.2.7", "::1", "1", "\r\n"];
        let line = prop::collection::vec(prop::sample::select(WORDS), 0..8)
            .prop_map(|words| format!("PROXY {}\r\n", words.join(" ")).into_bytes());
        let rest = prop::collection::vec(any::<u8>(), 0..300);
        let headers = (any::<u8>(), any::<u8>(), rest)
            .prop_map(|(command, family, rest)| binary(command & 0x33, family & 0x33, &rest));
        let bytes = prop_oneof![
            headers,
            line,
            Just(ipv4()),
            prop::collection::vec(any::<u8>(), 0..50)
        ];
        let change = (any::<prop::sample::Index>(), any::<u8>());
        let changes = prop::collection::vec(change, 0..2);
        (bytes, changes).prop_map(|(mut bytes, changes)| {
            for (at, byte) in changes {
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                }
            }
            bytes
        })
    }

    proptest! {
        /// What is known after some bytes is not changed by those that follow, and before it is known it is not guessed.
        #[test]
        fn however_it_is_cut_the_header_is_the_same(bytes in anything()) {
            let whole = parse(&bytes);
            let mut known = false;
            for end in 0..=bytes.len() {
                let part = parse(&bytes[..end]);
                known |= part != Ok(None);
                if known {
                    prop_assert_eq!(&part, &whole);
                }
                if let Ok(Some(header)) = part {
                    prop_assert!(header.length <= end && header.length <= HEADER_BYTES_MAX);
                }
            }
        }
    }
}
