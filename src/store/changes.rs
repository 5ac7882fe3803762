//! Each change of the stored state as the statements that make it. Runs inside the writer's transaction; knows nothing
//! of batches and numbers.

use rusqlite::{Connection, Error, ErrorCode, ToSql, params};

use crate::base::UserId;
use crate::base::record::UserRecord;
use crate::base::record::{Change, LastLogin, PasswordHash, RoomForm, RoomRecord, SessionRecord};
use crate::store::bans;
use crate::store::identity::{Identity, Place};
use crate::store::rows::{refused, signed};
use crate::store::tidy::remove_room;
use crate::store::{audit, invites};

/// What SQLite says when a row of a UNIQUE index is there already; another number of a primary key is a fault of ours.
const CONSTRAINT_UNIQUE: i32 = 2067;

/// Makes the change. Returns whether it could be made: not when a name is taken, a password no longer the account's, an
/// account disabled or an invite no longer open.
pub(super) fn apply(
    connection: &Connection,
    identity: &Identity,
    change: &Change,
) -> rusqlite::Result<bool> {
    let run = |sql: &str, values: &[&dyn ToSql]| {
        connection.prepare_cached(sql)?.execute(values).map(drop)
    };
    match change {
        Change::AddUser(user, password) => {
            return free(add_user(connection, identity, user, password));
        }
        Change::AddRoom(room) => return free(add_room(connection, room)),
        Change::AddSession(session, password) => {
            return add_session(connection, identity, session, password);
        }
        Change::UseInvite(id, at) => return invites::count_use(connection, *id, *at),
        Change::SetPassword(user, password) => run(
            "UPDATE user SET password = ?2 WHERE id = ?1 AND removed = 0",
            params![user.0, password.0],
        )?,
        Change::RemoveUser(user) => remove_user(connection, *user)?,
        Change::SetDisabled(user, since) => {
            run(
                "UPDATE user SET disabled_at = iif(?2 IS NULL, NULL, ifnull(disabled_at, ?2)) \
                 WHERE id = ?1 AND removed = 0",
                params![user.0, since.map(|at| at.0)],
            )?;
            if since.is_some() {
                run("DELETE FROM session WHERE user = ?1", params![user.0])?;
            }
        }
        Change::SetLastLogin(user, login) => set_last_login(connection, identity, *user, login)?,
        Change::RenewSession {
            id,
            seen_at,
            expires_at,
        } => run(
            "UPDATE session SET seen_at = ?2, expires_at = ?3 WHERE id = ?1",
            params![signed(id.0), seen_at.0, expires_at.0],
        )?,
        Change::RemoveSession(id) => {
            run("DELETE FROM session WHERE id = ?1", params![signed(id.0)])?
        }
        Change::RemoveSessions { user, but } => run(
            "DELETE FROM session WHERE user = ?1 AND id IS NOT ?2",
            params![user.0, but.map(|id| signed(id.0))],
        )?,
        Change::RemoveRoom(room) => remove_room(connection, *room)?,
        Change::SetTopic(room, topic) => run(
            "UPDATE room SET topic = ?2 WHERE id = ?1",
            params![room.0, topic],
        )?,
        Change::AddMember(member) => run(
            "INSERT INTO member (room, user, read_seq) SELECT room.id, user.id, ?3 FROM room, user \
             WHERE room.id = ?1 AND user.id = ?2 AND user.removed = 0 AND NOT EXISTS \
             (SELECT 1 FROM ban WHERE ban.user = ?2 AND ban.room = ?1 AND ban.kind = 0) ON CONFLICT DO NOTHING",
            params![member.room.0, member.user.0, signed(member.read_seq.0)],
        )?,
        Change::RemoveMember(room, user) => run(
            "DELETE FROM member WHERE room = ?1 AND user = ?2",
            params![room.0, user.0],
        )?,
        Change::SetRead(member) => run(
            "UPDATE member SET read_seq = max(read_seq, ?3) WHERE room = ?1 AND user = ?2",
            params![member.room.0, member.user.0, signed(member.read_seq.0)],
        )?,
        Change::AddAudit(record, entries_max) => {
            audit::add(connection, identity, record, *entries_max)?
        }
        Change::AddInvite(invite) => invites::add(connection, identity, invite)?,
        Change::RevokeInvite(id, at) => run(
            "UPDATE invite SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL",
            params![id.0, at.0],
        )?,
        Change::RemoveInvite(id) => run("DELETE FROM invite WHERE id = ?1", params![id.0])?,
        Change::SetModerator(user, moderator) => run(
            "UPDATE user SET moderator = ?2 WHERE id = ?1 AND removed = 0",
            params![user.0, moderator],
        )?,
        Change::SetOperator(room, user, operator) => run(
            "UPDATE member SET operator = ?3 WHERE room = ?1 AND user = ?2",
            params![room.0, user.0, operator],
        )?,
        Change::SetBan(ban) => bans::set(connection, identity, ban)?,
        Change::LiftBan(key) => bans::lift(connection, identity, key)?,
        Change::EndBans(now) => run("DELETE FROM ban WHERE until <= ?1", params![now.0])?,
    }
    Ok(true)
}

fn add_user(
    connection: &Connection,
    identity: &Identity,
    user: &UserRecord,
    password: &PasswordHash,
) -> rusqlite::Result<()> {
    let name = identity
        .seal(Place::UserName(user.id.0), user.name.as_str().as_bytes())
        .map_err(refused)?;
    connection
        .prepare_cached(
            "INSERT INTO user (id, name, name_hash, password, created_at, disabled_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            user.id.0,
            name,
            identity.name_hash(&user.name),
            password.0,
            user.created_at.0,
            user.disabled_at.map(|at| at.0)
        ])?;
    match &user.last_login {
        Some(login) => set_last_login(connection, identity, user.id, login),
        None => Ok(()),
    }
}

/// What was sealed under the key is erased rather than left sealed; the name stays as an author's.
fn remove_user(connection: &Connection, user: UserId) -> rusqlite::Result<()> {
    for sql in [
        "DELETE FROM session WHERE user = ?1",
        "DELETE FROM member WHERE user = ?1",
        "DELETE FROM ban WHERE user = ?1",
        "UPDATE user SET removed = 1, name_hash = NULL, password = NULL, last_login_at = NULL, \
         last_login_from = NULL, disabled_at = NULL, moderator = 0 WHERE id = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([user.0])?;
    }
    Ok(())
}

fn set_last_login(
    connection: &Connection,
    identity: &Identity,
    user: UserId,
    login: &LastLogin,
) -> rusqlite::Result<()> {
    let from = login
        .from
        .map(|address| {
            let plain = match address {
                std::net::IpAddr::V4(address) => address.octets().to_vec(),
                std::net::IpAddr::V6(address) => address.octets().to_vec(),
            };
            identity.seal(Place::LastLogin(user.0), &plain)
        })
        .transpose()
        .map_err(refused)?;
    connection
        .prepare_cached(
            "UPDATE user SET last_login_at = ?2, last_login_from = ?3 WHERE id = ?1 AND removed = 0",
        )?
        .execute(params![user.0, login.at.0, from])?;
    Ok(())
}

/// Not when the password was changed, or the account disabled or removed, while it was being looked at.
fn add_session(
    connection: &Connection,
    identity: &Identity,
    session: &SessionRecord,
    password: &PasswordHash,
) -> rusqlite::Result<bool> {
    let device = identity
        .seal(Place::Device(session.id.0), session.device.as_bytes())
        .map_err(refused)?;
    let added = connection
        .prepare_cached(
            "INSERT INTO session (id, user, token, device, created_at, expires_at, seen_at) \
             SELECT ?1, id, ?3, ?4, ?5, ?6, ?7 FROM user \
             WHERE id = ?2 AND password = ?8 AND disabled_at IS NULL",
        )?
        .execute(params![
            signed(session.id.0),
            session.user.0,
            session.token.0,
            device,
            session.created_at.0,
            session.expires_at.0,
            session.seen_at.0,
            password.0
        ])?;
    Ok(added > 0)
}

/// The log of a new room is empty: it begins behind the last number that the record says was given.
fn add_room(connection: &Connection, room: &RoomRecord) -> rusqlite::Result<()> {
    let (name, members) = match &room.form {
        RoomForm::Open(name) => (Some(name), None),
        RoomForm::Direct(lower, higher) => (None, Some((lower.0, higher.0))),
    };
    connection
        .prepare_cached(
            "INSERT INTO room (id, name, name_key, lower_user, higher_user, topic, created_at, first_seq, \
             indexed_seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            room.id.0,
            name.map(|name| name.as_str()),
            name.map(|name| name.key()),
            members.map(|(lower, _)| lower),
            members.map(|(_, higher)| higher),
            room.topic,
            room.created_at.0,
            signed(room.last_seq.next().0),
            signed(room.last_seq.0)
        ])?;
    Ok(())
}

/// Tells a name that is taken from a fault.
fn free(added: rusqlite::Result<()>) -> rusqlite::Result<bool> {
    match added {
        Ok(()) => Ok(true),
        Err(Error::SqliteFailure(error, _))
            if error.code == ErrorCode::ConstraintViolation
                && error.extended_code == CONSTRAINT_UNIQUE =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
