//! Somebody who speaks the protocol by hand, byte by byte: nothing of the code under test is used to talk to it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use serde_json::{Value, json};

use super::{Heard, PASSWORD, PATIENCE, Secure, ask};

/// The longest frame, of both sides.
const FRAME_BYTES_MAX: usize = 65_536;

/// One connection.
pub struct Talker {
    stream: TcpStream,
    secure: Option<Box<Secure>>,
    buffer: Vec<u8>,
    taken: usize,
    timeout: Duration,
    next_id: u64,
    answers: HashMap<u64, Value>,
    pushes: VecDeque<Value>,
    /// The token of the session, once there is one.
    pub token: String,
}

enum Reading {
    Frame(Value),
    Closed,
    Silence,
}

impl Talker {
    /// Connects and says nothing.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).unwrap_or_else(|| panic!("nobody listens on {address}"))
    }

    /// Connects and says nothing; `None` when it is refused.
    pub fn try_connect(address: SocketAddr) -> Option<Self> {
        TcpStream::connect_timeout(&address, PATIENCE)
            .ok()
            .map(Self::over)
    }

    /// Connects to a local socket and says nothing.
    #[track_caller]
    pub fn connect_local(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        // Reading and writing are the same for every stream.
        Self::over(TcpStream::from(OwnedFd::from(stream)))
    }

    /// Connects with so small a receive buffer that the server soon notices when nobody reads.
    #[track_caller]
    pub fn connect_narrow(address: SocketAddr) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.expect("a socket");
        socket
            .set_recv_buffer_size(4_096)
            .expect("a smaller buffer");
        socket
            .connect_timeout(&address.into(), PATIENCE)
            .expect("the daemon listens");
        Self::over(socket.into())
    }

    /// Connects from this address of the machine and says nothing. Limits by address hold for all of 127.0.0.0/8 but
    /// 127.0.0.1.
    #[track_caller]
    pub fn connect_from(source: Ipv4Addr, address: SocketAddr) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.expect("a socket");
        let source = SocketAddr::from((source, 0));
        socket.bind(&source.into()).expect("a loopback address");
        socket
            .connect_timeout(&address.into(), PATIENCE)
            .expect("the daemon listens");
        Self::over(socket.into())
    }

    /// On a connection that was made already.
    pub fn over(stream: TcpStream) -> Self {
        // A local socket delays nothing anyway.
        let _ = stream.set_nodelay(true);
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        Self {
            stream,
            secure: None,
            buffer: Vec::new(),
            taken: 0,
            timeout: PATIENCE,
            next_id: 1,
            answers: HashMap::new(),
            pushes: VecDeque::new(),
            token: String::new(),
        }
    }

    /// Goes over to TLS, before anything is said.
    #[track_caller]
    pub fn secure(mut self, config: Arc<ClientConfig>) -> Self {
        let socket = self.stream.try_clone().expect("a second handle");
        let secure = Secure::shake_hands(socket, config);
        self.secure = Some(Box::new(secure.expect("hands are shaken")));
        self
    }

    /// What there is to know about the encryption.
    #[track_caller]
    pub fn security(&mut self) -> &mut Secure {
        self.secure.as_mut().expect("it was secured")
    }

    /// Says hello; gives back the server's.
    #[track_caller]
    pub fn hello(&mut self) -> Value {
        ask!(self, "hello", protocol: 1, client: "stories/1").must_be("hello")
    }

    /// Makes an account; gives back the welcome.
    #[track_caller]
    pub fn register(&mut self, name: &str) -> Value {
        let welcome = ask!(self, "register", name: name, password: PASSWORD, device: "first")
            .must_be("welcome");
        self.token = welcome.text("token").to_owned();
        welcome
    }

    /// Logs in with the usual password; gives back the welcome.
    #[track_caller]
    pub fn login(&mut self, name: &str) -> Value {
        let welcome = ask!(self, "login", name: name, password: PASSWORD, device: "further")
            .must_be("welcome");
        self.token = welcome.text("token").to_owned();
        welcome
    }

    /// Comes back with a token; gives back the welcome.
    #[track_caller]
    pub fn resume(&mut self, token: &str, cursors: &[(&str, u64)]) -> Value {
        let cursors: BTreeMap<_, _> = cursors.iter().copied().collect();
        self.token = token.to_owned();
        ask!(self, "resume", token: token, cursors: cursors).must_be("welcome")
    }

    /// Says something; gives back its number.
    #[track_caller]
    pub fn say(&mut self, to: &str, text: &str) -> u64 {
        ask!(self, "send", to: to, text: text).must_be("sent").seq()
    }

    /// Sends a request and waits for its answer. What comes in between is kept.
    #[track_caller]
    pub fn request(&mut self, request: Value) -> Value {
        let id = self.begin(request);
        self.answer(id)
    }

    /// Sends a request; gives back the name by which its answer is asked for later.
    #[track_caller]
    pub fn begin(&mut self, request: Value) -> u64 {
        self.begin_all([request])[0]
    }

    /// Sends requests in one write.
    #[track_caller]
    pub fn begin_all(&mut self, requests: impl IntoIterator<Item = Value>) -> Vec<u64> {
        self.try_begin_all(requests).expect("the server reads")
    }

    /// Sends requests in one write; `None` when the server has hung up.
    pub fn try_begin_all(&mut self, requests: impl IntoIterator<Item = Value>) -> Option<Vec<u64>> {
        let (mut bytes, mut ids) = (Vec::new(), Vec::new());
        for mut request in requests {
            request["id"] = json!(self.next_id);
            ids.push(self.next_id);
            self.next_id += 1;
            bytes.extend(frame(request.to_string().as_bytes()));
        }
        self.try_raw(&bytes).ok()?;
        Some(ids)
    }

    /// Waits for the answer to a request that was begun.
    #[track_caller]
    pub fn answer(&mut self, id: u64) -> Value {
        match self.try_answer(id) {
            Some(answer) => answer,
            None => panic!("closed before request {id} was answered; {:?}", self.pushes),
        }
    }

    /// Waits for the answer to a request that was begun; `None` when the connection ends before.
    #[track_caller]
    pub fn try_answer(&mut self, id: u64) -> Option<Value> {
        loop {
            if let Some(answer) = self.answers.remove(&id) {
                return Some(answer);
            }
            match self.read(PATIENCE) {
                Reading::Frame(frame) => self.sort(frame),
                Reading::Closed => return None,
                Reading::Silence => panic!(
                    "no answer to request {id}; meanwhile came {:?}",
                    self.pushes
                ),
            }
        }
    }

    /// What was pushed and has come along with what was waited for.
    pub fn take_pushes(&mut self) -> VecDeque<Value> {
        std::mem::take(&mut self.pushes)
    }

    /// Reads so many bytes at most, if any are there; what they say is looked at later.
    pub fn sip(&mut self, bytes: usize) {
        let mut sip = vec![0; bytes];
        self.stream.set_nonblocking(true).expect("a socket");
        let read = self.stream.read(&mut sip).unwrap_or(0);
        self.stream.set_nonblocking(false).expect("a socket");
        self.buffer.extend_from_slice(&sip[..read]);
    }

    /// Writes bytes as they are.
    #[track_caller]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.try_raw(bytes).expect("the server reads");
    }

    /// Writes bytes as they are, where the server may have hung up.
    pub fn try_raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match &mut self.secure {
            None => self.stream.write_all(bytes),
            Some(secure) => secure.write(bytes),
        }
    }

    /// Writes bytes in a frame.
    #[track_caller]
    pub fn raw_frame(&mut self, bytes: &[u8]) {
        self.raw(&frame(bytes));
    }

    /// The socket, for what is done to it only once.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// The next thing that is said, answer or push.
    #[track_caller]
    pub fn next(&mut self) -> Value {
        match self.pushes.pop_front() {
            Some(push) => push,
            None => match self.read(PATIENCE) {
                Reading::Frame(frame) => frame,
                Reading::Closed => panic!("closed while something was waited for"),
                Reading::Silence => panic!("nothing was said"),
            },
        }
    }

    /// The next push of this type; those of other types stay for later.
    #[track_caller]
    pub fn push(&mut self, kind: &str) -> Value {
        self.push_where(kind, |push| push["type"] == kind)
    }

    /// The next push that is so; others stay for later.
    #[track_caller]
    pub fn push_where(&mut self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let mut at = 0;
        loop {
            if let Some(found) = self.pushes.iter().skip(at).position(&is) {
                return self.pushes.remove(at + found).expect("it was just found");
            }
            at = self.pushes.len();
            match self.read(PATIENCE) {
                Reading::Frame(frame) => self.sort(frame),
                Reading::Closed => panic!("closed instead of {what}; before: {:?}", self.pushes),
                Reading::Silence => panic!("waited in vain for {what}; came {:?}", self.pushes),
            }
        }
    }

    /// The next message in a room: number, author, text.
    #[track_caller]
    pub fn expect_message(&mut self, room: &str) -> (u64, String, String) {
        let message = self.push_where(&format!("a message in {room}"), |push| {
            push["type"] == "message" && push["room"] == room
        });
        (
            message.seq(),
            message.text("from").to_owned(),
            message.text("text").to_owned(),
        )
    }

    /// Makes sure that the next message in a room is this one.
    #[track_caller]
    pub fn hears(&mut self, room: &str, seq: u64, from: &str, text: &str) {
        assert_eq!(
            self.expect_message(room),
            (seq, from.to_owned(), text.to_owned())
        );
    }

    /// What was pushed before now and not yet taken. The hub is asked something in between, so that whatever it had
    /// said before is here.
    #[track_caller]
    pub fn pushed(&mut self) -> Vec<Value> {
        ask!(self, "who", room: "lobby").must_be("who");
        self.pushes.drain(..).collect()
    }

    /// What was pushed of this type; the rest is let go.
    #[track_caller]
    pub fn pushed_of(&mut self, kind: &str) -> Vec<Value> {
        let mut pushed = self.pushed();
        pushed.retain(|push| push["type"] == kind);
        pushed
    }

    /// Reads until the server has closed; gives back everything that it said before.
    #[track_caller]
    pub fn expect_closed(&mut self) -> Vec<Value> {
        loop {
            match self.read(PATIENCE) {
                Reading::Frame(frame) => self.pushes.push_back(frame),
                Reading::Closed => return self.pushes.drain(..).collect(),
                Reading::Silence => panic!("not closed, after {:?}", self.pushes),
            }
        }
    }

    /// The good-bye before the server closes.
    #[track_caller]
    pub fn expect_bye(&mut self) -> Value {
        let said = self.expect_closed();
        match said.last() {
            Some(last) if last["type"] == "bye" => last.clone(),
            _ => panic!("no good-bye at the end of {said:?}"),
        }
    }

    /// The answer to a request that was begun; `None` when it does not come in time or the connection ends before.
    pub fn answer_within(&mut self, id: u64, patience: Duration) -> Option<Value> {
        while !self.answers.contains_key(&id) {
            match self.read(patience) {
                Reading::Frame(frame) => self.sort(frame),
                Reading::Closed | Reading::Silence => return None,
            }
        }
        self.answers.remove(&id)
    }

    /// Waits for so long, or until the server has closed; tells whether it has not.
    pub fn is_open_for(&mut self, span: Duration) -> bool {
        loop {
            match self.read(span) {
                Reading::Frame(frame) => self.sort(frame),
                Reading::Closed => return false,
                Reading::Silence => return true,
            }
        }
    }

    /// What was pushed to somebody who is not logged in. The worker alone is asked in between.
    #[track_caller]
    pub fn pushed_before_login(&mut self) -> Vec<Value> {
        ask!(self, "ping").must_be("pong");
        self.pushes.drain(..).collect()
    }

    /// Makes sure that nothing is said for so long. Such a look can miss a late word but never invents one.
    #[track_caller]
    pub fn hears_nothing_for(&mut self, span: Duration) {
        match self.read(span) {
            Reading::Silence => {}
            Reading::Frame(frame) => panic!("silence was due, not {frame}"),
            Reading::Closed => panic!("silence was due, not a closed connection"),
        }
    }

    /// Makes sure that the session is dead: the server has said good-bye, or it says that a login is needed.
    #[track_caller]
    pub fn is_signed_out(&mut self) {
        let id = self.next_id;
        self.next_id += 1;
        let request = json!({ "type": "rooms", "id": id });
        let _ = self.try_raw(&frame(request.to_string().as_bytes()));
        match self.try_answer(id) {
            Some(answer) => assert_eq!(answer.code(), "not-logged-in", "{answer}"),
            None => assert!(
                self.pushes.iter().any(|push| push["type"] == "bye"),
                "closed without a word: {:?}",
                self.pushes
            ),
        }
    }

    fn sort(&mut self, frame: Value) {
        match frame["re"].as_u64() {
            Some(id) => {
                let before = self.answers.insert(id, frame);
                assert!(before.is_none(), "request {id} was answered twice");
            }
            None => self.pushes.push_back(frame),
        }
    }

    fn read(&mut self, timeout: Duration) -> Reading {
        loop {
            if let Some(frame) = self.take_frame() {
                return Reading::Frame(frame);
            }
            if self.timeout != timeout {
                self.stream
                    .set_read_timeout(Some(timeout))
                    .expect("a TCP socket");
                self.timeout = timeout;
            }
            self.buffer.drain(..self.taken);
            self.taken = 0;
            let mut bytes = [0; 65_536];
            let read = match &mut self.secure {
                None => self.stream.read(&mut bytes),
                Some(secure) => secure.read(&mut bytes),
            };
            match read {
                Ok(0) => return Reading::Closed,
                Ok(count) => self.buffer.extend_from_slice(&bytes[..count]),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => return Reading::Silence,
                    ErrorKind::Interrupted => {}
                    _ => return Reading::Closed,
                },
            }
        }
    }

    fn take_frame(&mut self) -> Option<Value> {
        let rest = &self.buffer[self.taken..];
        let length = u32::from_be_bytes(*rest.first_chunk::<4>()?) as usize;
        assert!(
            (1..=FRAME_BYTES_MAX).contains(&length),
            "the server sent a frame of {length} bytes"
        );
        let frame = rest.get(4..4 + length)?;
        let value: Value = serde_json::from_slice(frame).unwrap_or_else(|error| {
            panic!("{error} in a frame: {}", String::from_utf8_lossy(frame))
        });
        assert!(
            value.is_object(),
            "the server sent {value}, which is no object"
        );
        self.taken += 4 + length;
        Some(value)
    }
}

/// Bytes with their length before them.
fn frame(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a test does not send gigabytes");
    [&length.to_be_bytes(), bytes].concat()
}
