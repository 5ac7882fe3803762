//! Shows, without a systemd, that the units name what there is: programs, pages, sockets, bounds and defaults. That they
//! work is shown by `tests/systemd`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use chatd::base::Limits;
use chatd::wire::DEFAULT_PORT;
use chatd::wire::control::SOCKET_NAME;

/// The programs and where the package puts them.
const PROGRAMS: [(&str, &str); 2] = [
    ("/usr/sbin/chatd", env!("CARGO_BIN_EXE_chatd")),
    ("/usr/bin/chatctl", env!("CARGO_BIN_EXE_chatctl")),
];

/// What systemd calls the exit codes of sysexits.h that stand in the units.
const EXIT_NAMES: [(&str, &str); 3] = [("USAGE", "64"), ("NOPERM", "77"), ("CONFIG", "78")];

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// All files in a folder that end so.
fn files(folder: &str, ending: &str) -> Vec<String> {
    let names = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
    let mut names: Vec<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(ending))
        .map(|name| format!("{folder}/{name}"))
        .collect();
    names.sort();
    names
}

/// A unit or a drop-in: the values of each setting, in their order, by `Section.Name`.
struct Unit(BTreeMap<String, Vec<String>>);

impl Unit {
    /// Reads a file, in which each line has to be a comment, a section or a setting.
    fn read(file: &str) -> Self {
        let (mut settings, mut section) = (BTreeMap::<_, Vec<_>>::new(), String::new());
        for (line, number) in read(file).lines().zip(1..) {
            let wrong = |what| -> ! { panic!("{file}:{number}: {what}: '{line}'") };
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[') {
                let name = name
                    .strip_suffix(']')
                    .unwrap_or_else(|| wrong("no section"));
                let known = ["Unit", "Service", "Socket", "Install"].contains(&name);
                assert!(known, "{file}:{number}: there is no section '{name}'");
                section = name.to_owned();
                continue;
            }
            let (name, value) = line.split_once('=').unwrap_or_else(|| wrong("no setting"));
            let is_name =
                name.starts_with(char::is_uppercase) && name.chars().all(char::is_alphanumeric);
            if section.is_empty() || !is_name || line.ends_with([' ', '\\']) {
                wrong("not as settings are written here");
            }
            let values = settings.entry(format!("{section}.{name}")).or_default();
            values.push(value.to_owned());
        }
        Self(settings)
    }

    /// All values of a setting.
    fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The only value of a setting.
    #[track_caller]
    fn one(&self, name: &str) -> &str {
        let [value] = self.all(name) else {
            panic!("{name} is set {} times", self.all(name).len());
        };
        value
    }

    /// The words of all its values.
    fn words(&self, name: &str) -> Vec<&str> {
        let values = self.all(name).iter();
        values.flat_map(|value| value.split(' ')).collect()
    }
}

fn service() -> Unit {
    Unit::read("systemd/chatd.service")
}

/// `const NAME: … = VALUE;` in a source file.
fn constant(file: &str, name: &str) -> String {
    let text = read(file);
    let line = text
        .lines()
        .find(|line| line.contains(&format!("const {name}: ")));
    let line = line.unwrap_or_else(|| panic!("there is no const {name} in {file}"));
    let (_, value) = line.split_once(" = ").unwrap();
    value
        .trim_end_matches(';')
        .trim_matches('"')
        .replace('_', "")
}

#[test]
fn every_unit_and_every_example_can_be_read() {
    let units = [files("systemd", ".service"), files("systemd", ".socket")].concat();
    assert_eq!(units.len(), 3, "{units:?}");
    let examples = files("systemd/examples", ".conf");
    assert_eq!(examples.len(), 3, "{examples:?}");
    let sockets = files("systemd/examples", ".socket");
    assert_eq!(sockets.len(), 1, "{sockets:?}");
    for file in [units, examples, sockets].concat() {
        Unit::read(&file);
    }
}

#[test]
fn programs_are_where_the_package_puts_them_and_know_their_arguments() {
    let unit = service();
    assert_eq!(unit.one("Service.ExecStart"), "/usr/sbin/chatd");
    for setting in ["Service.ExecStart", "Service.ExecReload"] {
        let mut words = unit.one(setting).split(' ');
        let installed = words.next().unwrap();
        let (_, program) = PROGRAMS
            .iter()
            .find(|(path, _)| *path == installed)
            .unwrap();
        let allowed = unit.words("Service.ExecPaths").contains(&installed);
        assert!(allowed, "{setting} runs what ExecPaths does not allow");
        let help = Command::new(program).args(words).arg("--help").output();
        assert!(help.unwrap().status.success(), "{setting}");
    }
}

#[test]
fn pages_and_examples_that_are_named_are_shipped() {
    for file in [files("systemd", ".service"), files("systemd", ".socket")].concat() {
        for page in Unit::read(&file).words("Unit.Documentation") {
            let page = page.strip_prefix("man:").unwrap().replace('(', ".");
            let page = format!("packaging/man/{}", page.trim_end_matches(')'));
            let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join(&page);
            assert!(
                shipped.exists(),
                "{file} names {page}, which is not shipped"
            );
        }
    }
    for file in ["src/base/catalog.rs", "systemd/chatd.service"] {
        for name in read(file).split("/usr/share/doc/chatd/examples/").skip(1) {
            let name: String = name
                .chars()
                .take_while(|letter| letter.is_alphanumeric() || *letter == '.')
                .collect();
            let name = name.trim_end_matches('.');
            let example =
                Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("systemd/examples/{name}"));
            assert!(
                example.exists(),
                "{file} names the example '{name}', which is not shipped"
            );
        }
    }
}

#[test]
fn the_service_and_its_sockets_name_each_other() {
    let unit = service();
    let sockets = files("systemd", ".socket");
    let sockets: Vec<_> = sockets
        .iter()
        .map(|file| file.strip_prefix("systemd/").unwrap())
        .collect();
    assert_eq!(unit.words("Service.Sockets"), sockets);
    assert_eq!(unit.words("Install.Also"), sockets);
    for socket in sockets {
        let socket = Unit::read(&format!("systemd/{socket}"));
        assert_eq!(socket.one("Socket.Service"), "chatd.service");
    }
}

#[test]
fn the_sockets_have_the_names_by_which_chatd_knows_them() {
    for (socket, name) in [("client", "CLIENT"), ("control", "CONTROL")] {
        let unit = Unit::read(&format!("systemd/chatd-{socket}.socket"));
        assert_eq!(
            unit.one("Socket.FileDescriptorName"),
            constant("src/daemon/handed.rs", name)
        );
    }
}

#[test]
fn the_example_of_a_socket_for_metrics_is_one_that_chatd_takes() {
    let socket = Unit::read("systemd/examples/chatd-metrics.socket");
    let name = constant("src/daemon/handed.rs", "METRICS");
    assert_eq!(socket.one("Socket.FileDescriptorName"), name);
    assert_eq!(socket.one("Socket.Service"), "chatd.service");
    let place = socket.one("Socket.ListenStream");
    assert!(read("packaging/chatd.toml").contains(&format!("\"{place}\"")));
    assert!(read("packaging/prometheus-alerts.yml").contains(place));
}

#[test]
fn every_credential_of_the_example_is_one_that_the_manual_tells_of() {
    let example = read("systemd/examples/credentials.conf");
    let manual = read("packaging/man/chatd.8").replace("\\-", "-");
    let lines = example
        .lines()
        .filter(|line| line.starts_with("#LoadCredential"));
    for line in lines {
        let (_, credential) = line.split_once('=').unwrap();
        let name = credential.split(':').next().unwrap();
        for (file, text) in [
            ("chatd(8)", &manual),
            ("chatd.service", &read("systemd/chatd.service")),
        ] {
            assert!(text.contains(name), "{file} does not tell of '{name}'");
        }
    }
    assert_eq!(service().one("Service.ImportCredential"), "chatd.*");
}

#[test]
fn the_sockets_are_where_people_and_admins_look_for_them() {
    let client = Unit::read("systemd/chatd-client.socket");
    // A port alone is every address, and only so it is one where there is no IPv6, too.
    assert_eq!(client.one("Socket.ListenStream"), DEFAULT_PORT.to_string());
    assert_eq!(client.one("Socket.BindIPv6Only"), "both");
    let head = read("systemd/chatd-client.socket");
    for address in ["127.0.0.1", "[::1]"] {
        let example = format!("#   ListenStream={address}:{DEFAULT_PORT}\n");
        assert!(head.contains(&example), "its head does not show {example}");
    }
    let control = Unit::read("systemd/chatd-control.socket");
    let path = control.one("Socket.ListenStream");
    assert_eq!(path, format!("/run/chatd/{SOCKET_NAME}"));
    assert_eq!(control.one("Socket.SocketMode"), "0660");
    assert_eq!(control.one("Socket.SocketGroup"), "chatd");
}

#[test]
fn the_bounds_of_the_service_are_those_of_the_daemon() {
    let unit = service();
    let number = |name: &str| -> u64 { unit.one(name).trim_end_matches('s').parse().unwrap() };
    let limits = Limits::default();
    // What chatd needs beside the connections grows with the cores: 200 files, and 5 for each.
    let spare = number("Service.LimitNOFILE") - u64::from(limits.connections);
    assert!(
        spare > 1_000,
        "{spare} files beside the connections are too few for a big machine"
    );
    assert!(number("Service.TimeoutStopSec") >= 2 * u64::from(limits.stop_seconds));
}

#[test]
fn what_only_an_admin_can_put_right_is_not_tried_again() {
    let unit = service();
    let not_again = unit.words("Service.RestartPreventExitStatus");
    let help = Command::new(env!("CARGO_BIN_EXE_chatd"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap().replace('\n', " ");
    for (name, code) in EXIT_NAMES {
        assert!(not_again.contains(&name), "{name} is tried again");
        assert!(
            help.contains(&format!(" {code} ")),
            "chatd does not end with {code}"
        );
    }
}

#[test]
fn an_empty_assignment_resets_what_the_service_has_set() {
    // Where an example sets something to nothing, the service has something to reset.
    for file in files("systemd/examples", ".conf") {
        for (name, values) in Unit::read(&file).0 {
            if values.iter().any(String::is_empty) {
                let is_set = !service().all(&name).is_empty();
                assert!(
                    is_set,
                    "{file} resets {name}, which the service does not set"
                );
            }
        }
    }
}

/// What a desktop does with an address: it has the program open it, on a terminal. Whoever made a link is given no password
/// of another server.
#[test]
fn the_desktop_file_opens_addresses_with_the_program() {
    let file = read("packaging/chat-client.desktop");
    for line in [
        "Exec=env -u CHAT_PASSWORD -u CHAT_PASSWORD_COMMAND chat-client %u",
        "Terminal=true",
        "MimeType=x-scheme-handler/chat;",
    ] {
        assert!(file.lines().any(|found| found == line), "no line '{line}'");
    }
    let install = "project/packaging/chat-client.desktop usr/share/applications";
    assert!(
        read("packaging/deb/chatd.install")
            .lines()
            .any(|line| line == install)
    );
}
