//! Verifies a chain of records: line by line, over one file or several that follow each other.

use std::collections::BTreeSet;
use std::io::BufRead;

use serde::Deserialize;

use super::chain::{Hash, link};
use super::ocsf::RUNNING;

/// What is known of a chain up to where it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    /// The lines that are as they were written.
    pub(crate) lines: u64,
    /// The hash that the first line has before it.
    pub(crate) first: Option<Hash>,
    /// The hash of the last line.
    pub(crate) last: Option<Hash>,
    /// What it tells of statements.
    pub(crate) statements: Statements,
}

/// What a chain tells of statements.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Statements {
    /// Those that ended, refused ones included.
    pub(crate) ended: u64,
    /// The ids of those that began to run and that the process did not outlive: it was killed.
    pub(crate) lost: Vec<String>,
    /// The ids of those that began to run, and have not ended where the chain ends.
    pub(crate) running: BTreeSet<String>,
}

/// What is read of a record.
#[derive(Deserialize)]
struct Record {
    class_uid: i64,
    metadata: Metadata,
    query_info: Option<Query>,
    unmapped: Unmapped,
}

#[derive(Deserialize)]
struct Metadata {
    uid: Option<String>,
}

#[derive(Deserialize)]
struct Query {
    uid: String,
}

#[derive(Deserialize)]
struct Unmapped {
    outcome: Option<String>,
}

/// The class of the records about the process itself.
const LIFE: i64 = 6002;

impl Verified {
    /// Nothing read yet. With `before`, the first line must follow it.
    pub(crate) fn after(before: Option<Hash>) -> Self {
        Self { lines: 0, first: before, last: before, statements: Statements::default() }
    }
}

impl Statements {
    /// Looks at a line that is as it was written.
    fn read(&mut self, line: &[u8]) {
        let Ok(record) = serde_json::from_slice::<Record>(line) else { return };
        if record.class_uid == LIFE {
            // Nothing runs before a process starts, or after it stopped.
            self.lost.extend(std::mem::take(&mut self.running));
        }
        let Some(Query { uid }) = record.query_info else { return };
        if record.unmapped.outcome.as_deref() == Some(RUNNING) {
            self.running.insert(uid);
            return;
        }
        self.running.remove(&uid);
        // Of several tables the first one has the number 0.
        let is_first = record.metadata.uid.is_some_and(|record| record == format!("{uid}/0"));
        self.ended += u64::from(is_first);
    }
}

/// A line at which a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    /// Its number in its file, from 1.
    pub(crate) line: u64,
    /// What is wrong with it.
    pub(crate) why: String,
}

/// Why a chain cannot be read on.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// It is broken.
    Broken(Broken),
    /// The file cannot be read.
    Unreadable(std::io::Error),
}

/// Reads a file of a chain that is known up to `known`.
///
/// # Errors
///
/// At the first line that is broken, or when the file cannot be read.
pub(crate) fn verify(mut file: impl BufRead, mut known: Verified) -> Result<Verified, Stopped> {
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        if file.read_until(b'\n', &mut line).map_err(Stopped::Unreadable)? == 0 {
            break;
        }
        let broken = |why: String| Stopped::Broken(Broken { line: number, why });
        let Some(record) = line.strip_suffix(b"\n") else {
            let bytes = line.len();
            return Err(broken(format!("it is torn: {bytes} bytes without an end of line")));
        };
        let link = link(record).map_err(|why| broken(why.to_owned()))?;
        if known.last.is_some_and(|last| last != link.previous) {
            return Err(broken("it does not follow the line before".to_owned()));
        }
        known.first = known.first.or(Some(link.previous));
        known.last = Some(link.own);
        known.lines += 1;
        known.statements.read(record);
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::super::chain::seal;
    use super::*;

    fn chain(records: usize) -> Vec<String> {
        let mut previous = Hash::BEGINNING;
        (0..records)
            .map(|number| {
                let record = format!(r#"{{"n":{number},"unmapped":{{"purpose":"x"}}}}"#);
                let (line, own) = seal(&record, previous);
                previous = own;
                line + "\n"
            })
            .collect()
    }

    fn broken(file: &[u8]) -> Option<Broken> {
        match verify(file, Verified::after(Some(Hash::BEGINNING))) {
            Ok(_) => None,
            Err(Stopped::Broken(broken)) => Some(broken),
            Err(Stopped::Unreadable(error)) => panic!("{error}"),
        }
    }

    #[test]
    fn any_change_of_any_byte_is_found_in_its_line() {
        let lines = chain(3);
        let file = lines.concat().into_bytes();
        assert_eq!(broken(&file), None);
        for place in 0..file.len() {
            let line = 1 + file[..place].iter().filter(|byte| **byte == b'\n').count() as u64;
            for flip in [0x01, 0x2a, 0xff] {
                let mut changed = file.clone();
                changed[place] ^= flip;
                let found =
                    broken(&changed).unwrap_or_else(|| panic!("byte {place} by {flip:02x}"));
                assert_eq!(found.line, line, "byte {place} by {flip:02x}: {found:?}");
            }
        }
    }

    #[test]
    fn line_that_goes_comes_or_moves_is_found_and_the_end_by_its_hash_alone() {
        let lines = chain(4);
        let of = |places: &[usize]| -> Vec<u8> {
            places.iter().map(|place| lines[*place].as_str()).collect::<String>().into_bytes()
        };
        for (places, line) in [
            (vec![1, 2, 3], Some(1)),
            (vec![0, 2, 3], Some(2)),
            (vec![0, 1, 1, 2, 3], Some(3)),
            (vec![0, 2, 1, 3], Some(2)),
            (vec![0, 1, 2], None),
        ] {
            assert_eq!(broken(&of(&places)).map(|broken| broken.line), line, "{places:?}");
        }
        let whole = verify(&*of(&[0, 1, 2, 3]), Verified::after(None)).unwrap();
        let short = verify(&*of(&[0, 1, 2]), Verified::after(None)).unwrap();
        assert_ne!(whole.last, short.last, "who knows the last hash sees that the end is missing");
        let second = verify(&*of(&[2, 3]), verify(&*of(&[0, 1]), Verified::after(None)).unwrap());
        assert_eq!(second.unwrap(), whole, "files follow each other");
        let mut torn = of(&[0, 1]);
        torn.truncate(torn.len() - 5);
        assert!(broken(&torn).unwrap().why.starts_with("it is torn"));
    }

    #[test]
    fn statements_that_began_and_did_not_end_are_counted() {
        let of = |id: &str, uid: &str, outcome: &str| {
            format!(
                r#"{{"class_uid":6005,"metadata":{{"uid":"{id}{uid}"}},"query_info":{{"uid":"{id}"}},"unmapped":{{"outcome":"{outcome}"}}}}"#
            )
        };
        let life = r#"{"class_uid":6002,"metadata":{},"unmapped":{"processId":1}}"#;
        let (begun, ended) = ("running", "finished");
        let records = [
            life.to_owned(),
            of("a", "/0/begun", begun),
            of("a", "/1/begun", begun),
            of("b", "/0/begun", begun),
            of("refused", "/0", "failed"),
            of("a", "/0", ended),
            of("a", "/1", ended),
            life.to_owned(),
            of("c", "/0/begun", begun),
        ];
        let mut previous = Hash::BEGINNING;
        let mut file = String::new();
        for record in &records {
            let (line, own) = seal(record, previous);
            previous = own;
            file += &(line + "\n");
        }
        let found = verify(file.as_bytes(), Verified::after(None)).unwrap().statements;
        assert_eq!((found.ended, found.lost), (2, vec!["b".to_owned()]));
        assert_eq!(found.running, BTreeSet::from(["c".to_owned()]));
    }
}
