//! The server's certificate: its own, a given one, one handed over, another one while people talk, and its end.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rustls::HandshakeKind;
use rustls::client::verify_server_name;
use rustls::pki_types::ServerName;
use rustls::server::ParsedCertificate;
use rustls::version::TLS12;
use serde_json::json;

use crate::support::tls::{Pair, client, usual_client};
use crate::support::{Daemon, run};

/// The server makes a certificate for itself and keeps it; what is made is for its owner's eyes only.
#[test]
fn a_certificate_of_its_own() {
    let mut daemon = Daemon::start();
    let fingerprint = daemon.greet_secure().security().fingerprint();
    let status = daemon.ctl_json(&["status"])["certificate"].clone();
    assert_eq!(status["fingerprint"], fingerprint.as_str());
    assert_eq!(status.get("expiresAt"), None, "it has no end: {status}");
    let table = daemon.ctl(&["status"]).done();
    assert!(
        table.contains(&fingerprint) && table.contains("has no end"),
        "{table}"
    );
    assert!(daemon.log().contains(&fingerprint), "the log names it");
    for file in ["tls-certificate.pem", "tls-key.pem"] {
        let mode = fs::metadata(daemon.state().join(file)).expect("it was made");
        assert_eq!(mode.permissions().mode() & 0o777, 0o600, "{file}");
    }
    daemon.restart();
    assert_eq!(daemon.greet_secure().security().fingerprint(), fingerprint);

    // Half of it is not made anew in silence: people would be told that somebody stands in between.
    daemon.stop();
    fs::remove_file(daemon.state().join("tls-key.pem")).expect("it is there");
    let text = run(&mut daemon.command(), "").failed(78);
    assert!(
        text.contains("tls-key.pem") && text.contains("delete"),
        "{text}"
    );
    fs::remove_file(daemon.state().join("tls-certificate.pem")).expect("it is there");
    daemon.launch();
    assert_ne!(daemon.greet_secure().security().fingerprint(), fingerprint);
}

/// What is made is for everything that the machine is called: for its name, and for the addresses that it listens on.
#[test]
fn a_certificate_for_this_host() {
    let daemon = Daemon::start();
    let mut anna = daemon.greet_secure();
    let chain = anna
        .security()
        .tls
        .peer_certificates()
        .expect("there is one");
    let certificate = ParsedCertificate::try_from(&chain[0]).expect("it can be read");
    let host = nix::unistd::gethostname().expect("there is one");
    let listens_on = daemon.address().ip().to_string();
    for name in [
        &*host.to_string_lossy(),
        "localhost",
        "127.0.0.1",
        "::1",
        &listens_on,
    ] {
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        verify_server_name(&certificate, &name).unwrap_or_else(|error| panic!("{name:?}: {error}"));
    }
    let other = ServerName::try_from("elsewhere.example").expect("a name");
    assert!(verify_server_name(&certificate, &other).is_err());
    // P-256, as an object identifier.
    let p_256 = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    assert!(
        chain[0].windows(10).any(|bytes| bytes == p_256),
        "a key of another kind"
    );
}

/// Another certificate while people talk: they go on, whoever comes is shown the new one, and a broken one changes nothing.
#[test]
fn another_certificate_while_people_talk() {
    let mut daemon = Daemon::prepare("", &[]);
    let pair = |name| Pair::make(daemon.folder(), name);
    let (first, second, other) = (pair("first"), pair("second"), pair("other"));
    daemon.configure(&first.settings());
    daemon.launch();
    let mut anna = daemon.greet_secure();
    anna.register("anna");
    assert_eq!(anna.security().fingerprint(), first.fingerprint);

    let refused = |settings: &str, words: &str| {
        daemon.configure(settings);
        let text = daemon.ctl(&["reload"]).failed(1);
        assert!(text.contains(words), "{text}");
        let reason = text.trim().rsplit(": ").next().expect("a reason");
        daemon.logged(reason);
        assert!(
            daemon.log().contains("ERROR cannot reload"),
            "{}",
            daemon.log()
        );
    };
    let mixed = Pair {
        certificate: first.certificate.clone(),
        key: other.key.clone(),
        fingerprint: String::new(),
    };
    refused(&mixed.settings(), "is not the key of");
    let missing = second.settings().replace("second.key", "nowhere.key");
    refused(&missing, "nowhere.key");
    fs::write(&other.certificate, "-----BEGIN CERTIFICATE-----\nnonsense").expect("it is ours");
    refused(&other.settings(), "holds no certificate");
    fs::write(
        &other.certificate,
        fs::read(&other.key).expect("it is there"),
    )
    .expect("it is ours");
    refused(&other.settings(), "holds no certificate");
    assert_eq!(
        daemon.greet_secure().security().fingerprint(),
        first.fingerprint
    );

    daemon.configure(&second.settings());
    let reloaded = daemon.ctl_json(&["reload"]);
    assert_eq!(reloaded["changed"], json!(["certificate"]));
    let mut boris = daemon.greet_secure();
    assert_eq!(boris.security().fingerprint(), second.fingerprint);
    let status = daemon.ctl_json(&["status"]);
    assert_eq!(
        status["certificate"]["fingerprint"],
        second.fingerprint.as_str()
    );
    boris.register("boris");
    let seq = anna.say("lobby", "did you notice?");
    boris.hears("lobby", seq, "anna", "did you notice?");
    let unchanged = daemon.ctl_json(&["reload"]);
    assert_eq!(unchanged["changed"], json!([]));

    daemon.stop();
    daemon.configure(&mixed.settings());
    let text = run(&mut daemon.command(), "").failed(78);
    assert!(text.contains("is not the key of"), "{text}");
    let check = run(daemon.command().arg("--check"), "");
    assert!(check.failed(78).contains("is not the key of"));
}

/// The end of a certificate is told of before it comes, and after.
#[test]
fn a_certificate_that_ends() {
    let mut daemon = Daemon::prepare("", &[]);
    // By the clock of this machine one ends within its last quarter, one has ended, one has time.
    let year = 1970
        + std::time::UNIX_EPOCH
            .elapsed()
            .expect("after 1970")
            .as_secs()
            / 31_556_952;
    let year = i32::try_from(year).expect("a year");
    let ends = Pair::make_for_days(daemon.folder(), "ends", 10);
    let ended = Pair::make_between(daemon.folder(), "ended", [year - 3, year - 1]);
    let fine = Pair::make_between(daemon.folder(), "fine", [year - 1, year + 3]);
    daemon.configure(&fine.settings());
    daemon.launch();
    let status = daemon.ctl_json(&["status"])["certificate"].clone();
    assert_eq!(
        status["expiresAt"],
        format!("{}-01-01T00:00:00.000Z", year + 3).as_str()
    );
    assert_eq!(status["expiresSoon"], false);
    assert!(!daemon.log().contains("renew it"), "{}", daemon.log());
    for (pair, words) in [
        (&ends, "WARN the certificate ends in 9 days; renew it"),
        (&ended, "ERROR the certificate has ended"),
    ] {
        daemon.configure(&pair.settings());
        daemon.ctl(&["reload"]).done();
        let status = daemon.ctl_json(&["status"])["certificate"].clone();
        assert_eq!(status["expiresSoon"], true, "{status}");
        daemon.logged(words);
        assert!(daemon.ctl(&["status"]).done().contains("renew it"));
    }
    // A start tells of it, too.
    daemon.configure(&ends.settings());
    daemon.restart();
    daemon.logged("WARN the certificate ends in 9 days; renew it");
    daemon.greet_secure().register("anna");
}

/// Whoever comes back shows a ticket and is known, but not to a server with another certificate.
#[test]
fn a_ticket_to_come_back() {
    let daemon = Daemon::start();
    let config = usual_client();
    let kind = |config: &Arc<_>| {
        let mut talker = daemon.connect().secure(Arc::clone(config));
        // The tickets come before the answer.
        talker.hello();
        talker.security().tls.handshake_kind().expect("it is done")
    };
    assert_eq!(kind(&config), HandshakeKind::Full);
    assert_eq!(kind(&config), HandshakeKind::Resumed);
    assert_eq!(kind(&config), HandshakeKind::Resumed);
    daemon.ctl(&["reload"]).done();
    assert_eq!(
        kind(&config),
        HandshakeKind::Resumed,
        "it is the same certificate"
    );
    daemon.configure(&Pair::make(daemon.folder(), "new").settings());
    daemon.ctl(&["reload"]).done();
    assert_eq!(kind(&config), HandshakeKind::Full);
    let old = client(&TLS12, &["chat/1"]);
    assert_eq!(kind(&old), HandshakeKind::Full);
    assert_eq!(kind(&old), HandshakeKind::Resumed);
}

/// Credentials of a service manager come before what the settings name, and both of them are needed.
#[test]
fn a_certificate_that_is_handed_over() {
    let daemon = Daemon::prepare("", &["--check"]);
    let pair = Pair::make(daemon.folder(), "pair");
    let credentials = daemon.folder().join("credentials");
    fs::create_dir(&credentials).expect("the folder is ours");
    let check = || {
        run(
            daemon.command().env("CREDENTIALS_DIRECTORY", &credentials),
            "",
        )
    };
    daemon.configure("[tls]\ncertificate = \"/nowhere/c\"\nkey = \"/nowhere/k\"\n");
    assert!(check().failed(78).contains("/nowhere/c"));
    fs::copy(&pair.certificate, credentials.join("chatd.tls-certificate")).expect("ours");
    assert!(check().failed(78).contains("credentials/chatd.tls-key"));
    fs::copy(&pair.key, credentials.join("chatd.tls-key")).expect("ours");
    check().done();
    fs::remove_file(credentials.join("chatd.tls-certificate")).expect("ours");
    assert!(
        check()
            .failed(78)
            .contains("credentials/chatd.tls-certificate")
    );
}
