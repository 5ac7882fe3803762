//! Names that are the same, and names that only look it: nobody is taken for another, before and after a restart.

use crate::support::{Daemon, Heard, PASSWORD, ask, refused};

/// Case and composition do not make another person; a look-alike of other letters is refused, of people and rooms alike.
#[test]
fn nobody_is_taken_for_another() {
    let mut daemon = Daemon::start();
    daemon.register("Ёлка");
    daemon.register("аеос");
    let mut dora = daemon.register("Dora");
    ask!(dora, "create", room: "сосо").must_be("joined");
    for _ in 0..2 {
        for same in ["ёлка", "ЁЛКА", "е\u{308}лка"] {
            daemon.login(same);
            refused!("name-taken": daemon.greet(), "register", name: same, password: PASSWORD);
        }
        // Latin for Cyrillic, a digit for a letter, letters that flow into another.
        for like in ["aeoc", "AEOC", "D0ra", "ꓓora"] {
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
            ("lоbby", "bad-name"),
        ] {
            let mut someone = daemon.greet();
            let answer = ask!(someone, "register", name: name, password: PASSWORD);
            assert_eq!(answer.code(), code, "{name}: {answer}");
        }
        daemon.restart();
    }
}
