//! Counts anew what went from one domain to another, from the records of the audit file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use chrono::DateTime;
use samite_engine::Engine;
use samite_engine::events::{MovedData, MovementKey};
use serde::Deserialize;

use super::file::files;

/// The bytes of records that are read when a server starts; those of older files are left out.
const BYTES_MAX: u64 = 256 << 20;

/// What is read of a record.
#[derive(Deserialize)]
struct Record {
    time: i64,
    #[serde(default)]
    query_info: Option<Query>,
    unmapped: Unmapped,
}

#[derive(Deserialize)]
struct Query {
    uid: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unmapped {
    domain: Option<String>,
    product: Option<String>,
    purpose: Option<String>,
    consumer_domain: Option<String>,
    consumer_kind: Option<String>,
    #[serde(default)]
    rows_read: u64,
    #[serde(default)]
    rows_passed: u64,
    #[serde(default)]
    bytes_read: u64,
}

/// Counts anew what went from one domain to another, from what the newest files of a chain tell.
pub(crate) fn restore(engine: &Engine, path: &Path) {
    let mut left = BYTES_MAX;
    let mut files = files(path);
    files.retain(|file| std::fs::metadata(file).is_ok_and(|found| found.is_file()));
    let mut newest = Vec::new();
    while let Some(file) = files.pop() {
        let bytes = std::fs::metadata(&file).map_or(0, |found| found.len());
        if bytes > left {
            break;
        }
        left -= bytes;
        newest.push(file);
    }
    for file in newest.iter().rev() {
        if let Err(error) = count(engine, file) {
            tracing::warn!(%error, "an audit file cannot be read, and data_movement begins later");
        }
    }
}

fn count(engine: &Engine, path: &Path) -> std::io::Result<()> {
    let mut statement = String::new();
    let mut of_statement: BTreeMap<MovementKey, MovedData> = BTreeMap::new();
    for line in BufReader::new(File::open(path)?).split(b'\n') {
        let Ok(record) = serde_json::from_slice::<Record>(&line?) else { continue };
        let Some(query) = &record.query_info else { continue };
        if query.uid != statement {
            statement.clone_from(&query.uid);
            tell(engine, &mut of_statement);
        }
        if let Some((key, moved)) = moved(record.unmapped, record.time) {
            let line = of_statement.entry(key).or_default();
            line.statements = 1;
            line.rows = line.rows.saturating_add(moved.rows);
            line.bytes = line.bytes.saturating_add(moved.bytes);
        }
    }
    tell(engine, &mut of_statement);
    Ok(())
}

fn tell(engine: &Engine, of_statement: &mut BTreeMap<MovementKey, MovedData>) {
    for (key, moved) in std::mem::take(of_statement) {
        engine.restore_movement(key, moved);
    }
}

fn moved(unmapped: Unmapped, time: i64) -> Option<(MovementKey, MovedData)> {
    if unmapped.bytes_read == 0 && unmapped.rows_read == 0 {
        return None;
    }
    let key = MovementKey::new(
        DateTime::from_timestamp_millis(time)?.date_naive(),
        (unmapped.domain?, unmapped.product?),
        (unmapped.consumer_domain?, unmapped.consumer_kind?),
        unmapped.purpose.as_deref(),
    );
    let (rows, bytes) = (unmapped.rows_passed, unmapped.bytes_read);
    Some((key, MovedData { statements: 1, rows, bytes }))
}
