//! Migrations: numbered per service, applied in order, each in one transaction, each once.

use std::collections::BTreeSet;

use anser_types::{Clock, Code, Error, Result};
use rusqlite::{Connection, params};

use crate::{Reader, failpoint::failpoint, sqlite::Faults};

/// One step of a service's schema.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Whose tables it changes.
    pub service: &'static str,
    /// 1, 2, 3 … without holes within the service.
    pub number: i64,
    /// The statements, in the portable subset. `/* clustered */` at the end of a table keeps its rows in the order of
    /// the primary key, which other engines do by themselves.
    pub sql: &'static str,
}

const ENGINE: &str = include_str!("../migrations/0001_engine.sql");

/// Brings the store to the newest version. A store that is newer than this program is refused.
pub(crate) fn run(connection: &mut Connection, migrations: &[Migration], clock: &Clock, faults: &Faults) -> Result<()> {
    engine(connection, faults)?;
    refuse_newer(connection, migrations, faults)?;
    let services: BTreeSet<&str> = migrations.iter().map(|migration| migration.service).collect();
    for service in services {
        let mut steps: Vec<&Migration> = migrations.iter().filter(|step| step.service == service).collect();
        steps.sort_unstable_by_key(|step| step.number);
        if steps.iter().zip(1..).any(|(step, number)| step.number != number) {
            return Err(Error::internal(format!("the migrations of {service} are not numbered 1, 2, 3 …")));
        }
        let applied = applied(connection, service, faults)?;
        for step in steps.into_iter().filter(|step| step.number > applied) {
            apply(connection, step, clock, faults)?;
        }
    }
    Ok(())
}

/// The engine's own tables, made where they are missing.
pub(crate) fn engine(connection: &Connection, faults: &Faults) -> Result<()> {
    connection.execute_batch(ENGINE).map_err(|error| faults.tell(error))
}

/// Up to which step each service's schema was applied, in the order of their names.
pub(crate) fn all_applied(reader: &Reader<'_>) -> Result<Vec<(String, i64)>> {
    let sql = "SELECT service, MAX(number) FROM engine_migration GROUP BY service ORDER BY service";
    reader.rows(sql, &[], |row| Ok((row.text(0)?, row.int(1)?)))
}

fn apply(connection: &mut Connection, step: &Migration, clock: &Clock, faults: &Faults) -> Result<()> {
    let tx = connection.transaction().map_err(|error| faults.tell(error))?;
    tx.execute_batch(&step.sql.replace("/* clustered */", "WITHOUT ROWID")).map_err(|error| faults.tell(error))?;
    tx.execute(
        "INSERT INTO engine_migration (service, number, applied_at) VALUES (?1, ?2, ?3)",
        params![step.service, step.number, clock.now()],
    )
    .map_err(|error| faults.tell(error))?;
    failpoint("migration");
    tx.commit().map_err(|error| faults.tell(error))
}

fn applied(connection: &Connection, service: &str, faults: &Faults) -> Result<i64> {
    connection
        .query_row("SELECT COALESCE(MAX(number), 0) FROM engine_migration WHERE service = ?1", [service], |row| {
            row.get(0)
        })
        .map_err(|error| faults.tell(error))
}

fn refuse_newer(connection: &Connection, migrations: &[Migration], faults: &Faults) -> Result<()> {
    let mut statement = connection
        .prepare("SELECT service, MAX(number) FROM engine_migration GROUP BY service")
        .map_err(|error| faults.tell(error))?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))
        .map_err(|error| faults.tell(error))?;
    for row in rows {
        let (service, number) = row.map_err(|error| faults.tell(error))?;
        let known = migrations.iter().filter(|step| step.service == service).map(|step| step.number).max().unwrap_or(0);
        if number > known {
            return Err(Error::new(
                Code::Unsupported,
                format!(
                    "the store was written by a newer version ({service} is at {number}, this program knows {known})"
                ),
            ));
        }
    }
    Ok(())
}
