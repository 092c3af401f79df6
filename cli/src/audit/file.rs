//! The file that records are appended to: where its chain goes on, and when the next file is begun.
//!
//! ```text
//! audit.jsonl                 the newest records
//! audit.jsonl.000000048213    those up to number 48213, which ended when the file was full
//! audit.jsonl.lock            held while a process writes
//! ```

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use samite_engine::{Error, ErrorKind, Result};
use serde::Deserialize;

use super::AuditOptions;
use super::chain::{Hash, link};

/// Where a file is looked at first for its last line, in bytes before its end.
const TAIL_BYTES: u64 = 256 << 10;

/// The digits of a number in the name of a full file.
const NUMBER_DIGITS: usize = 12;

/// The file that records are appended to.
#[derive(Debug)]
pub(super) struct AuditFile {
    path: PathBuf,
    file: File,
    /// False for what is no file on a disk, such as a device: it has neither a past nor an end.
    is_regular: bool,
    bytes: u64,
    bytes_max: u64,
    files_max: usize,
    _lock: Option<File>,
}

/// Where a chain goes on.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChainEnd {
    /// The hash of the last record.
    pub(super) hash: Hash,
    /// Its number.
    pub(super) sequence: u64,
    /// Bytes after it that were no whole line, and are gone.
    pub(super) torn_bytes: u64,
}

impl AuditFile {
    /// Opens a file to go on with.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, another process writes it, or what it holds is not as it was written.
    pub(super) fn open(path: &Path, options: &AuditOptions) -> Result<(Self, ChainEnd)> {
        let failed = |error: io::Error| cannot_open(path, &error);
        let is_regular = std::fs::metadata(path).map_or(true, |found| found.is_file());
        let lock = is_regular.then(|| lock(path)).transpose()?;
        let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
        let mut end = ChainEnd { hash: Hash::BEGINNING, sequence: 0, torn_bytes: 0 };
        let mut bytes = 0;
        if is_regular {
            let tail = tail(path).map_err(failed)?;
            end.torn_bytes = tail.torn_bytes;
            if tail.torn_bytes > 0 {
                file.set_len(tail.bytes).map_err(failed)?;
                file.seek(SeekFrom::End(0)).map_err(failed)?;
            }
            bytes = tail.bytes;
            let mut last = tail.last;
            if last.is_none()
                && let Some(full) = full_files(path).pop()
            {
                last = self::tail(&full).map_err(failed)?.last;
            }
            if let Some(line) = last {
                (end.hash, end.sequence) = place_of(&line).map_err(|why| changed(path, why))?;
            }
        }
        let (bytes_max, files_max) = (options.file_bytes_max, options.files_max);
        let file = Self {
            path: path.to_owned(),
            file,
            is_regular,
            bytes,
            bytes_max,
            files_max,
            _lock: lock,
        };
        Ok((file, end))
    }

    /// Appends lines: all of them, or nothing.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        match self.file.write_all(lines) {
            Ok(()) => {
                self.bytes += lines.len() as u64;
                Ok(())
            }
            Err(error) => {
                // A part of a line would break the chain for whatever comes after it.
                if self.is_regular {
                    self.file.set_len(self.bytes)?;
                }
                Err(error)
            }
        }
    }

    /// Makes what was written outlast a loss of power.
    pub(super) fn sync(&self) -> io::Result<()> {
        match self.is_regular {
            true => self.file.sync_data(),
            false => Ok(()),
        }
    }

    /// Begins the next file if this one is full. `sequence` is the number of its last record.
    pub(super) fn rotate_if_full(&mut self, sequence: u64) -> io::Result<()> {
        if !self.is_regular || self.bytes < self.bytes_max {
            return Ok(());
        }
        self.file.sync_all()?;
        let full = numbered(&self.path, sequence);
        std::fs::rename(&self.path, &full)?;
        self.file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        self.bytes = 0;
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        if self.files_max > 0 {
            let mut full = full_files(&self.path);
            let gone = full.len().saturating_sub(self.files_max);
            for file in full.drain(..gone) {
                std::fs::remove_file(file)?;
            }
        }
        Ok(())
    }
}

/// All files of a chain that are there, the oldest first.
pub(super) fn files(path: &Path) -> Vec<PathBuf> {
    let mut all = full_files(path);
    all.push(path.to_owned());
    all
}

fn numbered(path: &Path, sequence: u64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{sequence:0NUMBER_DIGITS$}"));
    name.into()
}

/// The files that are full, the oldest first.
fn full_files(path: &Path) -> Vec<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    let Ok(entries) = std::fs::read_dir(folder.unwrap_or_else(|| Path::new("."))) else {
        return Vec::new();
    };
    let is_full = |other: &str| {
        other.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')).is_some_and(|number| {
            number.len() >= NUMBER_DIGITS && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let mut full: Vec<PathBuf> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            is_full(entry.file_name().to_str()?).then(|| entry.path())
        })
        .collect();
    full.sort_by_key(|file| (file.as_os_str().len(), file.clone()));
    full
}

/// The end of a file.
struct Tail {
    /// Its last whole line, without its end.
    last: Option<Vec<u8>>,
    /// The bytes up to there.
    bytes: u64,
    /// The bytes after it.
    torn_bytes: u64,
}

fn tail(path: &Path) -> io::Result<Tail> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut wanted = TAIL_BYTES;
    loop {
        let from = length.saturating_sub(wanted);
        file.seek(SeekFrom::Start(from))?;
        let mut end = Vec::new();
        BufReader::new(&file).take(length - from).read_to_end(&mut end)?;
        let is_end = |byte: &u8| *byte == b'\n';
        let Some(last_end) = end.iter().rposition(is_end) else {
            if from > 0 {
                wanted = wanted.saturating_mul(4);
                continue;
            }
            return Ok(Tail { last: None, bytes: 0, torn_bytes: length });
        };
        let whole = end.get(..last_end).unwrap_or_default();
        let begin = whole.iter().rposition(is_end).map(|place| place + 1);
        if begin.is_none() && from > 0 {
            wanted = wanted.saturating_mul(4);
            continue;
        }
        let last = whole.get(begin.unwrap_or(0)..).unwrap_or_default().to_vec();
        let torn_bytes = (end.len() - last_end - 1) as u64;
        return Ok(Tail { last: Some(last), bytes: length - torn_bytes, torn_bytes });
    }
}

/// What is read of a record to go on after it.
#[derive(Deserialize)]
struct Numbered {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    sequence: u64,
}

fn place_of(line: &[u8]) -> Result<(Hash, u64), &'static str> {
    let link = link(line)?;
    let numbered: Numbered = serde_json::from_slice(line).map_err(|_| "it has no number")?;
    Ok((link.own, numbered.metadata.sequence))
}

fn lock(path: &Path) -> Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock = OpenOptions::new().create(true).append(true).open(PathBuf::from(name));
    let lock = lock.map_err(|error| cannot_open(path, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(cannot_open(
            path,
            &io::Error::other("another process writes it: give each one a file of its own"),
        )),
        Err(TryLockError::Error(error)) => Err(cannot_open(path, &error)),
    }
}

pub(super) fn cannot_open(path: &Path, error: &io::Error) -> Error {
    let message = format!("audit file \"{}\" cannot be written", path.display());
    Error::new(ErrorKind::InvalidConfiguration, message)
        .with_detail(error.to_string())
        .with_hint("set [audit] file to a file that samite may write")
}

fn changed(path: &Path, why: &str) -> Error {
    let message = format!("the chain of audit file \"{}\" cannot be gone on with", path.display());
    Error::new(ErrorKind::InvalidConfiguration, message)
        .with_detail(format!("its last record: {why}"))
        .with_hint("look into it with samite audit verify; move it away to begin a new chain")
}

#[cfg(test)]
mod tests {
    use super::super::chain::seal;
    use super::*;

    fn record(sequence: u64, previous: Hash) -> (Vec<u8>, Hash) {
        let record = format!(r#"{{"metadata":{{"sequence":{sequence}}},"unmapped":{{"a":1}}}}"#);
        let (line, hash) = seal(&record, previous);
        (format!("{line}\n").into_bytes(), hash)
    }

    fn options(file_bytes_max: u64, files_max: usize) -> AuditOptions {
        AuditOptions { file_bytes_max, files_max, ..AuditOptions::default() }
    }

    #[test]
    fn chain_goes_on_after_a_restart_and_what_is_torn_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let options = options(1 << 20, 0);
        let (mut file, end) = AuditFile::open(&path, &options).unwrap();
        assert_eq!((end.hash, end.sequence), (Hash::BEGINNING, 0));
        let (first, hash) = record(1, end.hash);
        file.append(&first).unwrap();
        assert_eq!(
            AuditFile::open(&path, &options).err().unwrap().kind(),
            ErrorKind::InvalidConfiguration
        );
        drop(file);
        for torn in ["", "{\"torn\":"] {
            let mut bytes = first.clone();
            bytes.extend(torn.as_bytes());
            std::fs::write(&path, &bytes).unwrap();
            let (file, end) = AuditFile::open(&path, &options).unwrap();
            assert_eq!((end.hash, end.sequence), (hash, 1), "{torn}");
            assert_eq!(end.torn_bytes, torn.len() as u64);
            assert_eq!(std::fs::read(&path).unwrap(), first);
            drop(file);
        }
        let text = String::from_utf8(first).unwrap().replace("\"a\":1", "\"a\":2");
        std::fs::write(&path, text).unwrap();
        let error = AuditFile::open(&path, &options).err().unwrap();
        assert!(error.message().contains("cannot be gone on with"), "{error:?}");
    }

    #[test]
    fn full_file_makes_room_for_the_next_one_which_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let options = options(1, 2);
        let (mut file, mut end) = AuditFile::open(&path, &options).unwrap();
        for sequence in 1..=4 {
            let (line, hash) = record(sequence, end.hash);
            end.hash = hash;
            file.append(&line).unwrap();
            file.rotate_if_full(sequence).unwrap();
        }
        let names: Vec<String> = files(&path)
            .iter()
            .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["audit.jsonl.000000000003", "audit.jsonl.000000000004", "audit.jsonl"]);
        drop(file);
        let (_, again) = AuditFile::open(&path, &options).unwrap();
        assert_eq!((again.hash, again.sequence), (end.hash, 4), "the file itself is empty");
    }

    #[test]
    fn last_line_is_found_however_long_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        for length in [10, TAIL_BYTES as usize - 1, TAIL_BYTES as usize, 3 * TAIL_BYTES as usize] {
            let long = "x".repeat(length);
            std::fs::write(&path, format!("first\n{long}\ntorn")).unwrap();
            let tail = tail(&path).unwrap();
            assert_eq!(tail.last.as_deref().map(<[u8]>::len), Some(length));
            assert_eq!(tail.torn_bytes, 4);
        }
    }
}
