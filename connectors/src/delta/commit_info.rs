//! What a commit says about itself in its first line.

use bytes::Bytes;
use datafusion::object_store::ObjectStoreExt;
use samite_engine::Result;
use serde::Deserialize;

use super::log;
use super::snapshot::TableReader;
use crate::stores::unreadable;

/// So much of a commit is read first: more than the longest ordinary first line.
const START_BYTES: u64 = 64 << 10;
/// A first line that is longer is not read.
const LINE_BYTES_MAX: u64 = 16 << 20;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FirstLine {
    commit_info: CommitInfo,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommitInfo {
    in_commit_timestamp: Option<i64>,
}

/// The in-commit timestamp of a version, in milliseconds since 1970.
///
/// # Errors
///
/// If the commit cannot be read or does not begin with one.
pub(super) async fn in_commit_ms(reader: &TableReader<'_>, version: u64) -> Result<i64> {
    let mut start = START_BYTES;
    loop {
        let bytes = first_bytes(reader, version, start).await?;
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let is_whole = line.len() < bytes.len() || (bytes.len() as u64) < start;
        if is_whole || start >= LINE_BYTES_MAX {
            return told(line).ok_or_else(|| {
                let what = format!("version {version} has no in-commit timestamp");
                log::damaged(reader.name, what)
            });
        }
        start = LINE_BYTES_MAX;
    }
}

fn told(line: &[u8]) -> Option<i64> {
    let line: FirstLine = serde_json::from_slice(line).ok()?;
    line.commit_info.in_commit_timestamp
}

async fn first_bytes(reader: &TableReader<'_>, version: u64, bytes: u64) -> Result<Bytes> {
    let failed = |error| unreadable(&format!("a commit of table \"{}\"", reader.name), error);
    let path = log::commit_path(reader.place, version).map_err(failed)?;
    reader.place.store.store.get_range(&path, 0..bytes).await.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_line_tells() {
        for (line, ms) in [
            (r#"{"commitInfo":{"inCommitTimestamp":17,"operation":"WRITE"}}"#, Some(17)),
            (r#"{"commitInfo":{"timestamp":17}}"#, None),
            (r#"{"protocol":{"minReaderVersion":1}}"#, None),
            (r#"{"commitInfo":{"inCommitTimestamp":17"#, None),
            ("", None),
        ] {
            assert_eq!(told(line.as_bytes()), ms, "{line}");
        }
    }
}
