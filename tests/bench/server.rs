//! The two that are compared: chatd itself, in folders of its own with accounts to log in by, and the bare broadcaster.

use std::env;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bare;
use crate::load::PATIENCE;
use crate::process::{Process, Vitals};
use chatd::wire::frame::{self, FrameReader};

/// Everything as delivered, but that a connection may have as many sends under way as the largest window here, and that
/// nobody is told to go slower: it is looked at what is allowed, and all of it is.
const CONFIG: &str = "[limits]\n\
    requests_outstanding = 1024\n\
    messages_burst = 1_000_000_000\n\
    text_bytes_burst = 4_000_000_000\n\
    requests_burst = 1_000_000_000\n\
    registrations_per_hour = 1_000_000\n";
/// Of every account.
pub const PASSWORD: &str = "correct horse battery";

/// A running chatd.
pub struct Server {
    process: Process,
    folder: TempDir,
    /// Apart from the others: the path of a socket must be short.
    control: TempDir,
    greetings: Vec<Vec<u8>>,
}

impl Server {
    /// Starts one that knows nobody. Its state lies on the file system of the build.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start() -> Result<Self> {
        Self::on(folder()?, Vec::new())
    }

    /// Starts one on what there is in this folder already, such as accounts that say this to come in.
    ///
    /// # Errors
    /// When it does not start.
    pub fn on(folder: TempDir, greetings: Vec<Vec<u8>>) -> Result<Self> {
        let control = TempDir::new().context("cannot make a temporary folder")?;
        fs::write(folder.path().join("chatd.toml"), CONFIG)?;
        let process = launch(folder.path(), &control.path().join("control"))?;
        Ok(Self {
            process,
            folder,
            control,
            greetings,
        })
    }

    /// Starts it again on the same state, so that nothing of what it did before is in its memory.
    ///
    /// # Errors
    /// When it does not stop in order or does not start.
    pub fn restart(&mut self) -> Result<()> {
        self.process.stop()?;
        self.process = launch(self.folder.path(), &self.control())?;
        Ok(())
    }

    /// The same, and from now on it is as delivered: people are told to go slower.
    ///
    /// # Errors
    /// When it does not stop in order or does not start.
    pub fn restart_as_delivered(&mut self) -> Result<()> {
        fs::write(self.folder.path().join("chatd.toml"), "")?;
        self.restart()
    }

    /// Makes accounts. Where there is a room for one, the first one there makes it. Everybody is in the lobby anyway.
    ///
    /// # Errors
    /// When one is refused.
    pub fn register(&mut self, count: usize, room: impl Fn(usize) -> Option<String>) -> Result<()> {
        let address = self.process.address();
        // All ask before the first answer is waited for, so that passwords are hashed on all processors.
        let people: Result<Vec<_>> = (0..count)
            .map(|index| Person::begin(address, &format!("person{index:03}")))
            .collect();
        let mut made = Vec::new();
        for (index, person) in people?.iter_mut().enumerate() {
            self.greetings.push(greeting(&person.welcome()?, ""));
            let Some(room) = room(index) else {
                continue;
            };
            let request = if made.contains(&room) {
                "join"
            } else {
                "create"
            };
            person.ask(request, &room)?;
            made.push(room);
        }
        Ok(())
    }

    /// What connection `index` says to come in; the accounts are taken in turn.
    pub fn greeting(&self, index: usize) -> &[u8] {
        &self.greetings[index % self.greetings.len()]
    }

    /// Where `chatctl` finds it.
    pub fn control(&self) -> PathBuf {
        self.control.path().join("control")
    }

    /// The figures of its process.
    pub fn vitals(&self) -> Vitals {
        self.process.vitals()
    }

    /// The process.
    pub fn process(&self) -> &Process {
        &self.process
    }
}

/// A folder for state, on the file system of the build.
///
/// # Errors
/// When it cannot be made.
pub fn folder() -> Result<TempDir> {
    let parent = env!("CARGO_TARGET_TMPDIR");
    fs::create_dir_all(parent)?;
    tempfile::Builder::new()
        .prefix("bench-")
        .tempdir_in(parent)
        .with_context(|| format!("cannot make a folder in '{parent}'"))
}

/// Where in such a folder the daemon keeps its state.
pub fn state(folder: &Path) -> PathBuf {
    folder.join("state")
}

/// Starts a bare broadcaster.
///
/// # Errors
/// When it does not start.
pub fn broadcaster(style: bare::Style) -> Result<Process> {
    let own = env::current_exe().context("cannot find this program's own file")?;
    let mut command = Command::new(own);
    command
        .args([bare::ARGUMENT, style.name()])
        .stdin(Stdio::piped());
    Process::start(&mut command)
}

fn launch(folder: &Path, control: &Path) -> Result<Process> {
    let errors: PathBuf = folder.join("stderr");
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatd"));
    command
        .arg("--config")
        .arg(folder.join("chatd.toml"))
        .arg("--state")
        .arg(state(folder))
        .arg("--log-file")
        .arg(folder.join("chatd.log"))
        .arg("--control")
        .arg(control)
        .args(["--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stderr(File::create(&errors)?);
    Process::start(&mut command).with_context(|| {
        let said = fs::read_to_string(&errors).unwrap_or_default();
        format!("chatd does not serve; it said: {}", said.trim())
    })
}

/// What somebody says to come in who has a session, with further fields, each after a comma. Written by hand, because the
/// bare broadcaster goes by what stands first.
pub fn greeting(token: &str, more: &str) -> Vec<u8> {
    let resume = format!(r#"{{"type":"resume","token":"{token}"{more}}}"#);
    [hello(), frame::encode(&resume).to_vec()].concat()
}

/// What a client says first.
pub fn hello() -> Vec<u8> {
    frame::encode(r#"{"type":"hello","protocol":1,"client":"bench/1"}"#).to_vec()
}

/// The frame of a request.
pub fn put(request: &Value) -> Vec<u8> {
    frame::encode(&request.to_string()).to_vec()
}

/// Somebody who asks and waits, to get things ready.
struct Person {
    socket: TcpStream,
    reader: FrameReader,
    heard: Vec<Value>,
}

impl Person {
    fn begin(address: SocketAddr, name: &str) -> Result<Self> {
        let mut socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let register = json!({ "type": "register", "name": name, "password": PASSWORD, "id": 1 });
        socket.write_all(&[hello(), put(&register)].concat())?;
        Ok(Self {
            socket,
            reader: FrameReader::default(),
            heard: Vec::new(),
        })
    }

    /// Returns the token.
    fn welcome(&mut self) -> Result<String> {
        let welcome = self.answer(1)?;
        let token = welcome["token"].as_str();
        Ok(token
            .with_context(|| format!("no token in {welcome}"))?
            .to_owned())
    }

    fn ask(&mut self, request: &str, room: &str) -> Result<()> {
        let request = json!({ "type": request, "room": room, "id": 2 });
        self.socket.write_all(&put(&request))?;
        self.answer(2).map(drop)
    }

    fn answer(&mut self, id: u64) -> Result<Value> {
        let mut buffer = [0; 4096];
        loop {
            let heard = std::mem::take(&mut self.heard);
            for event in heard {
                match (event["re"] == id, event["type"].as_str()) {
                    (true, Some("error")) => bail!("chatd refuses: {event}"),
                    (true, _) => return Ok(event),
                    _ => {}
                }
            }
            let count = match self.socket.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    bail!("chatd did not answer within {PATIENCE:?}")
                }
                count => count?,
            };
            if count == 0 {
                bail!("chatd closed the connection");
            }
            let mut input = &buffer[..count];
            while let Some(frame) = self.reader.next(&mut input)? {
                self.heard.push(serde_json::from_slice(&frame)?);
            }
        }
    }
}
