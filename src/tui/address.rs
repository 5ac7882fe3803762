//! Where a server is and what one wants there, as people write it: `HOST`, `HOST:PORT`, or an address that can be passed on,
//! `chat://[NAME@]HOST[:PORT][/ROOM]` (RFC 3986). Looks nothing up.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::base::text::is_harmful;
use crate::base::tongue::say;

/// What such an address begins with.
const SCHEME: &str = "chat://";

/// A server, and what was said with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The host.
    pub host: String,
    /// The port, where one is said.
    pub port: Option<u16>,
    /// Who one is there, where it is said.
    pub name: Option<String>,
    /// The room that one is in at first, or `@USER`, where one is said.
    pub room: Option<String>,
    /// Whether it is written with `chat://`.
    pub is_url: bool,
}

impl Address {
    /// The word that it is, if it is no more: it may be the name of a profile.
    #[must_use]
    pub fn word(&self) -> Option<&str> {
        let is_word = !self.is_url && self.port.is_none();
        is_word.then_some(&self.host)
    }

    /// `[NAME@]HOST[:PORT][/ROOM]`, in which percents may stand for letters.
    fn of_url(text: &str) -> Result<Self, String> {
        if let Some(at) = text.find('?') {
            let rest = &text[at..];
            return Err(say!(
                "'{rest}' has no meaning in an address; leave it away",
                "«{rest}» в адресе ничего не значит; уберите это"
            ));
        }
        let (place, room) = match text.split_once('/') {
            // Many write the sign that rooms have elsewhere.
            Some((place, room)) => (place, decoded(room.strip_prefix('#').unwrap_or(room))?),
            None => (text, String::new()),
        };
        let (name, place) = match place.rsplit_once('@') {
            Some((name, _)) if name.contains(':') => {
                return Err(say!(
                    "an address takes no password: it would be seen in lists of programs and stay in the history of the \
                     shell; write {SCHEME}NAME@HOST, and the password is asked for",
                    "паролю не место в адресе: его увидят в списке программ, и он останется в истории оболочки; напишите \
                     {SCHEME}ИМЯ@ХОСТ, и программа спросит пароль"
                ));
            }
            Some(("", _)) => {
                return Err(say!(
                    "the name before the @ is missing; write {SCHEME}NAME@HOST or {SCHEME}HOST",
                    "перед @ нет имени; напишите {SCHEME}ИМЯ@ХОСТ или {SCHEME}ХОСТ"
                ));
            }
            Some((name, place)) => (Some(decoded(name)?), place),
            None => (None, place),
        };
        if room.contains(['/', '#']) {
            return Err(say!(
                "'{room}' is no room; one word can follow the slash, as in {SCHEME}HOST/lobby",
                "«{room}» — не комната; после косой черты может стоять одно слово, как в {SCHEME}ХОСТ/lobby"
            ));
        }
        let (host, port) = host_and_port(&decoded(place)?)?;
        Ok(Self {
            host,
            port,
            name,
            room: Some(room).filter(|room| !room.is_empty()),
            is_url: true,
        })
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_url = text.get(..SCHEME.len());
        if is_url.is_some_and(|begin| begin.eq_ignore_ascii_case(SCHEME)) {
            return Self::of_url(&text[SCHEME.len()..]);
        }
        if text.contains('/') || text.to_ascii_lowercase().starts_with("chat:") {
            return Err(say!(
                "that is no address of a server; write HOST, HOST:PORT or {SCHEME}HOST:PORT/ROOM",
                "это не адрес сервера; напишите ХОСТ, ХОСТ:ПОРТ или {SCHEME}ХОСТ:ПОРТ/КОМНАТА"
            ));
        }
        let (host, port) = host_and_port(text)?;
        Ok(Self {
            host,
            port,
            name: None,
            room: None,
            is_url: false,
        })
    }
}

/// As it can be passed on, and read back.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encode = |text: &str| match self.is_url {
            true => encoded(text),
            false => text.to_owned(),
        };
        if self.is_url {
            f.write_str(SCHEME)?;
        }
        if let Some(name) = &self.name {
            write!(f, "{}@", encode(name))?;
        }
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host.replace('%', &encode("%")))?,
            false => f.write_str(&encode(&self.host))?,
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        self.room
            .as_ref()
            .map_or(Ok(()), |room| write!(f, "/{}", encode(room)))
    }
}

/// Reads a port.
///
/// # Errors
/// With a sentence when it is none.
pub fn port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| *port != 0);
    port.ok_or_else(|| {
        say!(
            "'{text}' is no port; use a number from 1 to 65535",
            "«{text}» — не порт; нужно число от 1 до 65535"
        )
    })
}

/// Reads a host: a name, or an address; one of IPv6 may stand in brackets.
///
/// # Errors
/// With a sentence when it is none.
pub fn host(text: &str) -> Result<String, String> {
    match host_and_port(text)? {
        (host, None) => Ok(host),
        (host, Some(port)) => Err(say!(
            "the port has a place of its own: '{host}' here, {port} there",
            "у порта своё место: «{host}» здесь, {port} там"
        )),
    }
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), String> {
    let (host, said) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => {
            let address = host.split_once('%').map_or(host, |(address, _)| address);
            let said = match rest {
                "" => Some(None),
                rest => rest.strip_prefix(':').map(Some),
            };
            match said {
                Some(said) if address.parse::<Ipv6Addr>().is_ok() => (host, said),
                _ => {
                    return Err(say!(
                        "'{text}' is no address; write one of IPv6 like [2001:db8::1]:2428",
                        "«{text}» — не адрес; адрес IPv6 пишется так: [2001:db8::1]:2428"
                    ));
                }
            }
        }
        None => match text.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, Some(port)),
            _ => (text, None),
        },
    };
    let is_odd = |one: char| one.is_whitespace() || is_harmful(one) || "/@[]#?<>\"".contains(one);
    if host.is_empty() {
        return Err(say!(
            "the host is missing; write HOST or HOST:PORT",
            "не назван хост; напишите ХОСТ или ХОСТ:ПОРТ"
        ));
    }
    if let Some(odd) = host.chars().find(|one| is_odd(*one)) {
        let odd = odd.escape_debug();
        return Err(say!(
            "the name of a host cannot have '{odd}'; write HOST or HOST:PORT",
            "в имени хоста не может быть «{odd}»; напишите ХОСТ или ХОСТ:ПОРТ"
        ));
    }
    Ok((host.to_owned(), said.map(port).transpose()?))
}

/// A part of an address with what stands for itself in it, the rest by percents.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_alphanumeric() || "-._~@".contains(letter) {
            encoded.push(letter);
        } else {
            let mut bytes = [0; 4];
            for byte in letter.encode_utf8(&mut bytes).bytes() {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    encoded
}

/// The text behind the percents.
fn decoded(text: &str) -> Result<String, String> {
    let wrong = || {
        say!(
            "'{}' has a percent sign that stands for nothing; write it as %25",
            "в «{}» есть знак процента, за которым ничего не стоит; он пишется как %25",
            crate::tui::show::harmless(text)
        )
    };
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, behind @ ..] = rest {
        rest = behind;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = behind.first_chunk::<2>().ok_or_else(wrong)?;
        let digit = |at: usize| char::from(digits[at]).to_digit(16).ok_or_else(wrong);
        let byte = digit(0)? * 16 + digit(1)?;
        bytes.push(u8::try_from(byte).unwrap_or(0));
        rest = &behind[2..];
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong())?;
    match text.chars().find(|one| is_harmful(*one)) {
        Some(odd) => {
            let odd = odd.escape_unicode();
            Err(say!(
                "an address cannot have the character {odd}",
                "в адресе не может быть знака {odd}"
            ))
        }
        None => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<(String, Option<u16>), String> {
        let read = text.parse::<Address>();
        read.map(|found| (found.host, found.port))
    }

    #[test]
    fn addresses_are_read_with_and_without_port() {
        assert_eq!(read("chat.example"), Ok(("chat.example".into(), None)));
        assert_eq!(
            read("chat.example:99"),
            Ok(("chat.example".into(), Some(99)))
        );
        assert_eq!(read("::1"), Ok(("::1".into(), None)));
        assert_eq!(read("[::1]"), Ok(("::1".into(), None)));
        assert_eq!(
            read("[fe80::1%eth0]:99"),
            Ok(("fe80::1%eth0".into(), Some(99)))
        );
    }

    #[test]
    fn an_address_that_is_passed_on_says_who_and_where() {
        let read = |text: &str| {
            let found = text.parse::<Address>().unwrap();
            (found.name, found.host, found.port, found.room)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            read("chat://anna@chat.example:99/tea"),
            (some("anna"), "chat.example".into(), Some(99), some("tea"))
        );
        assert_eq!(read("CHAT://[::1]/"), (None, "::1".into(), None, None));
        assert_eq!(
            read("chat://%D0%B0нна@x/%40boris"),
            (some("анна"), "x".into(), None, some("@boris"))
        );
        assert_eq!(
            read("chat://[fe80::1%25eth0]:9/#tea"),
            (None, "fe80::1%eth0".into(), Some(9), some("tea"))
        );
        let word = |text: &str| text.parse::<Address>().unwrap().word().is_some();
        assert!(word("work") && !word("work:9") && !word("chat://work"));
    }

    #[test]
    fn what_is_no_address_is_told_with_what_is_right() {
        let wrong = [
            "host:many",
            "host:0",
            ":99",
            "",
            "a b",
            "[::1]99",
            "[host]:99",
            "http://host",
            "chat:host",
            "chat://",
            "chat://anna:secret@host",
            "chat://@host",
            "chat://host/a/b",
            "chat://host/tea?x=1",
            "chat://host/50%",
            "chat://host/%ff",
            "chat://host/%1b[2J",
            "chat://host:99999/tea",
        ];
        let told: Vec<_> = wrong
            .iter()
            .map(|text| format!("{text}\n    {}", text.parse::<Address>().unwrap_err()))
            .collect();
        assert!(!told.concat().contains("secret'") && !told.concat().contains('\x1b'));
        insta::assert_snapshot!(told.join("\n"), @r"
        host:many
            'many' is no port; use a number from 1 to 65535
        host:0
            '0' is no port; use a number from 1 to 65535
        :99
            the host is missing; write HOST or HOST:PORT

            the host is missing; write HOST or HOST:PORT
        a b
            the name of a host cannot have ' '; write HOST or HOST:PORT
        [::1]99
            '[::1]99' is no address; write one of IPv6 like [2001:db8::1]:2428
        [host]:99
            '[host]:99' is no address; write one of IPv6 like [2001:db8::1]:2428
        http://host
            that is no address of a server; write HOST, HOST:PORT or chat://HOST:PORT/ROOM
        chat:host
            that is no address of a server; write HOST, HOST:PORT or chat://HOST:PORT/ROOM
        chat://
            the host is missing; write HOST or HOST:PORT
        chat://anna:secret@host
            an address takes no password: it would be seen in lists of programs and stay in the history of the shell; write chat://NAME@HOST, and the password is asked for
        chat://@host
            the name before the @ is missing; write chat://NAME@HOST or chat://HOST
        chat://host/a/b
            'a/b' is no room; one word can follow the slash, as in chat://HOST/lobby
        chat://host/tea?x=1
            '?x=1' has no meaning in an address; leave it away
        chat://host/50%
            '50%' has a percent sign that stands for nothing; write it as %25
        chat://host/%ff
            '%ff' has a percent sign that stands for nothing; write it as %25
        chat://host/%1b[2J
            an address cannot have the character \u{1b}
        chat://host:99999/tea
            '99999' is no port; use a number from 1 to 65535
        ");
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(
            is_url: bool,
            host in "[a-z0-9][a-z0-9.%_-]{0,20}|::1|fe80::1%eth0|2001:db8::7",
            port in proptest::option::of(1_u16..),
            name in proptest::option::of("[^\\p{C}]{1,20}"),
            room in proptest::option::of("@?[^\\p{C}/#]{1,20}"),
        ) {
            let harmless = |text: &String| !text.chars().any(is_harmful);
            let address = Address {
                host,
                port,
                name: name.filter(|name| is_url && harmless(name)),
                room: room.filter(|room| is_url && harmless(room)),
                is_url,
            };
            prop_assert_eq!(address.to_string().parse(), Ok(address));
        }

        #[test]
        fn no_text_is_too_much(text in "(chat://)?\\PC*") {
            let _ = text.parse::<Address>();
        }
    }
}
