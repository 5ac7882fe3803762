//! The control socket, spoken to by hand: Varlink as others speak it, and bad input.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Daemon, Heard, PATIENCE, clean, run, undisturbed, until};

/// Somebody on the control socket.
struct Caller(UnixStream);

impl Caller {
    #[track_caller]
    fn connect(daemon: &Daemon) -> Self {
        let stream = UnixStream::connect(daemon.control()).expect("the socket is there");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
        Self(stream)
    }

    #[track_caller]
    fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("the server reads");
    }

    /// The next reply; `None` when the server has closed.
    #[track_caller]
    fn reply(&mut self) -> Option<Value> {
        let mut text = Vec::new();
        let mut byte = [0];
        loop {
            match self.0.read(&mut byte) {
                Ok(0) => return None,
                Ok(_) if byte[0] == 0 => {
                    return Some(serde_json::from_slice(&text).expect("JSON"));
                }
                Ok(_) => text.push(byte[0]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("no reply"),
                Err(_) => return None,
            }
        }
    }

    #[track_caller]
    fn call(&mut self, method: &str, parameters: Value) -> Value {
        let call = json!({"method": method, "parameters": parameters});
        self.write(format!("{call}\0").as_bytes());
        self.reply().expect("a reply")
    }

    /// Reads until the server has closed; gives back the replies before.
    #[track_caller]
    fn closed(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.reply()).collect()
    }
}

/// The interface describes itself, answers calls in order, and names what is wrong with one.
#[test]
fn it_speaks_varlink() {
    let daemon = Daemon::start();
    let mut caller = Caller::connect(&daemon);
    let info = caller.call("org.varlink.service.GetInfo", json!({}));
    let interfaces = info["parameters"]["interfaces"].as_array();
    let interfaces = interfaces.unwrap_or_else(|| panic!("no interfaces in {info}"));
    assert!(interfaces.contains(&json!("io.chatd.Control")), "{info}");
    let described = caller.call(
        "org.varlink.service.GetInterfaceDescription",
        json!({"interface": "io.chatd.Control"}),
    );
    let description = described["parameters"].text("description");
    assert!(description.contains("interface io.chatd.Control"));
    for method in [
        "Status",
        "Pause",
        "Resume",
        "Shutdown",
        "SetLog",
        "ClearLog",
        "ClearUsers",
    ] {
        assert!(
            description.contains(&format!("method {method}(")),
            "{method}"
        );
    }
    let calls = ["Status", "GetVersion", "Status"].map(|method| {
        format!(
            "{}\0",
            json!({"method": format!("io.chatd.Control.{method}")})
        )
    });
    caller.write(calls.concat().as_bytes());
    for field in ["pid", "protocol", "pid"] {
        let reply = caller.reply().expect("a reply");
        assert!(reply["parameters"][field].is_u64(), "{reply}");
    }

    for (method, parameters, error) in [
        (
            "io.chatd.Control.Dance",
            json!({}),
            "org.varlink.service.MethodNotFound",
        ),
        (
            "io.chatd.Cooking.Boil",
            json!({}),
            "org.varlink.service.InterfaceNotFound",
        ),
        (
            "io.chatd.Control.Kick",
            json!({}),
            "org.varlink.service.InvalidParameter",
        ),
        (
            "io.chatd.Control.Kick",
            json!({"user": 7}),
            "org.varlink.service.InvalidParameter",
        ),
        (
            "io.chatd.Control.Pause",
            json!({"colour": 1}),
            "org.varlink.service.InvalidParameter",
        ),
        (
            "io.chatd.Control.Kick",
            json!({"user": "nobody"}),
            "io.chatd.Control.NoSuchUser",
        ),
    ] {
        let reply = caller.call(method, parameters.clone());
        assert_eq!(reply["error"], error, "{method} {parameters}: {reply}");
    }
    let reply = caller.call("io.chatd.Control.Pause", json!({"colour": 1}));
    assert_eq!(reply["parameters"]["parameter"], "colour");
    assert_eq!(daemon.ctl_json(&["status"])["state"], "serving");
}

/// Garbage ends the connection of whoever sent it, and nothing else.
#[test]
fn garbage() {
    undisturbed("", |daemon| {
        for garbage in [
            &b"garbage\0"[..],
            b"\0",
            b"\0\0\0\0",
            b"[1]\0",
            b"\"Status\"\0",
            b"{\"method\":7}\0",
            b"{\"method\":\"\xff\xfe\"}\0",
            b"{}\0",
            "{\"method\":\"io.chatd.Control.Status\",\"parameters\":[]}\0".as_bytes(),
        ] {
            let mut caller = Caller::connect(daemon);
            caller.write(garbage);
            caller.0.shutdown(std::net::Shutdown::Write).expect("open");
            for reply in caller.closed() {
                assert!(reply["error"].is_string(), "{garbage:?} gave {reply}");
            }
        }
        let deep = format!("{{\"method\":\"x\",\"parameters\":{}", "[".repeat(50_000));
        let mut caller = Caller::connect(daemon);
        caller.write(format!("{deep}\0").as_bytes());
        caller.0.shutdown(std::net::Shutdown::Write).expect("open");
        assert!(
            caller
                .closed()
                .iter()
                .all(|reply| reply["error"].is_string())
        );
    });
}

/// Numbers that no number can hold, fields that come twice, and nesting: refused by name, and nothing is done.
#[test]
fn huge_numbers_doubles_and_depth() {
    undisturbed("", |daemon| {
        let huge = "9".repeat(100_000);
        for number in [
            "1e999",
            "-1",
            "1.5",
            "4294967296",
            "18446744073709551616",
            &huge,
        ] {
            for (method, parameter) in [
                ("ShowLog", "lines"),
                ("RevokeSession", "id"),
                ("Shutdown", "inSeconds"),
            ] {
                if method == "RevokeSession" && ["4294967296"].contains(&number) {
                    continue;
                }
                let mut caller = Caller::connect(daemon);
                caller.write(
                    format!(
                        "{{\"method\":\"io.chatd.Control.{method}\",\"parameters\":{{\"{parameter}\":{number}}}}}\0"
                    )
                    .as_bytes(),
                );
                let reply = caller.reply().expect("a reply");
                assert!(reply["error"].is_string(), "{method} {number:.30}: {reply}");
            }
        }
        for twice in [
            r#"{"method":"io.chatd.Control.Status","method":"io.chatd.Control.Shutdown"}"#,
            r#"{"method":"io.chatd.Control.ClearUsers","parameters":{"dryRun":true},"parameters":{}}"#,
            r#"{"method":"io.chatd.Control.ClearUsers","parameters":{"dryRun":true,"dryRun":false}}"#,
            r#"{"method":"io.chatd.Control.RemoveUser","parameters":{"name":"nobody","name":"wim"}}"#,
        ] {
            let mut caller = Caller::connect(daemon);
            caller.write(format!("{twice}\0").as_bytes());
            let reply = caller.reply().expect("a reply");
            assert!(reply["error"].is_string(), "{twice}: {reply}");
        }
        assert_eq!(daemon.ctl_json(&["status"])["state"], "serving");
        assert_eq!(daemon.ctl_list(&["users"], "users").len(), 2);
    });
}

/// Half a message that is never finished, by somebody who goes and by somebody who stays.
#[test]
fn half_a_message() {
    undisturbed("", |daemon| {
        let half = b"{\"method\":\"io.chatd.Control.ClearUsers\",\"par";
        let mut stays = Caller::connect(daemon);
        stays.write(half);
        let mut goes = Caller::connect(daemon);
        goes.write(half);
        drop(goes);
        let mut ends = Caller::connect(daemon);
        ends.write(half);
        ends.0.shutdown(std::net::Shutdown::Write).expect("open");
        assert!(ends.closed().iter().all(|reply| reply["error"].is_string()));
        assert_eq!(daemon.ctl_list(&["users"], "users").len(), 2);
    });
}

/// Ten megabytes without an end are not kept: the connection is closed long before.
#[test]
fn ten_megabytes() {
    undisturbed("", |daemon| {
        let before = daemon.memory_kib();
        let mut callers: Vec<_> = (0..8).map(|_| Caller::connect(daemon)).collect();
        for caller in &mut callers {
            let _ = caller.0.write_all(b"{\"method\":\"");
            let part = [b'x'; 65_536];
            let written = (0..160).take_while(|_| caller.0.write_all(&part).is_ok());
            assert!(written.count() < 160, "all ten megabytes were taken");
        }
        let after = daemon.memory_kib();
        assert!(after < before + 20 * 1_024, "{before} became {after} KiB");
        for caller in &mut callers {
            caller.closed();
        }
    });
}

/// The bound of connections on the control socket: past it one is told, and there is room again when somebody goes.
#[test]
fn too_many_callers() {
    undisturbed("[limits]\ncontrol_connections = 3", |daemon| {
        let callers: Vec<_> = (0..3)
            .map(|_| {
                let mut caller = Caller::connect(daemon);
                caller.call("io.chatd.Control.GetVersion", json!({}));
                caller
            })
            .collect();
        let stderr = daemon.ctl(&["status"]).failed(1);
        assert!(stderr.contains("try again"), "{stderr}");
        drop(callers);
        until("there is room", || {
            (daemon.ctl(&["status"]).code == 0).then_some(())
        });
    });
}

/// A caller that follows the log and does not read is not waited for.
#[test]
fn a_follower_that_does_not_read() {
    undisturbed("", |daemon| {
        daemon.ctl(&["log", "level", "trace"]).done();
        let mut deaf = Caller::connect(daemon);
        let call = json!({"method": "io.chatd.Control.FollowLog", "more": true});
        deaf.write(format!("{call}\0").as_bytes());
        for _ in 0..500 {
            daemon.greet();
        }
        let call = json!({"method": "io.chatd.Control.FollowLog"});
        let mut wrong = Caller::connect(daemon);
        wrong.write(format!("{call}\0").as_bytes());
        let reply = wrong.reply().expect("a reply");
        assert!(
            reply["error"].is_string(),
            "a stream without `more`: {reply}"
        );
    });
}

/// A stranger is turned away by the mode of the socket, and where somebody has changed that, by who they are.
#[test]
fn a_stranger() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("NOT SHOWN: only root can become a stranger");
        return;
    }
    const NOBODY: u32 = 65_534;
    undisturbed("", |daemon| {
        let open = |path: &std::path::Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("ours");
        };
        let program = daemon.folder().join("chatctl");
        std::fs::copy(env!("CARGO_BIN_EXE_chatctl"), &program).expect("a copy for everyone");
        open(&program, 0o755);
        open(daemon.folder(), 0o755);
        let program = program.to_str().expect("a plain path");
        for mode in [None, Some(0o666)] {
            if let Some(mode) = mode {
                open(&daemon.control(), mode);
            }
            for args in [&["status"][..], &["pause"], &["clear-users", "--yes"]] {
                let mut command = clean(program, std::path::Path::new("/"));
                command.uid(NOBODY).gid(NOBODY);
                command.arg("--socket").arg(daemon.control()).args(args);
                let stderr = run(&mut command, "").failed(4);
                assert!(!stderr.is_empty(), "turned away without a word");
            }
        }
        assert_eq!(daemon.ctl_json(&["status"])["state"], "serving");
        assert_eq!(daemon.ctl_list(&["users"], "users").len(), 2);
    });
}

/// A daemon that is busy with a slow caller still answers others within reason.
#[test]
fn one_slow_caller_holds_up_nobody() {
    undisturbed("", |daemon| {
        let mut slow: Vec<_> = (0..10).map(|_| Caller::connect(daemon)).collect();
        for caller in &mut slow {
            let status = format!("{}\0", json!({"method": "io.chatd.Control.Status"}));
            caller
                .0
                .set_write_timeout(Some(Duration::from_millis(200)))
                .expect("a socket");
            // Asks and never reads, as long as it is listened to.
            let asked = (0..2_000).take_while(|_| caller.0.write_all(status.as_bytes()).is_ok());
            assert!(asked.count() > 0);
        }
        daemon.ctl(&["status"]).done();
    });
}
