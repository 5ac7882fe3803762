//! One account and the invites as people see them, on a wide terminal and on a narrow one.

use super::{NARROW, NOW, WIDE, ago};
use crate::base::{InviteId, Password, Seq, SessionId};
use crate::ctl::table::Look;
use crate::ctl::{account, invite};
use crate::wire::control::{
    AccountRoom, AccountState, Invite, InviteCreated, InviteState, Invites, Session, ShownUser,
};

fn anna(state: AccountState) -> ShownUser {
    let is_active = state == AccountState::Active;
    let session = |id, device: &str, connections| Session {
        id: SessionId(id),
        user: "anna".into(),
        device: device.into(),
        created_at: ago(5 * 86_400),
        seen_at: ago(90),
        expires_at: ago(-85 * 86_400),
        connections,
    };
    let room = |name: &str, read: u64, last: u64| AccountRoom {
        name: name.into(),
        direct: name.starts_with('@'),
        last_seq: Seq(last),
        read_seq: Seq(read),
        unread: last - read,
    };
    let sessions = vec![
        session(7, "chat-client/0.1.0 on ship", 1),
        session(9, "evil\u{1b}[2J telephone", 0),
    ];
    let rooms = vec![room("lobby", 10_000, 10_000), room("@李雷", 7, 423)];
    ShownUser {
        name: "anna".into(),
        state,
        created_at: ago(40 * 86_400),
        disabled_at: (state == AccountState::Disabled).then(|| ago(7_200)),
        last_login_at: is_active.then(|| ago(180)),
        last_login_from: Some("192.0.2.7".into()),
        moderator: is_active,
        connections: is_active.into(),
        sessions: if is_active { sessions } else { vec![] },
        rooms: if state == AccountState::Removed {
            vec![]
        } else {
            rooms
        },
    }
}

#[test]
fn all_about_somebody() {
    insta::assert_snapshot!(account::account(&anna(AccountState::Active), NOW, WIDE), @r"
    anna
      state       active
      role        moderator
      created     2026-10-11 10:30:00 UTC, 40 days ago
      last login  2026-11-20 10:27:00 UTC, 3 min ago
      from        192.0.2.7
      online      1 connection
      rooms       2, 416 messages unread

      SESSION  ONLINE  USED       ENDS        BEGAN       DEVICE
            7       1  1 min ago  in 85 days  5 days ago  chat-client/0.1.0 on ship
            9       0  1 min ago  in 85 days  5 days ago  evil\u{1b}[2J telephone

      ROOM   UNREAD   READ   LAST
      @李雷     416      7    423
      lobby       0  10000  10000
    ");
    insta::assert_snapshot!(account::account(&anna(AccountState::Active), NOW, NARROW), @"
    anna
      state       active
      role        moderator
      created     2026-10-11 10:30:00 UTC, …
      last login  2026-11-20 10:27:00 UTC, …
      from        192.0.2.7
      online      1 connection
      rooms       2, 416 messages unread

      SESSION  ONLINE  USED …
            7       1  1 min ago
            9       0  1 min ago

      ROOM   UNREAD   READ   LAST
      @李雷     416      7    423
      lobby       0  10000  10000
    ");
    insta::assert_snapshot!(account::account(&anna(AccountState::Disabled), NOW, WIDE), @"
    anna
      state       disabled since 2026-11-20 08:30:00 UTC, 2 h ago
      role        none
      created     2026-10-11 10:30:00 UTC, 40 days ago
      last login  never
      from        -
      online      no
      rooms       2, 416 messages unread

      ROOM   UNREAD   READ   LAST
      @李雷     416      7    423
      lobby       0  10000  10000
    ");
    insta::assert_snapshot!(account::account(&anna(AccountState::Removed), NOW, WIDE), @"
    anna
      state       removed; the messages stay
      role        none
      created     2026-10-11 10:30:00 UTC, 40 days ago
      last login  never
      from        -
      online      no
      rooms       0, 0 messages unread
    ");
}

fn invites() -> Invites {
    let invite = |id, state, used, note: &str| Invite {
        id: InviteId(id),
        note: note.into(),
        state,
        uses: 3,
        used,
        created_at: ago(86_400),
        created_by: 1000,
        expires_at: ago(-6 * 86_400),
    };
    Invites {
        invites: vec![
            invite(1, InviteState::Used, 3, "the class of 2026"),
            invite(2, InviteState::Open, 1, "for 李雷\u{1b}[2J"),
            invite(3, InviteState::Revoked, 0, ""),
        ],
    }
}

#[test]
fn invites_that_are_made_and_listed() {
    let created = InviteCreated {
        id: InviteId(2),
        code: Password::new("7ZK0M1ZZQQ7ZK0M1ZZQQ7ZK0M1".into()),
        expires_at: ago(-7 * 86_400),
    };
    insta::assert_snapshot!(invite::created(&created, 3, NOW), @"
    7ZK0M1ZZQQ7ZK0M1ZZQQ7ZK0M1
    invite 2, good for 3 accounts until 2026-11-27 10:30:00 UTC, in 7 days; the code is not shown again
    ");
    insta::assert_snapshot!(invite::invites(&invites(), NOW, WIDE), @r"
    ID  STATE    USED  ENDS       CREATED     BY  NOTE
     2  open      1/3  in 6 days  24 h ago  1000  for 李雷\u{1b}[2J
     1  used      3/3  in 6 days  24 h ago  1000  the class of 2026
     3  revoked   0/3  in 6 days  24 h ago  1000
    ");
    insta::assert_snapshot!(invite::invites(&invites(), NOW, NARROW), @"
    ID  STATE    USED  ENDS       CREATED …
     2  open      1/3  in 6 days  24 h ago
     1  used      3/3  in 6 days  24 h ago
     3  revoked   0/3  in 6 days  24 h ago
    ");
    insta::assert_snapshot!(invite::invites(&Invites { invites: vec![] }, NOW, WIDE), @"there are no invites");
}

#[test]
fn nothing_is_wider_than_the_terminal() {
    use unicode_width::UnicodeWidthStr;
    for width in [10, 20, 33, 40, 80] {
        let look = Look {
            width,
            colour: false,
        };
        let texts = [
            account::account(&anna(AccountState::Active), NOW, look),
            invite::invites(&invites(), NOW, look),
        ];
        for line in texts.iter().flat_map(|text| text.lines()) {
            assert!(line.width() <= width, "{line:?} on {width}");
        }
    }
}
