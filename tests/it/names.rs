//! Names that are the same, and names that only look it: nobody is taken for another, before and after a restart.

use crate::support::{Daemon, Heard, PASSWORD, ask, refused};

/// Case and composition do not make another person; a look-alike of other letters is refused, of people and rooms alike.
#[test]
fn nobody_is_taken_for_another() {
    let mut daemon = Daemon::start();
    daemon.register("Ёлка");
    daemon.register("аеос");
    daemon.register("paul");
    let mut dora = daemon.register("Dora");
    ask!(dora, "create", room: "сосо").must_be("joined");
    for _ in 0..2 {
        for same in ["ёлка", "ЁЛКА", "е\u{308}лка"] {
            daemon.login(same);
            refused!("name-taken": daemon.greet(), "register", name: same, password: PASSWORD);
        }
        // Latin for Cyrillic, a digit for a letter, letters that flow into another.
        for like in ["aeoc", "AEOC", "D0ra", "ꓓora", "pauI"] {
            let mut someone = daemon.greet();
            let answer = ask!(someone, "register", name: like, password: PASSWORD);
            let is_refused = ["name-taken", "bad-name"].contains(&answer.code());
            assert!(is_refused, "{like}: {answer}");
            let added = daemon.ctl_with(&["user", "add", like], &format!("{PASSWORD}\n"));
            assert_ne!(added.code, 0, "{like}: {added:?}");
        }
        let mut dora = daemon.login("dora");
        for like in ["coco", "COCO", "сосо"] {
            refused!("name-taken": dora, "create", room: like);
        }
        for (name, code) in [
            ("pаul", "bad-name"),
            ("аdmin", "bad-name"),
            ("root", "bad-name"),
            ("ADMlN", "bad-name"),
            ("everyone", "bad-name"),
            ("z\u{302}\u{31c}\u{333}\u{35b}\u{309}", "bad-name"),
            ("lоbby", "bad-name"),
        ] {
            let mut someone = daemon.greet();
            let answer = ask!(someone, "register", name: name, password: PASSWORD);
            assert_eq!(answer.code(), code, "{name}: {answer}");
        }
        daemon.restart();
    }
}
