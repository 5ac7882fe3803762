//! Somebody who asks by HTTP: as scrapers do, and in any other way.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::PATIENCE;

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The number in the first line.
    pub status: u16,
    /// All before the body.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The value of a field of the head.
    #[track_caller]
    pub fn field(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(field, _)| field.eq_ignore_ascii_case(name));
        found
            .unwrap_or_else(|| panic!("no {name} in {}", self.head))
            .1
    }
}

/// Sends these bytes and reads to the end; none when nothing is answered.
#[track_caller]
pub fn exchange(mut stream: impl Read + Write, bytes: &[u8]) -> Option<Answer> {
    // It may be answered before all of it was read.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8(answer).expect("text");
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1).expect("a status");
    Some(Answer {
        status: status.parse().expect("a number"),
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

/// A connection that gives up at some time.
#[track_caller]
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream
}

/// Asks for a page; `fields` are further lines of the head.
#[track_caller]
pub fn get(address: SocketAddr, page: &str, fields: &str) -> Answer {
    let request = format!("GET {page} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
    exchange(connect(address), request.as_bytes()).expect("an answer")
}

/// The same on a Unix socket.
#[track_caller]
pub fn get_locally(path: &Path, page: &str) -> Answer {
    let stream = UnixStream::connect(path).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let request = format!("GET {page} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    exchange(stream, request.as_bytes()).expect("an answer")
}
