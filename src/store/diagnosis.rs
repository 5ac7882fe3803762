//! What a bug report tells of a database: how large its parts are, and whether SQLite finds fault with it. Names of tables
//! and numbers; nothing that is in them.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::store::rows::fault;
use crate::store::{StoreError, Upkeep, sqlite};

/// What is told of faults at most.
const FINDINGS_MAX: u32 = 20;
/// Steps of SQLite between two looks at the time.
const STEPS: i32 = 10_000;

/// What there is to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// The version of the schema.
    pub schema: u64,
    /// The version of SQLite.
    pub sqlite: String,
    /// Bytes of a page.
    pub page_bytes: u64,
    /// Pages in the file.
    pub pages: u64,
    /// Of these, pages that are free.
    pub free_pages: u64,
    /// Bytes of the write-ahead log.
    pub log_bytes: u64,
    /// Tables and indexes.
    pub tables: Vec<TableSize>,
    /// What SQLite finds wrong with the file.
    pub findings: Vec<String>,
    /// Whether there was the time for all of it.
    pub whole: bool,
}

/// How large a table or an index is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSize {
    /// Its name.
    pub name: String,
    /// How many rows are in a table; unknown where there was no time to count them.
    pub rows: Option<u64>,
    /// What it takes in the file.
    pub bytes: u64,
}

impl Upkeep {
    /// Looks for at most so long, and no longer than until `gone` is set; what was not come to is left out.
    ///
    /// # Errors
    /// When the database cannot be read at all.
    pub fn diagnose(
        &self,
        gone: &Arc<AtomicBool>,
        time: Duration,
    ) -> Result<Diagnosis, StoreError> {
        let failed = |error| fault("open for reading", &self.path, &error);
        let mut connection = sqlite::connect_reader(&self.path).map_err(failed)?;
        let (gone, until) = (gone.clone(), Instant::now() + time);
        let is_over = move || gone.load(Ordering::Relaxed) || Instant::now() > until;
        connection
            .progress_handler(STEPS, Some(is_over))
            .map_err(failed)?;
        let mut diagnosis = header(&connection).map_err(failed)?;
        let mut log = self.path.as_os_str().to_owned();
        log.push("-wal");
        diagnosis.log_bytes = fs::metadata(log).map_or(0, |file| file.len());
        let looked = look(&connection, &mut diagnosis);
        diagnosis.whole = looked.is_ok();
        match looked {
            // What cannot be read is what is wrong.
            Err(error) if error.sqlite_error_code() != Some(INTERRUPTED) => {
                let code = error.sqlite_error().map_or(0, |error| error.extended_code);
                let finding = format!("it cannot be read (SQLite error {code})");
                diagnosis.findings.push(finding);
            }
            _ => {}
        }
        Ok(diagnosis)
    }
}

const INTERRUPTED: rusqlite::ErrorCode = rusqlite::ErrorCode::OperationInterrupted;

fn number(connection: &Connection, sql: &str) -> rusqlite::Result<u64> {
    let number: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(number.unsigned_abs())
}

fn header(connection: &Connection) -> rusqlite::Result<Diagnosis> {
    let number = |sql| number(connection, sql);
    Ok(Diagnosis {
        schema: number("PRAGMA user_version")?,
        sqlite: rusqlite::version().to_owned(),
        page_bytes: number("PRAGMA page_size")?,
        pages: number("PRAGMA page_count")?,
        free_pages: number("PRAGMA freelist_count")?,
        ..Diagnosis::default()
    })
}

/// What costs least comes first.
fn look(connection: &Connection, diagnosis: &mut Diagnosis) -> rusqlite::Result<()> {
    let sql = "SELECT name, pgsize FROM dbstat('main', 1) ORDER BY pgsize DESC, name";
    diagnosis.tables = connection
        .prepare(sql)?
        .query_map([], |row| {
            let bytes: i64 = row.get(1)?;
            Ok(TableSize {
                name: row.get(0)?,
                rows: None,
                bytes: bytes.unsigned_abs(),
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let sql = format!("PRAGMA quick_check({FINDINGS_MAX})");
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let line: String = row.get(0)?;
        if line != "ok" {
            diagnosis.findings.push(line);
        }
    }
    let is_table = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)";
    for table in &mut diagnosis.tables {
        if connection.query_row(is_table, [&table.name], |row| row.get(0))? {
            let name = table.name.replace('"', "\"\"");
            let sql = format!("SELECT count(*) FROM \"{name}\"");
            table.rows = Some(number(connection, &sql)?);
        }
    }
    Ok(())
}
