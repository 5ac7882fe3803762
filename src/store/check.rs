//! Whether a database is sound: its file, what refers to what, what is sealed, the numbers of the messages and the
//! search index. Goes through it in short read transactions, the file itself apart, which SQLite looks at in one.
//!
//! **The search index**: its inside is looked at by SQLite (`integrity_check` goes into virtual tables), and here, whether
//! each message that ought to be in it is, and no other, and whether it has the words of each (`words.rs`).
//!
//! What was cleared away and is still there, since it goes in small steps, is no mistake and not looked at.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, Row};

use crate::base::UserId;
use crate::store::bans::open_network;
use crate::store::identity::{Identity, Place};
use crate::store::long::Watch;
use crate::store::rows::{fault, unsigned};
use crate::store::snapshot::{open_name, open_text};
use crate::store::{StoreError, Upkeep, sqlite};
pub use logs::LogCount;
use logs::Offsets;

mod logs;
mod words;

/// What is told of one step at most; the first mistakes show what it is about.
const FINDINGS_MAX: usize = 20;
/// Rows looked at in one transaction: some milliseconds.
const ROWS: i64 = 2_000;

/// What is looked at, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The file itself: pages, trees, rows, the inside of the search index.
    Database,
    /// The numbers of the messages in each room.
    Numbering,
    /// Whatever refers to something else.
    References,
    /// What is sealed, and what names are looked up by.
    Keys,
    /// Whether each message is in the search index, with its words.
    SearchIndex,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Database,
        Self::Numbering,
        Self::References,
        Self::Keys,
        Self::SearchIndex,
    ];
}

/// How a check goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checking {
    /// So much of so much is looked at.
    Looked(Step, u64, u64),
    /// What there is of a log; told during [`Step::Numbering`].
    Log(LogCount),
    /// The step is over; what is wrong, if anything.
    Over(Step, Vec<String>),
}

impl Upkeep {
    /// Goes through everything. Ends early, without an error, once `gone` is set.
    ///
    /// # Errors
    /// When the database cannot be read at all.
    pub fn check(
        &self,
        gone: &Arc<AtomicBool>,
        tell: &mut dyn FnMut(Checking),
    ) -> Result<(), StoreError> {
        let mut connection = sqlite::connect_reader(&self.path)
            .map_err(|error| fault("open for reading", &self.path, &error))?;
        let watch = Watch::over(&self.path, gone, self.growth_max);
        (watch.clone())
            .set(&mut connection, || {})
            .map_err(|error| fault("open for reading", &self.path, &error))?;
        let mut check = Check {
            upkeep: self,
            connection: &connection,
            gone,
            tell,
            authors: HashSet::new(),
            findings: Vec::new(),
            index: Vec::new(),
            seen: Offsets::default(),
        };
        for step in Step::ALL {
            (check.tell)(Checking::Looked(step, 0, 0));
            // All others are short transactions.
            let is_long = step == Step::Database;
            watch.is_long.store(is_long, Ordering::Relaxed);
            let done = check.run(step);
            if gone.load(Ordering::Relaxed) {
                return Ok(());
            }
            if let Some(complaint) = watch.complaint("check", &self.path) {
                return Err(complaint);
            }
            // What cannot be read is what is wrong.
            if let Err(error) = done {
                check.found(format!("it cannot be read: {error}"));
            }
            let findings = std::mem::take(&mut check.findings);
            (check.tell)(Checking::Over(step, findings));
        }
        Ok(())
    }
}

struct Check<'a> {
    upkeep: &'a Upkeep,
    connection: &'a Connection,
    gone: &'a AtomicBool,
    tell: &'a mut dyn FnMut(Checking),
    /// Of the messages.
    authors: HashSet<u32>,
    /// Of the step that is under way.
    findings: Vec<String>,
    /// Of the search index; noticed together with the numbering.
    index: Vec<String>,
    seen: Offsets,
}

impl Check<'_> {
    fn found(&mut self, what: String) {
        note(&mut self.findings, what);
    }

    fn run(&mut self, step: Step) -> rusqlite::Result<()> {
        match step {
            Step::Database => self.database(),
            Step::Numbering => self.numbering(),
            Step::References => self.references(),
            Step::Keys => self.keys(),
            Step::SearchIndex => {
                // Noticed on the way.
                self.findings = std::mem::take(&mut self.index);
                match self.findings.is_empty() {
                    true => self.words(),
                    false => Ok(()),
                }
            }
        }
    }

    fn database(&mut self) -> rusqlite::Result<()> {
        let sql = format!("PRAGMA integrity_check({FINDINGS_MAX})");
        let connection = self.connection;
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let line: String = row.get(0)?;
            if line != "ok" {
                note(&mut self.findings, line);
            }
        }
        Ok(())
    }

    fn references(&mut self) -> rusqlite::Result<()> {
        let connection = self.connection;
        let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()?
            && self.findings.len() < FINDINGS_MAX
        {
            let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
            let found =
                format!("a row of '{table}' belongs to a row of '{parent}' that is not there");
            note(&mut self.findings, found);
        }
        let mut users = connection.prepare("SELECT id FROM user")?;
        let mut rows = users.query([])?;
        while let Some(row) = rows.next()? {
            self.authors.remove(&row.get(0)?);
        }
        let mut missing: Vec<_> = self.authors.drain().collect();
        missing.sort_unstable();
        for author in missing {
            self.found(format!(
                "messages are from account {author}, which is not there"
            ));
        }
        Ok(())
    }

    fn keys(&mut self) -> rusqlite::Result<()> {
        let user = |identity: &Identity, row: &Row| {
            let id: u32 = row.get(0)?;
            let name = open_name(identity, UserId(id), row.get_ref(1)?.as_blob()?);
            let hash: Option<Vec<u8>> = row.get(2)?;
            let address = row.get_ref(3)?.as_blob_or_null()?;
            let is_open =
                address.is_none_or(|sealed| identity.open(Place::LastLogin(id), sealed).is_ok());
            Ok(match name {
                Err(_) => Some(format!("the name of account {id} does not open")),
                Ok(_) if !is_open => {
                    Some(format!("the last address of account {id} does not open"))
                }
                Ok(name) if hash.is_some_and(|hash| hash != identity.name_hash(&name)) => {
                    Some(format!("account {id} is not found by its name, '{name}'"))
                }
                Ok(_) => None,
            })
        };
        let session = |identity: &Identity, row: &Row| {
            let id = unsigned(row, 0)?;
            let device = open_text(identity, Place::Device(id), row.get_ref(1)?.as_blob()?);
            Ok(device
                .is_err()
                .then(|| format!("the device of session {id} does not open")))
        };
        let invite = |identity: &Identity, row: &Row| {
            let id: u32 = row.get(0)?;
            let note = open_text(identity, Place::Invite(id), row.get_ref(1)?.as_blob()?);
            Ok(note
                .is_err()
                .then(|| format!("the note of invite {id} does not open")))
        };
        let audit = |identity: &Identity, row: &Row| {
            let (id, at): (i64, i64) = (row.get(0)?, row.get(1)?);
            let is_open = identity
                .open(Place::Audit(at), row.get_ref(2)?.as_blob()?)
                .is_ok();
            Ok((!is_open).then(|| format!("line {id} of the audit log does not open")))
        };
        self.sealed(
            "SELECT id, name, name_hash, last_login_from FROM user WHERE id > ?1 ORDER BY id LIMIT ?2",
            user,
        )?;
        self.sealed(
            "SELECT id, device FROM session WHERE id > ?1 ORDER BY id LIMIT ?2",
            session,
        )?;
        let ban = |identity: &Identity, row: &Row| {
            let id: i64 = row.get(0)?;
            let network = row.get_ref(1)?.as_blob_or_null()?;
            let network = network.map(|sealed| open_network(identity, id, sealed));
            let hash: Option<Vec<u8>> = row.get(2)?;
            let reason = open_text(identity, Place::BanReason(id), row.get_ref(3)?.as_blob()?);
            Ok(match (network.transpose(), reason) {
                (Err(_), _) => Some(format!("the network of ban {id} does not open")),
                (_, Err(_)) => Some(format!("the reason of ban {id} does not open")),
                (Ok(network), Ok(_)) => network
                    .filter(|network| hash != Some(identity.network_hash(network).into()))
                    .map(|network| format!("ban {id} is not found by its network, {network}")),
            })
        };
        self.sealed(
            "SELECT id, network, network_hash, reason FROM ban WHERE id > ?1 ORDER BY id LIMIT ?2",
            ban,
        )?;
        self.sealed(
            "SELECT id, note FROM invite WHERE id > ?1 ORDER BY id LIMIT ?2",
            invite,
        )?;
        self.sealed(
            "SELECT id, at, parameters FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2",
            audit,
        )
    }

    /// Goes through a table whose first column is its number.
    fn sealed(
        &mut self,
        sql: &str,
        look: impl Fn(&Identity, &Row) -> rusqlite::Result<Option<String>>,
    ) -> rusqlite::Result<()> {
        let (mut last, mut is_over) = (0_i64, false);
        let connection = self.connection;
        let mut statement = connection.prepare(sql)?;
        while !is_over {
            // The key does not change between reading and opening.
            let identity = self.upkeep.keys.in_force();
            let mut rows = statement.query([last, ROWS])?;
            is_over = true;
            while let Some(row) = rows.next()? {
                (last, is_over) = (row.get(0)?, false);
                if let Some(found) = look(&identity, row)? {
                    note(&mut self.findings, found);
                }
            }
        }
        Ok(())
    }
}

fn note(findings: &mut Vec<String>, what: String) {
    match findings.len() {
        FINDINGS_MAX.. => {}
        last if last + 1 == FINDINGS_MAX => findings.push("and more like that".to_owned()),
        _ => findings.push(what),
    }
}
