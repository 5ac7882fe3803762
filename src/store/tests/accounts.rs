//! Accounts that are disabled, and invites: what every store does with them.

use crate::base::invite::InviteState;
use crate::base::record::Change;
use crate::base::{InviteHash, InviteId, InviteRecord, Password, Timestamp, UserId};
use crate::store::tests::stage::{ANNA, BORIS, Stage, hash, log_in, make, snapshot, user};
use crate::store::{Entry, Outcome};

fn invite(id: u32, uses: u32) -> InviteRecord {
    InviteRecord {
        id: InviteId(id),
        hash: InviteHash::of(&Password::new(format!("code {id}"))),
        note: "for Clara".into(),
        uses,
        used: 0,
        created_at: Timestamp(1_000),
        created_by: 1_000,
        expires_at: Timestamp(5_000),
        revoked_at: None,
    }
}

/// Somebody makes an account with an invite at this moment.
fn comes(stage: &mut dyn Stage, id: u32, at: i64, number: u32, name: &str) -> Outcome {
    let used = Change::UseInvite(InviteId(id), Timestamp(at));
    let entry = Entry::Changes(vec![used, user(UserId(number), name)]);
    stage.store().commit(&[entry]).unwrap()[0]
}

pub(in crate::store) fn nobody_logs_in_to_an_account_that_is_disabled(stage: &mut dyn Stage) {
    let both = vec![
        user(ANNA, "anna"),
        user(BORIS, "boris"),
        log_in(1, ANNA, "anna"),
        log_in(2, BORIS, "boris"),
    ];
    make(stage.store(), both);
    let since = Some(Timestamp(4_000));
    let batch = [
        vec![Change::SetDisabled(ANNA, since)],
        vec![log_in(3, ANNA, "anna")],
        vec![log_in(4, BORIS, "boris")],
    ];
    let outcomes = stage.store().commit(&batch.map(Entry::Changes)).unwrap();
    assert_eq!(
        outcomes,
        [Outcome::Changed, Outcome::Taken, Outcome::Changed]
    );
    let stored = snapshot(stage.store());
    let disabled = |at: usize| stored.users[at].disabled_at;
    assert_eq!((disabled(0), disabled(1)), (since, None));
    let sessions = stored.sessions.iter().map(|session| session.id.0);
    assert_eq!(sessions.collect::<Vec<_>>(), [2, 4]);
    let known = stage.reader().password(ANNA).unwrap();
    assert_eq!(known, Some(hash("anna")), "it takes as long as ever");

    make(
        stage.store(),
        vec![Change::SetDisabled(ANNA, None), log_in(5, ANNA, "anna")],
    );
    assert_eq!(snapshot(stage.store()).users[0].disabled_at, None);
    make(stage.store(), vec![Change::SetDisabled(ANNA, since)]);
    make(stage.store(), vec![Change::RemoveUser(ANNA)]);
    let anna = snapshot(stage.store()).users.remove(0);
    assert_eq!((anna.removed, anna.disabled_at), (true, None));
}

pub(in crate::store) fn an_invite_is_counted_with_its_account_or_not_at_all(stage: &mut dyn Stage) {
    let invites = [invite(1, 1), invite(2, 2), invite(3, 9)];
    make(
        stage.store(),
        invites.clone().map(Change::AddInvite).to_vec(),
    );
    assert_eq!(snapshot(stage.store()).invites, invites);
    make(stage.store(), vec![user(ANNA, "anna")]);
    assert_eq!(comes(stage, 1, 2_000, 2, "Anna"), Outcome::Taken, "a name");
    assert_eq!(comes(stage, 1, 5_000, 2, "boris"), Outcome::Taken, "late");
    assert_eq!(comes(stage, 7, 2_000, 2, "boris"), Outcome::Taken, "none");
    assert_eq!(comes(stage, 1, 4_999, 2, "boris"), Outcome::Changed);
    assert_eq!(comes(stage, 1, 2_000, 3, "clara"), Outcome::Taken, "used");
    assert_eq!(comes(stage, 2, 2_000, 3, "clara"), Outcome::Changed);
    let at = Timestamp(3_000);
    make(stage.store(), vec![Change::RevokeInvite(InviteId(2), at)]);
    assert_eq!(comes(stage, 2, 3_000, 4, "dora"), Outcome::Taken, "revoked");
    let later = Change::RevokeInvite(InviteId(2), Timestamp(4_000));
    make(stage.store(), vec![later]);

    let stored = snapshot(stage.store());
    let names = stored.users.iter().map(|user| user.name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["anna", "boris", "clara"]);
    let told = |invite: &InviteRecord| (invite.used, invite.revoked_at, invite.state(at));
    let told: Vec<_> = stored.invites.iter().map(told).collect();
    let expected = [
        (1, None, InviteState::Used),
        (1, Some(at), InviteState::Revoked),
        (0, None, InviteState::Open),
    ];
    assert_eq!(told, expected);
    assert_eq!(stored.invites[0].state(Timestamp(9_000)), InviteState::Used);
    let expired = stored.invites[2].state(Timestamp(5_000));
    assert_eq!(expired, InviteState::Expired);

    make(
        stage.store(),
        vec![
            Change::RemoveInvite(InviteId(3)),
            Change::RemoveInvite(InviteId(3)),
        ],
    );
    let stored = snapshot(stage.store());
    assert_eq!(stored.invites.len(), 2);
    assert_eq!(stored.next_invite, InviteId(4), "never given twice");
}

/// Of a hundred who come at once with an invite for one, one comes in.
pub(in crate::store) fn an_invite_for_one_lets_one_in_of_many(stage: &mut dyn Stage) {
    make(stage.store(), vec![Change::AddInvite(invite(1, 1))]);
    let come = |number| {
        let used = Change::UseInvite(InviteId(1), Timestamp(2_000));
        Entry::Changes(vec![
            used,
            user(UserId(number), &format!("person-{number}")),
        ])
    };
    let batch: Vec<_> = (1..=100).map(come).collect();
    let outcomes = stage.store().commit(&batch).unwrap();
    assert_eq!(outcomes[0], Outcome::Changed);
    assert!(
        outcomes[1..]
            .iter()
            .all(|outcome| *outcome == Outcome::Taken)
    );
    let stored = snapshot(stage.store());
    assert_eq!((stored.users.len(), stored.invites[0].used), (1, 1));
}
