//! Every role against every verb: what comes of each request of a client, and of each method of the control socket, by
//! who asks. A request or a method without its row fails.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use chatd::wire::Request;
use chatd::wire::control::METHODS;
use nix::unistd::{Gid, chown};
use serde_json::Value;

use crate::support::{
    Daemon, Heard, PASSWORD, PATIENCE, Process, Talker, UNHURRIED, ask, clean, request, run,
    skipped,
};

/// What is answered: the type, or the code of the error. `-`: nothing, the connection has ended. Who is logged in asks about
/// a room that they are in, or an operator of, that others are in, also as a moderator, that nobody has made, or about the
/// conversation of two others; and about somebody in the room who has no role.
const REQUESTS: &str = "
              silent       greeted        member       operator     moderator     outsider      nowhere       third         logged-out     revoked  removed  disabled
    hello     hello        hello          hello        hello        hello         hello         hello         hello         hello          -        -        -
    register  bad-request  welcome        bad-request  bad-request  bad-request   bad-request   bad-request   bad-request   welcome        -        -        -
    login     bad-request  welcome        bad-request  bad-request  bad-request   bad-request   bad-request   bad-request   welcome        -        -        -
    resume    bad-request  welcome        bad-request  bad-request  bad-request   bad-request   bad-request   bad-request   welcome        -        -        -
    logout    bad-request  not-logged-in  ok           ok           ok            ok            ok            ok            not-logged-in  -        -        -
    send      bad-request  not-logged-in  sent         sent         not-a-member  not-a-member  no-such-room  sent          not-logged-in  -        -        -
    join      bad-request  not-logged-in  joined       joined       joined        joined        no-such-room  bad-request   not-logged-in  -        -        -
    leave     bad-request  not-logged-in  ok           ok           not-a-member  not-a-member  no-such-room  bad-request   not-logged-in  -        -        -
    create    bad-request  not-logged-in  name-taken   name-taken   name-taken    name-taken    joined        bad-name      not-logged-in  -        -        -
    rooms     bad-request  not-logged-in  rooms        rooms        rooms         rooms         rooms         rooms         not-logged-in  -        -        -
    who       bad-request  not-logged-in  who          who          not-a-member  not-a-member  no-such-room  no-such-room  not-logged-in  -        -        -
    history   bad-request  not-logged-in  page         page         not-a-member  not-a-member  no-such-room  no-such-room  not-logged-in  -        -        -
    search    bad-request  not-logged-in  page         page         not-a-member  not-a-member  no-such-room  no-such-room  not-logged-in  -        -        -
    read      bad-request  not-logged-in  ok           ok           not-a-member  not-a-member  no-such-room  no-such-room  not-logged-in  -        -        -
    topic     bad-request  not-logged-in  forbidden    ok           ok            not-a-member  no-such-room  bad-request   not-logged-in  -        -        -
    password  bad-request  not-logged-in  ok           ok           ok            ok            ok            ok            not-logged-in  -        -        -
    redact    bad-request  not-logged-in  forbidden    ok           ok            not-a-member  no-such-room  no-such-room  not-logged-in  -        -        -
    kick      bad-request  not-logged-in  forbidden    ok           ok            forbidden     no-such-room  bad-request   not-logged-in  -        -        -
    ban       bad-request  not-logged-in  forbidden    ok           ok            forbidden     no-such-room  bad-request   not-logged-in  -        -        -
    unban     bad-request  not-logged-in  forbidden    ok           ok            forbidden     no-such-room  bad-request   not-logged-in  -        -        -
    mute      bad-request  not-logged-in  forbidden    ok           ok            forbidden     no-such-room  bad-request   not-logged-in  -        -        -
    unmute    bad-request  not-logged-in  forbidden    ok           ok            forbidden     no-such-room  bad-request   not-logged-in  -        -        -
    op        bad-request  not-logged-in  forbidden    ok           ok            forbidden     no-such-room  bad-request   not-logged-in  -        -        -
    deop      bad-request  not-logged-in  forbidden    ok           ok            forbidden     no-such-room  bad-request   not-logged-in  -        -        -
    typing    bad-request  not-logged-in  ok           ok           not-a-member  not-a-member  no-such-room  no-such-room  not-logged-in  -        -        -
    echo      bad-request  echo           echo         echo         echo          echo          echo          echo          echo           -        -        -
    ping      bad-request  pong           pong         pong         pong          pong          pong          pong          pong           -        -        -
";

/// A daemon on which anna has a room and a conversation with boris.
struct Place {
    daemon: Daemon,
    /// Anna's, for whoever comes back as her.
    token: String,
    people: usize,
}

impl Place {
    fn new() -> Self {
        let daemon = Daemon::start_with(UNHURRIED, &[]);
        let mut anna = daemon.register("anna");
        daemon.register("boris");
        ask!(anna, "create", room: "tea").must_be("joined");
        anna.say("tea", "secret of the room");
        let mut eve = daemon.register("eve");
        ask!(eve, "join", room: "tea").must_be("joined");
        eve.say("tea", "something loud");
        anna.say("@boris", "secret of the two");
        Self {
            token: anna.token.clone(),
            daemon,
            people: 0,
        }
    }

    fn new_name(&mut self) -> String {
        self.people += 1;
        format!("person-{}", self.people)
    }

    /// Somebody in this role, and what their requests are about. Each is somebody new: some requests change who they are.
    fn somebody(&mut self, role: &str) -> (Talker, &'static str) {
        let room = match role {
            "nowhere" => "milk",
            "third" => "@boris",
            _ => "tea",
        };
        let talker = match role {
            "silent" => self.daemon.connect(),
            "greeted" => self.daemon.greet(),
            _ => self.person(role),
        };
        (talker, room)
    }

    fn person(&mut self, role: &str) -> Talker {
        let name = self.new_name();
        let mut talker = self.daemon.register(&name);
        match role {
            "member" => _ = ask!(talker, "join", room: "tea").must_be("joined"),
            "operator" => {
                ask!(talker, "join", room: "tea").must_be("joined");
                self.daemon.ctl(&["room", "op", "tea", &name]).done();
            }
            "moderator" => {
                _ = self
                    .daemon
                    .ctl(&["user", "role", &name, "moderator"])
                    .done()
            }
            "logged-out" => _ = ask!(talker, "logout").must_be("ok"),
            "revoked" => {
                let sessions = self.daemon.ctl_list(&["sessions"], "sessions");
                let theirs = |session: &&Value| session["user"] == *name;
                let id = sessions.iter().find(theirs).expect("it")["id"].to_string();
                self.daemon.ctl(&["session", "revoke", "--yes", &id]).done();
            }
            "removed" => _ = self.daemon.ctl(&["user", "remove", "--yes", &name]).done(),
            "disabled" => _ = self.daemon.ctl(&["user", "disable", "--yes", &name]).done(),
            "outsider" | "nowhere" | "third" => {}
            _ => panic!("who is '{role}'?"),
        }
        talker
    }

    fn request(&mut self, verb: &str, room: &str) -> Value {
        match verb {
            "hello" => request!("hello", protocol: 1, client: "stories/1"),
            "register" => request!("register", name: self.new_name(), password: PASSWORD),
            "login" => request!("login", name: "anna", password: PASSWORD),
            "resume" => request!("resume", token: self.token),
            "send" => request!("send", to: room, text: "I was here"),
            // Or there would be one from then on.
            "create" if room == "milk" => request!("create", room: "oat-milk"),
            "search" => request!("search", text: "secret", room: room),
            "read" => request!("read", room: room, seq: 1),
            // By somebody without a role.
            "redact" => request!("redact", room: room, seq: 2),
            "kick" | "ban" | "unban" | "mute" | "unmute" | "op" | "deop" => {
                let user = self.new_name();
                let mut victim = self.daemon.register(&user);
                ask!(victim, "join", room: "tea").must_be("joined");
                serde_json::json!({ "type": verb, "room": room, "user": user })
            }
            "topic" => request!("topic", room: room, topic: "I was here"),
            "password" => request!("password", old: PASSWORD, new: "another password"),
            "typing" => request!("typing", to: room),
            "echo" => request!("echo", text: "hi"),
            "join" | "leave" | "create" | "who" | "history" => {
                serde_json::json!({ "type": verb, "room": room })
            }
            _ => serde_json::json!({ "type": verb }),
        }
    }
}

/// What comes of a request.
fn outcome(talker: &mut Talker, request: Value) -> String {
    let ids = talker.try_begin_all([request]);
    match ids.and_then(|ids| talker.answer_within(ids[0], PATIENCE)) {
        None => "-".to_owned(),
        Some(answer) if answer["type"] == "error" => answer.code().to_owned(),
        Some(answer) => answer.text("type").to_owned(),
    }
}

/// Who may ask for what, and nothing of what is refused is done.
#[test]
fn every_role_and_every_request() {
    let mut place = Place::new();
    let mut lines = REQUESTS.lines().filter(|line| !line.trim().is_empty());
    let roles: Vec<_> = lines.next().expect("a head").split_whitespace().collect();
    let rows: BTreeMap<&str, Vec<&str>> = lines
        .map(|line| {
            let mut words = line.split_whitespace();
            (words.next().expect("a verb"), words.collect())
        })
        .collect();
    for verb in Request::TYPES {
        let row = rows.get(verb);
        let row = row.unwrap_or_else(|| panic!("who may ask for `{verb}`? It has no row"));
        assert_eq!(
            row.len(),
            roles.len(),
            "`{verb}` has a role too few or too many"
        );
        for (role, expected) in roles.iter().zip(row) {
            let (mut talker, room) = place.somebody(role);
            let request = place.request(verb, room);
            let came = outcome(&mut talker, request.clone());
            assert_eq!(came, *expected, "{role} asks {request}");
        }
    }
    assert_eq!(rows.len(), Request::TYPES.len(), "a row of no request");

    let mut anna = place.daemon.resume(&place.token, &[]);
    let texts = |anna: &mut Talker, room: &str| {
        let page = ask!(anna, "history", room: room).must_be("page");
        let texts = page.texts().into_iter();
        texts.map(|(_, text)| text).collect::<Vec<_>>()
    };
    let mut said = texts(&mut anna, "tea");
    said.retain(|text| !text.is_empty());
    assert_eq!(said, ["secret of the room", "I was here", "I was here"]);
    assert_eq!(texts(&mut anna, "@boris"), ["secret of the two"]);
    let mut third = place.somebody("third").0;
    let found = ask!(third, "search", text: "secret").must_be("page");
    assert_eq!(found.texts(), [], "in no room of theirs");
}

/// How chatctl calls each method; `$SESSION` is somebody's session, `$FOLDER` one that everybody may write to. What ends
/// everything comes last.
const CALLS: &[(&str, &str)] = &[
    ("Status", "status"),
    ("Pause", "pause"),
    ("Resume", "resume"),
    ("Reload", "reload"),
    ("SetLog", "log level debug"),
    ("ShowLog", "log show -n 1"),
    ("FollowLog", "log follow -n 1"),
    ("ClearLog", "clear-log --yes"),
    ("ListUsers", "users"),
    ("AddUser", "user add clara"),
    ("ShowUser", "user show clara"),
    ("SetPassword", "user passwd --yes clara"),
    ("DisableUser", "user disable --yes clara"),
    ("EnableUser", "user enable clara"),
    ("RemoveUser", "user remove --yes clara"),
    ("CreateInvite", "invite create"),
    ("ListInvites", "invite list"),
    ("RevokeInvite", "invite revoke --yes 1"),
    ("ListSessions", "sessions"),
    ("ListConnected", "who"),
    ("ListRooms", "rooms"),
    ("ListNames", "complete bash -- user show a"),
    ("ListBehind", "lag"),
    ("GetStats", "stats"),
    ("FollowLoad", "top -n 1"),
    ("CreateRoom", "room create tea"),
    ("ListMembers", "room members lobby"),
    ("SetRole", "user role anna moderator"),
    ("AddOperator", "room op lobby anna"),
    ("RemoveOperator", "room deop lobby anna"),
    ("Ban", "ban --yes 192.0.2.0/24"),
    ("Unban", "unban 192.0.2.0/24"),
    ("Mute", "mute anna"),
    ("Unmute", "unmute anna"),
    ("ListBans", "bans"),
    ("SetTopic", "room topic tea green"),
    ("Redact", "redact --yes lobby 1"),
    ("ClearHistory", "clear-history --yes lobby"),
    ("RemoveRoom", "room remove --yes tea"),
    ("ExportHistory", "export history"),
    ("ExportUsers", "export users"),
    ("StageUsers", "import users --dry-run $FOLDER/users.csv"),
    ("ImportUsers", "import users --yes $FOLDER/users.csv"),
    ("Backup", "backup $FOLDER/backup.db"),
    ("Check", "check"),
    ("Reindex", "reindex"),
    ("Search", "search hello"),
    ("Kick", "kick --yes anna"),
    ("Announce", "announce hello"),
    ("RevokeSession", "session revoke --yes $SESSION"),
    ("Rekey", "rekey --yes"),
    ("ClearUsers", "clear-users --yes"),
    ("ListAudit", "audit"),
    ("FollowAudit", "audit -f"),
    ("Diagnose", "debug bundle $FOLDER/bundle.tar"),
    ("GetVersion", "version"),
    ("Drain", "shutdown --drain --limit 1m --yes"),
    ("Shutdown", "shutdown --yes"),
];

/// Somebody on this machine: a user and a group that has nobody else.
const STRANGER: (u32, u32) = (61_234, 61_234);
const GROUP: u32 = 61_235;

/// A daemon with people on it, and chatctl where everybody can run it.
struct Host {
    daemon: Daemon,
    _anna: Talker,
}

impl Host {
    fn new() -> Self {
        let daemon = Daemon::start();
        let mut anna = daemon.register("anna");
        anna.say("lobby", "hello");
        let program = daemon.folder().join("chatctl");
        std::fs::copy(env!("CARGO_BIN_EXE_chatctl"), &program).expect("a copy for everyone");
        for path in [&*program, daemon.folder()] {
            mode(path, 0o755);
        }
        let files = daemon.folder().join("files");
        std::fs::create_dir(&files).expect("a folder");
        mode(&files, 0o777);
        let users = "name,password\ndora,correct horse battery\n";
        std::fs::write(files.join("users.csv"), users).expect("a file");
        chown(&daemon.control(), None, Some(Gid::from_raw(GROUP))).expect("root can");
        Self {
            daemon,
            _anna: anna,
        }
    }

    /// Calls as this user and group; the exit status. One that follows ends once it was shown something.
    fn call(&self, (uid, gid): (u32, u32), call: &str, session: &str) -> i32 {
        let mut command = clean(
            self.daemon
                .folder()
                .join("chatctl")
                .to_str()
                .expect("a plain path"),
            Path::new("/"),
        );
        command.uid(uid).gid(gid);
        command.arg("--socket").arg(self.daemon.control());
        let files = self.daemon.folder().join("files");
        let call = call
            .replace("$SESSION", session)
            .replace("$FOLDER", files.to_str().expect("a plain path"));
        command.args(call.split(' '));
        if call.starts_with("log follow") || call.ends_with(" -f") {
            let mut process = Process::start(&mut command);
            return match process.next_line() {
                Some(_) => 0,
                None => process.finish().code,
            };
        }
        run(&mut command, &format!("{PASSWORD}\n")).code
    }

    fn session(&self) -> String {
        self.daemon.ctl_list(&["sessions"], "sessions")[0]["id"].to_string()
    }
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("ours");
}

/// The admin and the members of the group may call everything, everybody else nothing; where the socket is open to all,
/// the admin alone.
#[test]
fn every_caller_and_every_method() {
    let known: Vec<_> = METHODS.iter().map(|about| about.name).collect();
    for method in &known {
        let has_row = CALLS.iter().any(|(of, _)| of == method);
        assert!(has_row, "who may call `{method}`? It has no row");
    }
    assert_eq!(CALLS.len(), known.len(), "a row of no method");
    if !nix::unistd::geteuid().is_root() {
        return skipped("callers of other users", "only root can become another");
    }
    let (root, member) = ((0, 0), (STRANGER.0, GROUP));
    let refusing = Host::new();
    let session = refusing.session();
    let control = refusing.daemon.control();
    for (socket_mode, callers) in [
        (0o600, &[STRANGER, member][..]),
        (0o660, &[STRANGER]),
        (0o666, &[STRANGER, member]),
    ] {
        mode(&control, socket_mode);
        for caller in callers {
            for (method, call) in CALLS {
                let code = refusing.call(*caller, call, &session);
                assert_eq!(code, 4, "{caller:?} calls {method}, mode {socket_mode:o}");
            }
        }
    }
    let owner = std::fs::metadata(&control).expect("it is there");
    assert_eq!((owner.uid(), owner.gid()), (0, GROUP));
    let status = refusing.daemon.ctl_json(&["status"]);
    assert_eq!(status["state"], "serving", "{status}");
    assert_eq!(refusing.daemon.ctl_list(&["users"], "users").len(), 1);
    assert_eq!(refusing.session(), session);

    for (socket_mode, caller) in [(0o660, member), (0o666, root)] {
        let mut host = Host::new();
        mode(&host.daemon.control(), socket_mode);
        let session = host.session();
        for (method, call) in CALLS {
            if *method == "Shutdown" {
                // The one before has ended by itself.
                host = Host::new();
                mode(&host.daemon.control(), socket_mode);
            }
            let code = host.call(caller, call, &session);
            assert_eq!(code, 0, "{caller:?} calls {method}, mode {socket_mode:o}");
        }
    }
}
