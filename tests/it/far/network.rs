//! Bad links, in two network namespaces that nobody else sees: one of the daemon, one of a thread of the test. Both have no
//! name and go with those who are in them, whatever happens.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use socket2::SockRef;

use crate::ledger::member::{Member, Notes, ROOMS, Told};
use crate::ledger::{Dice, Report, compare, seed};
use crate::support::{Daemon, Heard, Talker, UNHURRIED, View, ask, request, skipped, until};

const SERVER: &str = "10.99.0.1";
const PORT: u16 = 2428;
const MEMBERS: u64 = 3;
/// How long nothing must come over a link before it is taken for dead.
const SILENCE: Duration = Duration::from_millis(1_500);

/// A daemon at the other end of a link.
struct Far {
    daemon: Daemon,
    address: SocketAddr,
}

fn call(program: &str, args: &str) -> Result<(), String> {
    let output = Command::new(program).args(args.split(' ')).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "{program} {args}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
}

impl Far {
    /// To be called in a thread that is in a namespace of its own.
    fn new() -> Result<Self, String> {
        let config = format!("allow_plaintext = true\n{UNHURRIED}");
        let mut daemon = Daemon::prepare(&config, &["--listen", &format!("0.0.0.0:{PORT}")]);
        daemon.comes_after("exec unshare --net \"$0\" \"$@\"");
        daemon.launch();
        let pid = daemon.pid();
        call(
            "ip",
            &format!("link add near type veth peer name far netns {pid}"),
        )?;
        call("ip", "addr add 10.99.0.2/24 dev near")?;
        call("ip", "link set near up")?;
        call(
            "nsenter",
            &format!("--net -t {pid} ip addr add {SERVER}/24 dev far"),
        )?;
        call("nsenter", &format!("--net -t {pid} ip link set far up"))?;
        Ok(Self {
            daemon,
            address: SocketAddr::new(SERVER.parse().expect("an address"), PORT),
        })
    }

    /// Makes both directions of the link bad: `netem`, or where the kernel has none, a short queue in front of a narrow
    /// link, which drops what does not fit.
    #[track_caller]
    fn spoil(&self) {
        let pid = self.daemon.pid();
        let both = |how: &str| {
            call("tc", &format!("qdisc replace dev near root {how}"))?;
            call(
                "nsenter",
                &format!("--net -t {pid} tc qdisc replace dev far root {how}"),
            )
        };
        let lossy = both("netem loss 5% delay 40ms 20ms rate 64kbit");
        let narrow = lossy.or_else(|why| {
            println!("no netem here ({why}); a queue that overflows loses instead");
            both("tbf rate 64kbit burst 2000 limit 6000")
        });
        if let Err(why) = narrow {
            skipped("64 kbit/s with loss, but not the cuts", &why);
        }
    }

    /// Where it was spoiled.
    fn mend(&self) {
        let pid = self.daemon.pid();
        let _ = call("tc", "qdisc del dev near root");
        let _ = call(
            "nsenter",
            &format!("--net -t {pid} tc qdisc del dev far root"),
        );
    }

    /// Neither side hears of it.
    #[track_caller]
    fn set(&self, state: &str) {
        call("ip", &format!("link set near {state}")).expect("it is ours");
    }

    #[track_caller]
    fn connect(&self) -> Talker {
        let mut talker = Talker::connect(self.address);
        talker.hello();
        talker
    }
}

/// Tells the story in a namespace of its own, where that may be.
#[track_caller]
fn in_a_network_of_its_own(name: &str, story: fn(&Far)) {
    let told = thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).map_err(|error| error.to_string())?;
        Far::new().map(|far| story(&far))
    });
    match told.join() {
        Ok(Ok(())) => {}
        Ok(Err(why)) => skipped(name, &why),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// A sender that has lost its packets waits longer and longer: after a cut it may take minutes (RFC 6298, 5.5).
const BACKOFF: Duration = Duration::from_secs(120);

/// Members of the ledger over a link of 64 kbit/s that loses packets and is cut off now and then: nothing acknowledged or
/// seen is lost, and all come to the same end.
#[test]
fn over_a_bad_link_nothing_is_lost() {
    in_a_network_of_its_own("the ledger over a bad link", |far| {
        let (seed, mut report) = (seed(), Report::default());
        let mut dice = Dice::new(seed);
        let mut founder = far.connect();
        founder.register("founder");
        for room in &ROOMS[1..] {
            ask!(founder, "create", room: room).must_be("joined");
        }
        let (counted, counter) = channel();
        let members = (0..MEMBERS).map(|number| {
            let mut talker = far.connect();
            talker.register(&format!("member-{number}"));
            for room in &ROOMS[1..] {
                ask!(talker, "join", room: room).must_be("joined");
            }
            let (tell, told) = channel();
            let member = Member::new(number, &talker.token, dice.roll(u64::MAX), counted.clone());
            (tell, thread::spawn(move || member.lives(&told)))
        });
        let members: Vec<_> = members.collect();
        let tell_all = |told| {
            for (tell, _) in &members {
                // Whoever has failed is found in the end.
                let _ = tell.send(told);
            }
        };
        far.spoil();
        tell_all(Told::Up(far.address));
        for _ in 0..3 {
            for _ in 0..20 {
                counter.recv_timeout(BACKOFF).expect("it goes on");
            }
            far.set("down");
            // What was on its way is counted, then nothing more.
            while counter.recv_timeout(SILENCE) != Err(RecvTimeoutError::Timeout) {}
            far.set("up");
        }
        counter.recv_timeout(BACKOFF).expect("it goes on");
        far.mend();
        tell_all(Told::Enough);
        for _ in 0..MEMBERS {
            while counter.recv_timeout(BACKOFF) == Ok(true) {}
        }
        let logs = ROOMS.map(|room| View::of_log(&mut founder, room));
        tell_all(Told::Heads([0, 1, 2].map(|room: usize| logs[room].cursor)));
        let notes: Vec<Notes> = (members.into_iter())
            .map(|(_, thread)| thread.join().expect("a member goes on"))
            .collect();
        for notes in &notes {
            compare(notes, &logs, &mut report);
        }
        assert!(
            report.troubles.is_empty(),
            "LEDGER_SEED={seed}: {:#?}",
            report.troubles
        );
        println!(
            "{} acknowledged and {} seen over a bad link, 0 lost",
            report.acknowledged, report.seen
        );
    });
}

/// Somebody is cut off in the middle of a frame and comes back, while the server still holds the old connection: what they
/// said is stored once, they miss nothing, and of the old connection nothing is left.
#[test]
fn half_a_frame_and_half_a_connection() {
    in_a_network_of_its_own("half-open connections", |far| {
        let mut boris = far.connect();
        boris.register("boris");
        let mut anna = far.connect();
        anna.register("anna");
        let mut tablet = far.connect();
        tablet.resume(&anna.token, &[("lobby", 0)]);
        for round in 0..5_u64 {
            let text = format!("said in round {round}");
            let send = request!("send", to: "lobby", text: text, key: format!("key-{round}"));
            let whole = send.to_string();
            let length = u32::try_from(whole.len() + 20).expect("it is short");
            anna.raw(&length.to_be_bytes());
            anna.raw(&whole.as_bytes()[..whole.len() / 2]);
            // What was written has come there: the answer to nothing shows it, on a connection that came later.
            ask!(boris, "echo", text: "there").must_be("echo");
            far.set("down");
            // A reset that is lost on the way: the server does not hear that anybody has gone.
            let linger = SockRef::from(anna.stream()).set_linger(Some(Duration::ZERO));
            linger.expect("a TCP socket");
            let token = anna.token.clone();
            drop(anna);
            far.set("up");
            anna = far.connect();
            anna.resume(&token, &[("lobby", round)]);
            assert_eq!(anna.request(send.clone()).must_be("sent").seq(), round + 1);
            assert_eq!(anna.request(send).must_be("sent").seq(), round + 1);
            assert_eq!(
                boris.expect_message("lobby"),
                (round + 1, "anna".into(), text.clone())
            );
            assert_eq!(
                tablet.expect_message("lobby"),
                (round + 1, "anna".into(), text)
            );
        }
        until("nothing is left of the old connections", || {
            ask!(boris, "typing", to: "lobby").must_be("ok");
            let status = far.daemon.ctl_json(&["status"]);
            (status["connections"] == 3).then_some(())
        });
    });
}
