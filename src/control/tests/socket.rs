//! What callers do to the server, and what comes of it.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::control::varlink::MESSAGE_BYTES_MAX;
use crate::control::{Call, Command, bind, serve};
use crate::wire::control::{Changed, ControlError, LogLine};

/// A server on a socket of its own, and the calls that reach the daemon behind it.
struct Server {
    folder: TempDir,
    calls: mpsc::Receiver<Call>,
    stop: watch::Sender<bool>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    fn start(connections_max: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = bind(&folder.path().join("socket")).unwrap();
        let (sender, calls) = mpsc::channel(8);
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(serve(listener, sender, connections_max, stopped));
        Self {
            folder,
            calls,
            stop,
            task,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    async fn connect(&self) -> Peer {
        Peer {
            stream: UnixStream::connect(self.path()).await.unwrap(),
            bytes: Vec::new(),
        }
    }

    async fn call(&mut self) -> Call {
        soon(self.calls.recv()).await.unwrap()
    }
}

/// A caller that writes what it likes.
struct Peer {
    stream: UnixStream,
    bytes: Vec<u8>,
}

impl Peer {
    /// Writes a message and its NUL. A server that has closed already is no fault of the test's.
    async fn say(&mut self, message: &str) {
        let _ = self
            .stream
            .write_all(format!("{message}\0").as_bytes())
            .await;
    }

    /// The next message; `None` when the connection has ended.
    async fn hear(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.bytes.iter().position(|byte| *byte == 0) {
                let message: Vec<u8> = self.bytes.drain(..=end).collect();
                return Some(serde_json::from_slice(&message[..end]).unwrap());
            }
            let mut bytes = [0; 4096];
            match soon(self.stream.read(&mut bytes)).await {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.bytes.extend_from_slice(&bytes[..count]),
            }
        }
    }

    async fn ask(&mut self, message: &str) -> Value {
        self.say(message).await;
        self.hear().await.unwrap()
    }

    /// Asks and gives the error's name and its parameters.
    async fn refused(&mut self, message: &str) -> (String, Value) {
        let mut reply = self.ask(message).await;
        let name = reply["error"]
            .as_str()
            .unwrap_or_else(|| panic!("{reply}"))
            .to_owned();
        (name, reply["parameters"].take())
    }
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), what)
        .await
        .expect("nothing has come for 20 seconds")
}

const STATUS: &str = r#"{"method":"io.chatd.Control.Status"}"#;
const PAUSE: &str = r#"{"method":"io.chatd.Control.Pause","parameters":{"refuse":true}}"#;
const FOLLOW: &str = r#"{"method":"io.chatd.Control.FollowLog","more":true}"#;

#[tokio::test]
async fn a_call_reaches_the_daemon_with_its_caller_and_the_answer_comes_back() {
    let mut server = Server::start(4);
    let mut peer = server.connect().await;
    peer.say(PAUSE).await;
    let call = server.call().await;
    assert_eq!(call.caller.uid, nix::unistd::getuid().as_raw());
    assert_eq!(call.caller.pid, std::process::id() as i32);
    assert!(matches!(&call.command, Command::Pause(pause) if pause.refuse == Some(true)));
    call.reply.send(Ok(Changed { changed: true }.into()));
    assert_eq!(
        peer.hear().await,
        Some(json!({"parameters": {"changed": true}}))
    );

    peer.say(PAUSE).await;
    server
        .call()
        .await
        .reply
        .send(Err(ControlError::StorageFull {}));
    assert_eq!(
        peer.hear().await.unwrap()["error"],
        "io.chatd.Control.StorageFull"
    );

    peer.say(PAUSE).await;
    drop(server.call().await);
    let reply = peer.hear().await.unwrap();
    assert_eq!(reply["error"], "io.chatd.Control.Failed");
    assert_eq!(
        reply["parameters"]["message"],
        "chatd gave no answer; its log says more"
    );
}

#[tokio::test]
async fn calls_in_one_write_are_answered_in_their_order_and_those_without_reply_are_not() {
    let mut server = Server::start(4);
    let mut peer = server.connect().await;
    let silent = PAUSE.replace("\"method\"", "\"oneway\":true,\"method\"");
    peer.say(&format!(
        "{silent}\0{{\"method\":\"org.varlink.service.GetInfo\"}}\0{PAUSE}"
    ))
    .await;
    for changed in [true, false] {
        server
            .call()
            .await
            .reply
            .send(Ok(Changed { changed }.into()));
    }
    assert_eq!(peer.hear().await.unwrap()["parameters"]["product"], "chatd");
    assert_eq!(
        peer.hear().await,
        Some(json!({"parameters": {"changed": false}}))
    );
}

#[tokio::test]
async fn the_service_describes_itself() {
    let server = Server::start(4);
    let mut peer = server.connect().await;
    let info = peer
        .ask(r#"{"method":"org.varlink.service.GetInfo"}"#)
        .await;
    let interfaces = info["parameters"]["interfaces"].as_array().unwrap();
    assert_eq!(interfaces, &["org.varlink.service", "io.chatd.Control"]);
    for interface in interfaces {
        let reply = peer
            .ask(&format!(
                r#"{{"method":"org.varlink.service.GetInterfaceDescription","parameters":{{"interface":{interface}}}}}"#
            ))
            .await;
        let description = reply["parameters"]["description"].as_str().unwrap();
        assert!(description.contains(&format!("\ninterface {}\n", interface.as_str().unwrap())));
    }
}

#[tokio::test]
async fn what_does_not_exist_is_named_and_the_connection_goes_on() {
    let server = Server::start(4);
    let mut peer = server.connect().await;
    for (message, error, parameters) in [
        (
            r#"{"method":"org.example.X"}"#,
            "InterfaceNotFound",
            json!({"interface": "org.example"}),
        ),
        (
            r#"{"method":"io.chatd.Control.Dance"}"#,
            "MethodNotFound",
            json!({"method": "io.chatd.Control.Dance"}),
        ),
        (
            r#"{"method":"org.varlink.service.Dance"}"#,
            "MethodNotFound",
            json!({"method": "org.varlink.service.Dance"}),
        ),
        (
            r#"{"method":"Status"}"#,
            "MethodNotFound",
            json!({"method": "Status"}),
        ),
        (r#"{"method":""}"#, "MethodNotFound", json!({"method": ""})),
        (
            r#"{"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":"org.example"}}"#,
            "InterfaceNotFound",
            json!({"interface": "org.example"}),
        ),
        (
            r#"{"method":"org.varlink.service.GetInterfaceDescription"}"#,
            "InvalidParameter",
            json!({"parameter": "interface"}),
        ),
        (
            r#"{"method":"io.chatd.Control.Status","parameters":{"x":1}}"#,
            "InvalidParameter",
            json!({"parameter": "x"}),
        ),
        (
            r#"{"method":"io.chatd.Control.RevokeSession","parameters":{"id":"one"}}"#,
            "InvalidParameter",
            json!({"parameter": "id"}),
        ),
        (
            r#"{"method":"io.chatd.Control.FollowLog"}"#,
            "ExpectedMore",
            json!({}),
        ),
        (
            r#"{"method":"io.chatd.Control.Status","upgrade":true}"#,
            "MethodNotImplemented",
            json!({"method": "io.chatd.Control.Status"}),
        ),
    ] {
        let refused = peer.refused(message).await;
        assert_eq!(
            refused,
            (format!("org.varlink.service.{error}"), parameters),
            "{message}"
        );
    }
}

#[tokio::test]
async fn what_is_no_call_is_told_so_and_ends_the_connection_alone() {
    let mut server = Server::start(4);
    let mut other = server.connect().await;
    let nested = format!("{{\"method\":{}", "[".repeat(10_000));
    for garbage in [
        "garbage",
        "",
        "[]",
        "{}",
        "\u{7f}\u{1}",
        r#"{"method":7}"#,
        r#"{"method":"x","parameters":[1]}"#,
        &nested,
    ] {
        let mut peer = server.connect().await;
        assert_eq!(
            peer.refused(garbage).await.0,
            "io.chatd.Control.BadMessage",
            "{garbage:?}"
        );
        assert_eq!(peer.hear().await, None, "{garbage:?}");
    }
    other.say(PAUSE).await;
    server
        .call()
        .await
        .reply
        .send(Ok(Changed { changed: true }.into()));
    assert!(other.hear().await.is_some());
}

#[tokio::test]
async fn ten_megabytes_are_refused_after_the_first_quarter_of_one() {
    let server = Server::start(4);
    let mut peer = server.connect().await;
    let written = peer.stream.write_all(&vec![b' '; 10_000_000]).await;
    assert!(written.is_err(), "the server took all of it");
    let reply = peer.hear().await.unwrap();
    let text = reply["parameters"]["message"].as_str().unwrap();
    assert_eq!(
        text,
        format!("this is no call: it is longer than {MESSAGE_BYTES_MAX} bytes")
    );
    assert_eq!(peer.hear().await, None);
}

#[tokio::test]
async fn half_a_message_ends_with_its_connection_or_its_time() {
    let mut server = Server::start(1);
    let mut peer = server.connect().await;
    peer.stream
        .write_all(&STATUS.as_bytes()[..20])
        .await
        .unwrap();
    drop(peer);
    // There is one place: it is free again when the first connection is done with.
    let mut peer = loop {
        let mut peer = server.connect().await;
        if peer
            .ask(r#"{"method":"org.varlink.service.GetInfo"}"#)
            .await
            .get("error")
            .is_none()
        {
            break peer;
        }
    };
    peer.stream
        .write_all(&STATUS.as_bytes()[..20])
        .await
        .unwrap();
    let reply = peer.hear().await.unwrap();
    assert!(
        reply["parameters"]["message"]
            .as_str()
            .unwrap()
            .contains("did not end within"),
        "{reply}"
    );
    assert_eq!(peer.hear().await, None);
    assert!(
        server.calls.try_recv().is_err(),
        "a half message became a call"
    );
}

#[tokio::test]
async fn who_calls_nothing_makes_room_in_the_end() {
    let server = Server::start(1);
    let mut idle = server.connect().await;
    assert_eq!(idle.hear().await, None);
    let mut next = server.connect().await;
    let (error, _) = next
        .refused(r#"{"method":"io.chatd.Control.Nothing"}"#)
        .await;
    assert_eq!(error, "org.varlink.service.MethodNotFound");
}

#[tokio::test]
async fn a_caller_that_ends_its_own_side_is_answered_still() {
    let mut server = Server::start(4);
    let mut peer = server.connect().await;
    peer.say(PAUSE).await;
    peer.stream.shutdown().await.unwrap();
    server
        .call()
        .await
        .reply
        .send(Ok(Changed { changed: true }.into()));
    assert!(peer.hear().await.is_some());
    assert_eq!(peer.hear().await, None);
}

#[tokio::test]
async fn one_more_than_the_limit_is_told_that_there_is_no_room() {
    let server = Server::start(2);
    let mut inside = [server.connect().await, server.connect().await];
    for peer in &mut inside {
        assert!(
            peer.ask(r#"{"method":"org.varlink.service.GetInfo"}"#)
                .await
                .get("error")
                .is_none()
        );
    }
    let mut third = server.connect().await;
    assert_eq!(
        third.hear().await.unwrap()["error"],
        "io.chatd.Control.Busy"
    );
    assert_eq!(third.hear().await, None);
}

fn line(text: &str) -> LogLine {
    LogLine {
        line: Some(text.into()),
        missed: None,
    }
}

#[tokio::test]
async fn a_stream_goes_on_until_the_daemon_ends_it() {
    let mut server = Server::start(4);
    let mut peer = server.connect().await;
    peer.say(FOLLOW).await;
    let call = server.call().await;
    assert!(call.reply.part(line("one")).await);
    assert_eq!(
        peer.hear().await,
        Some(json!({"parameters": {"line": "one"}, "continues": true}))
    );
    drop(call);
    assert_eq!(peer.hear().await, Some(json!({"parameters": {}})));
    // And the connection serves the next call.
    peer.say(FOLLOW).await;
    server
        .call()
        .await
        .reply
        .send(Err(ControlError::ShuttingDown {}));
    assert_eq!(
        peer.hear().await.unwrap()["error"],
        "io.chatd.Control.ShuttingDown"
    );
}

#[tokio::test]
async fn a_stream_ends_when_its_caller_goes() {
    let mut server = Server::start(4);
    let mut peer = server.connect().await;
    peer.say(FOLLOW).await;
    let call = server.call().await;
    drop(peer);
    soon(call.reply.closed()).await;
    assert!(!call.reply.part(line("nobody hears this")).await);
}

#[tokio::test]
async fn a_stream_that_nobody_reads_makes_the_daemon_wait_and_then_ends() {
    let mut server = Server::start(4);
    let mut peer = server.connect().await;
    peer.say(FOLLOW).await;
    let call = server.call().await;
    let long = line(&"x".repeat(10_000));
    let mut parts = 0;
    while soon(call.reply.part(long.clone())).await {
        parts += 1;
        assert!(
            parts < 10_000,
            "{parts} parts are waiting for somebody who reads none"
        );
    }
}

#[tokio::test]
async fn when_the_daemon_stops_streams_end_well_and_answers_still_come() {
    let mut server = Server::start(4);
    let (mut follower, mut idle, mut asking) = (
        server.connect().await,
        server.connect().await,
        server.connect().await,
    );
    follower.say(FOLLOW).await;
    let _stream = server.call().await;
    asking
        .say(r#"{"method":"io.chatd.Control.Shutdown"}"#)
        .await;
    let shutdown = server.call().await;
    server.stop.send(true).unwrap();
    shutdown.reply.send(Ok(Changed { changed: true }.into()));
    assert!(asking.hear().await.unwrap().get("error").is_none());
    assert_eq!(follower.hear().await, Some(json!({"parameters": {}})));
    for peer in [&mut follower, &mut idle, &mut asking] {
        assert_eq!(peer.hear().await, None);
    }
    soon(server.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_has_an_end_of_its_own_and_does_not_come_to_it_ends_with_an_error() {
    const EXPORT: &str = r#"{"method":"io.chatd.Control.ExportUsers","more":true}"#;
    let mut server = Server::start(4);
    let (mut cut, mut stopped) = (server.connect().await, server.connect().await);
    cut.say(EXPORT).await;
    drop(server.call().await);
    let reply = soon(cut.hear()).await.unwrap();
    assert_eq!(reply["error"], "io.chatd.Control.Failed");
    stopped.say(EXPORT).await;
    let _call = server.call().await;
    server.stop.send(true).unwrap();
    let reply = soon(stopped.hear()).await.unwrap();
    assert_eq!(reply["error"], "io.chatd.Control.ShuttingDown");
}

#[tokio::test]
async fn a_daemon_that_takes_no_calls_any_more_is_told_of_as_stopping() {
    let mut server = Server::start(4);
    server.calls.close();
    let mut peer = server.connect().await;
    assert_eq!(peer.refused(PAUSE).await.0, "io.chatd.Control.ShuttingDown");
}

/// What a program that asks for GetInfo gets to see when another user runs it.
async fn ask_as(uid: u32, path: PathBuf) -> String {
    const TALK: &str = r#"
import socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
peer.sendall(b'{"method":"org.varlink.service.GetInfo"}\0')
print(peer.recv(9999).decode())
"#;
    let mut program = std::process::Command::new("python3");
    program.args(["-c", TALK]).arg(path).uid(uid).gid(12_345);
    let output = tokio::task::spawn_blocking(move || program.output()).await;
    let output = output.unwrap().expect("python3");
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

/// Being somebody else takes root; without, `peer.rs` shows the rule alone.
#[tokio::test]
async fn a_stranger_is_not_permitted_and_a_member_of_the_group_is() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let server = Server::start(4);
    std::fs::set_permissions(server.folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    std::os::unix::fs::chown(server.path(), None, Some(12_345)).unwrap();
    for (uid, mode, wanted) in [
        (12_345, 0o666, "org.varlink.service.PermissionDenied"),
        (12_345, 0o660, "\"product\":\"chatd\""),
        (0, 0o600, "\"product\":\"chatd\""),
    ] {
        std::fs::set_permissions(server.path(), PermissionsExt::from_mode(mode)).unwrap();
        let said = ask_as(uid, server.path()).await;
        assert!(said.contains(wanted), "{uid} {mode:o}: {said}");
    }
}
