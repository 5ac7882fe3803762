//! A file for a bug report: what is in it, what is not, and where it cannot be written.

use std::fs;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Daemon, Heard, Sluggard, UNHURRIED, ask, run, skipped};

const FILES: [&str; 10] = [
    "README.txt",
    "version.json",
    "status.json",
    "settings.txt",
    "stats.txt",
    "lag.json",
    "log.txt",
    "database.json",
    "system.txt",
    "units.txt",
];

/// What another program finds in the bundle, by name.
#[track_caller]
fn unpacked(bundle: &Path, to: &Path) -> Vec<(String, String)> {
    fs::create_dir_all(to).expect("the folder is ours");
    let tar = Command::new("tar")
        .arg("-xpf")
        .arg(bundle)
        .arg("-C")
        .arg(to)
        .status();
    assert!(tar.expect("tar is here").success());
    let folder = to.join("chatd-debug");
    assert_eq!(
        fs::read_dir(&folder).expect("a folder").count(),
        FILES.len()
    );
    let read = |name: &str| {
        let path = folder.join(name);
        let mode = fs::metadata(&path).expect(name).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
        (name.to_owned(), fs::read_to_string(path).expect("a text"))
    };
    FILES.map(read).to_vec()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// A server full of things that are nobody's business: none of them is in the bundle, neither as it is nor in the base64 or
/// the digits of its bytes. What a bug report needs is.
#[test]
fn nothing_in_it_is_anybodys_business() {
    let proxies =
        "server_name = \"Vombatus\"\nproxies = [\"203.0.113.0/24\"]\nlog.addresses = \"full\"\n";
    let daemon = Daemon::start_with(&format!("{proxies}{UNHURRIED}"), &[]);
    daemon.ctl(&["log", "level", "trace"]).done();
    let mut zebulon = daemon.greet();
    let welcome = ask!(
        zebulon, "register", name: "Zebulon-Q", password: "quagga quagga", device: "zebulons-phone"
    )
    .must_be("welcome");
    let mut yolanda = daemon.register("yolanda-z");
    ask!(zebulon, "create", room: "aardvarks").must_be("joined");
    ask!(zebulon, "topic", room: "aardvarks", topic: "numbat watching").must_be("ok");
    ask!(yolanda, "join", room: "aardvarks").must_be("joined");
    yolanda.say("aardvarks", "the okapi is late");
    yolanda.say("@zebulon-q", "between us kudus");
    ask!(zebulon, "search", text: "gnus").must_be("page");
    ask!(daemon.greet(), "login", name: "wanda-w", password: "a wrong ibex").must_be("error");
    for call in [
        &["room", "create", "pangolins", "--topic", "scales"][..],
        &["invite", "create", "--note", "for Xiomara"],
        &["announce", "the dugong is here"],
        &["kick", "--yes", "yolanda-z", "--reason", "bilby"],
        &["search", "tapir", "--direct"],
        &["user", "show", "zebulon-q"],
        &["user", "disable", "--yes", "yolanda-z"],
        &["room", "topic", "lobby", "quokkas"],
    ] {
        daemon.ctl(call).done();
    }
    daemon
        .ctl(&["kick", "--yes", "vilhelmina", "--reason", "potoroo"])
        .failed(1);
    // Somebody is behind, so that lag has something to say.
    let mut story = Sluggard::new(&daemon, "ulrike-u", "thaddeus");
    story.say_more();
    assert!(daemon.ctl_json(&["lag"])["behind"].as_u64() > Some(0));
    daemon.logged("method=Kick");

    let bundle = daemon.folder().join("bundle.tar");
    let said = daemon.ctl(&["debug", "bundle", text(&bundle)]).done();
    assert!(said.contains("is for a bug report: 10 files"), "{said}");
    let mode = fs::metadata(&bundle)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let files = unpacked(&bundle, &daemon.folder().join("unpacked"));
    let bytes = fs::read(&bundle).expect("it is there");
    let key = fs::read(daemon.state().join("identity.key")).expect("it is there");
    let has = |secret: &[u8]| {
        let mut windows = bytes.windows(secret.len());
        windows.any(|window| window.eq_ignore_ascii_case(secret))
    };
    let folder = daemon.folder().display().to_string();
    let host = nix::unistd::gethostname().expect("a name");
    let host = format!("{} ", host.to_str().expect("a plain name"));
    let token = welcome.text("token");
    for secret in [
        "zebulon",
        "yolanda",
        "wanda",
        "xiomara",
        "vilhelmina",
        "ulrike",
        "thaddeus",
        "vombatus",
        "phone",
        "aardvark",
        "pangolin",
        "numbat",
        "scales",
        "quokka",
        "okapi",
        "kudu",
        "gnus",
        "dugong",
        "tapir",
        "quagga",
        "ibex",
        "correct horse",
        "bilby",
        "potoroo",
        "203.0.113",
        "127.",
        token,
        &token[3..],
        &yolanda.token[3..],
        &folder,
        &host,
    ] {
        assert!(!has(secret.as_bytes()), "'{secret}' is in the bundle");
    }
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(&key);
    for secret in [&key[..], hex.as_bytes(), encoded.as_bytes()] {
        assert!(!has(secret), "the key is in the bundle");
    }
    tells_what_is_needed(&daemon, |name| {
        let file = files.iter().find(|(file, _)| file == name);
        file.map(|(_, text)| text.clone()).expect("it")
    });
}

/// What somebody needs who looks for a mistake of chatd.
#[track_caller]
fn tells_what_is_needed(daemon: &Daemon, file: impl Fn(&str) -> String) {
    let object = |name: &str| -> Value { serde_json::from_str(&file(name)).expect("JSON") };
    assert_eq!(object("version.json")["chatctl"], env!("CARGO_PKG_VERSION"));
    let status = object("status.json");
    assert_eq!((&status["users"], &status["rooms"]), (&json!(4), &json!(3)));
    let readers = object("lag.json")["readers"].clone();
    assert!(readers[0]["messages"].as_u64() > Some(0), "{readers}");
    let database = object("database.json");
    let messages = database["tables"].as_array().expect("a list").iter();
    let messages: Vec<_> = messages
        .filter(|table| table["name"] == "message")
        .collect();
    let stored = daemon.ctl_json(&["status"])["messages"].as_u64();
    assert!(messages[0]["rows"].as_u64() <= stored && stored > Some(0));
    assert_eq!(
        (&database["findings"], &database["whole"]),
        (&json!([]), &json!(true))
    );
    let settings = file("settings.txt");
    for line in [
        "server_name = (characters: 8)",
        "proxies = (networks: 1)",
        "limits.messages_burst = 1000000",
        "state folder = (elsewhere)",
    ] {
        assert!(settings.contains(line), "{settings}");
    }
    assert!(file("stats.txt").ends_with("# EOF\n"));
    assert!(file("system.txt").contains("kernel osrelease: "));
    let log = file("log.txt");
    let line_with = |text: &str| {
        let line = log.lines().find(|line| line.contains(text));
        line.unwrap_or_else(|| panic!("no '{text}' in {log}"))
            .to_owned()
    };
    let kicked = line_with("method=Kick outcome=ok");
    assert!(kicked.contains("INFO chatd::daemon::audit:"), "{kicked}");
    assert!(kicked.contains("\"an admin's command\" uid="), "{kicked}");
    // Who was who is the same in all lines.
    let number = |line: &str| {
        let (_, rest) = line.split_once("user=#").expect("a number");
        rest.split(' ').next().expect("it").to_owned()
    };
    let registered = line_with("\"an account was made\"");
    let created = line_with("\"a room was created\"");
    assert_eq!(number(&registered), number(&created));
    assert_ne!(
        number(&registered),
        number(&line_with("\"a login was refused\""))
    );
}

/// Into a pipe the same; as JSON the facts.
#[test]
fn into_a_pipe() {
    let daemon = Daemon::start();
    let file = daemon.folder().join("piped.tar");
    let line = format!(
        "'{}' --socket '{}' debug bundle - > '{}'",
        env!("CARGO_BIN_EXE_chatctl"),
        daemon.control().display(),
        file.display()
    );
    run(Command::new("sh").args(["-c", &line]), "").done();
    unpacked(&file, &daemon.folder().join("unpacked"));
    let other = daemon.folder().join("other.tar");
    let facts = daemon.ctl_json(&["debug", "bundle", text(&other)]);
    assert_eq!(facts["files"], json!(FILES));
    assert_eq!(facts["bytes"], fs::metadata(&other).expect("it").len());
}

/// Never over another file; and where it cannot be written, nothing is left.
#[test]
fn where_it_cannot_be_written() {
    let daemon = Daemon::start();
    let folder = daemon.folder().to_owned();
    let file = folder.join("bundle.tar");
    fs::write(&file, "precious").expect("the folder is ours");
    let stderr = daemon.ctl(&["debug", "bundle", text(&file)]).failed(1);
    assert!(
        stderr.contains("is there already; choose another name"),
        "{stderr}"
    );
    assert_eq!(fs::read(&file).expect("it is there"), b"precious");
    fs::remove_file(&file).expect("the folder is ours");
    let part = folder.join("bundle.tar.part");
    fs::write(&part, "half").expect("the folder is ours");
    let stderr = daemon.ctl(&["debug", "bundle", text(&file)]).failed(1);
    assert!(
        stderr.contains("left by a bundle that was broken off"),
        "{stderr}"
    );
    fs::remove_file(&part).expect("the folder is ours");
    let nowhere = folder.join("none/bundle.tar");
    let stderr = daemon.ctl(&["debug", "bundle", text(&nowhere)]).failed(1);
    assert!(stderr.contains("No such file or directory"), "{stderr}");

    let is_gone = || !file.exists() && !part.exists();
    let line = format!(
        "trap '' XFSZ; ulimit -f 8; exec '{}' --socket '{}' debug bundle '{}'",
        env!("CARGO_BIN_EXE_chatctl"),
        daemon.control().display(),
        file.display()
    );
    let stderr = run(Command::new("sh").args(["-c", &line]), "").failed(1);
    assert!(
        stderr.contains("nothing is left of it") && is_gone(),
        "{stderr}"
    );
    let mut nobody = daemon.ctl_command(&[]);
    nobody.args(["--socket", "/nowhere/control", "debug", "bundle"]);
    run(nobody.arg(&file), "");
    assert!(is_gone());

    let shut = folder.join("shut");
    fs::create_dir(&shut).expect("the folder is ours");
    fs::set_permissions(&shut, fs::Permissions::from_mode(0o500)).expect("it is ours");
    match nix::unistd::geteuid().is_root() {
        true => skipped("a folder without rights", "root may everything"),
        false => {
            let within = shut.join("bundle.tar");
            let stderr = daemon.ctl(&["debug", "bundle", text(&within)]).failed(1);
            assert!(stderr.contains("Permission denied"), "{stderr}");
        }
    }
    daemon.ctl(&["debug", "bundle", text(&file)]).done();
}

/// Of a database that is damaged it is told that it is.
#[test]
fn a_damaged_database() {
    let mut daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    anna.say("lobby", "hello");
    daemon.stop();
    let path = daemon.state().join("chatd.db");
    let database = rusqlite::Connection::open(&path).expect("ours");
    // A table that is looked at in searches alone.
    let page = "SELECT rootpage FROM sqlite_schema WHERE name = 'message_text_docsize'";
    let page: u32 = database
        .query_row(page, [], |row| row.get(0))
        .expect("it is there");
    drop(database);
    let file = fs::OpenOptions::new().write(true).open(&path);
    let torn = file
        .expect("ours")
        .write_all_at(&[0xff; 4096], u64::from(page - 1) * 4096);
    torn.expect("there is room");
    daemon.launch();
    let file = daemon.folder().join("bundle.tar");
    daemon.ctl(&["debug", "bundle", text(&file)]).done();
    let files = unpacked(&file, &daemon.folder().join("unpacked"));
    let (_, told) = files
        .iter()
        .find(|(name, _)| name == "database.json")
        .expect("it");
    let told: Value = serde_json::from_str(told).expect("JSON");
    let findings = told["findings"].to_string();
    assert!(findings.contains(&format!("{page}")), "{told}");
    assert!(
        !findings.contains("hello") && !findings.contains("anna"),
        "{told}"
    );
}
