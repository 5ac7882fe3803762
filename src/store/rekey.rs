//! The change to another identity key: everything that is sealed is opened and sealed anew, in one transaction. What
//! was sealed with the old key stays in free pages and in the log until they are written over, as ciphertext: whoever
//! has the old key and an old copy of the file could read it anyway.

use rusqlite::{Connection, Row, params};

use crate::base::UserId;
use crate::store::bans::open_network;
use crate::store::identity::{Identity, IdentityKey, Place};
use crate::store::rows::{refused, unreadable};
use crate::store::snapshot::open_name;
use crate::store::writer::{SqliteStore, begin};
use crate::store::{Rekeyed, StoreError, migrate};

/// Rows read at a time, and after which it is told how far it has come.
const ROWS: i64 = 1_000;

impl SqliteStore {
    /// See [`crate::store::Store::rekey`].
    pub(super) fn change_key(
        &mut self,
        key: Option<IdentityKey>,
        tell: &mut dyn FnMut(u64, u64),
    ) -> Result<Rekeyed, StoreError> {
        let successor = self.keys.successor(key)?;
        let sealed = self.seal_anew(successor.identity, tell);
        let sealed = sealed.map_err(|error| {
            let error = self.failed("seal anew", &error);
            // After an error that leaves it open what is on disk both keys are needed.
            if !self.broken {
                self.keys.clear_draft();
            }
            error
        })?;
        let key_file = self.keys.settle(successor.file.as_deref())?;
        Ok(Rekeyed { sealed, key_file })
    }

    fn seal_anew(&self, new: Identity, tell: &mut dyn FnMut(u64, u64)) -> rusqlite::Result<u64> {
        let transaction = begin(&self.connection)?;
        let sealed = {
            let change = Change {
                connection: &transaction,
                old: &self.keys.in_force(),
                new: &new,
            };
            change.all(tell)?
        };
        migrate::bind_anew(&transaction, &new)?;
        // Readers who come now wait for the commit: what they read they can open.
        let mut in_force = self.keys.to_replace();
        transaction.commit()?;
        *in_force = new;
        Ok(sealed)
    }
}

struct Change<'a> {
    connection: &'a Connection,
    old: &'a Identity,
    new: &'a Identity,
}

impl Change<'_> {
    fn all(&self, tell: &mut dyn FnMut(u64, u64)) -> rusqlite::Result<u64> {
        let count = "SELECT (SELECT count(*) FROM user) + (SELECT count(*) FROM session) + (SELECT count(*) FROM audit) \
                     + (SELECT count(*) FROM invite) + (SELECT count(*) FROM ban)";
        let total: i64 = self.connection.query_row(count, [], |row| row.get(0))?;
        let total = total.cast_unsigned();
        let mut sealed = 0;
        tell(sealed, total);
        let mut tell_more = |rows: u64| {
            sealed += rows;
            tell(sealed, total);
        };
        self.each(
            "SELECT id, name, last_login_from, removed FROM user WHERE id > ?1 ORDER BY id LIMIT ?2",
            |row| self.user(row),
            &mut tell_more,
        )?;
        self.each(
            "SELECT id, device FROM session WHERE id > ?1 ORDER BY id LIMIT ?2",
            |row| {
                let id: i64 = row.get(0)?;
                let device = self.value(
                    Place::Device(id.cast_unsigned()),
                    row.get_ref(1)?.as_blob()?,
                )?;
                self.run(
                    "UPDATE session SET device = ?2 WHERE id = ?1",
                    params![id, device],
                )
            },
            &mut tell_more,
        )?;
        self.each(
            "SELECT id, note FROM invite WHERE id > ?1 ORDER BY id LIMIT ?2",
            |row| {
                let id: u32 = row.get(0)?;
                let note = self.value(Place::Invite(id), row.get_ref(1)?.as_blob()?)?;
                self.run(
                    "UPDATE invite SET note = ?2 WHERE id = ?1",
                    params![id, note],
                )
            },
            &mut tell_more,
        )?;
        self.each(
            "SELECT id, network, reason FROM ban WHERE id > ?1 ORDER BY id LIMIT ?2",
            |row| self.ban(row),
            &mut tell_more,
        )?;
        self.each(
            "SELECT id, parameters, at FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2",
            |row| {
                let id: i64 = row.get(0)?;
                let parameters =
                    self.value(Place::Audit(row.get(2)?), row.get_ref(1)?.as_blob()?)?;
                self.run(
                    "UPDATE audit SET parameters = ?2 WHERE id = ?1",
                    params![id, parameters],
                )
            },
            &mut tell_more,
        )?;
        Ok(sealed)
    }

    fn user(&self, row: &Row) -> rusqlite::Result<()> {
        let id = UserId(row.get(0)?);
        let sealed = row.get_ref(1)?.as_blob()?;
        let name = open_name(self.old, id, sealed)?;
        let from = row.get_ref(2)?.as_blob_or_null()?;
        let from = from.map(|sealed| self.value(Place::LastLogin(id.0), sealed));
        let is_removed: bool = row.get(3)?;
        let hash = (!is_removed).then(|| self.new.name_hash(&name));
        self.run(
            "UPDATE user SET name = ?2, name_hash = ?3, last_login_from = ?4 WHERE id = ?1",
            params![
                id.0,
                self.value(Place::UserName(id.0), sealed)?,
                hash,
                from.transpose()?
            ],
        )
    }

    fn ban(&self, row: &Row) -> rusqlite::Result<()> {
        let id: i64 = row.get(0)?;
        let reason = self.value(Place::BanReason(id), row.get_ref(2)?.as_blob()?)?;
        let sealed = row.get_ref(1)?.as_blob_or_null()?;
        let hash = sealed.map(|sealed| open_network(self.old, id, sealed));
        let hash = hash
            .transpose()?
            .map(|network| self.new.network_hash(&network));
        let network = sealed.map(|sealed| self.value(Place::BanNetwork(id), sealed));
        self.run(
            "UPDATE ban SET network = ?2, network_hash = ?3, reason = ?4 WHERE id = ?1",
            params![id, network.transpose()?, hash, reason],
        )
    }

    /// Does something with every row of a table, in pages by the number in the first column.
    fn each(
        &self,
        page: &str,
        each: impl Fn(&Row) -> rusqlite::Result<()>,
        tell_more: &mut dyn FnMut(u64),
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare(page)?;
        let mut after = 0_i64;
        loop {
            let mut rows = statement.query([after, ROWS])?;
            let mut count = 0;
            while let Some(row) = rows.next()? {
                after = row.get(0)?;
                each(row)?;
                count += 1;
            }
            if count == 0 {
                return Ok(());
            }
            tell_more(count);
        }
    }

    fn run(&self, sql: &str, values: impl rusqlite::Params) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.execute(values).map(drop)
    }

    fn value(&self, place: Place, sealed: &[u8]) -> rusqlite::Result<Vec<u8>> {
        let plain = self.old.open(place, sealed).map_err(unreadable)?;
        self.new.seal(place, &plain).map_err(refused)
    }
}
