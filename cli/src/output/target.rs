//! Where rows go: standard output, or a file that is whole or not there.

use std::io::{self, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use samite_engine::{Error, ErrorKind, Result};
use tempfile::NamedTempFile;

/// Where rows go. A file appears under its name once everything is in it.
pub(crate) struct Target {
    inner: Inner,
    closed: Closed,
}

enum Inner {
    Stdout(BufWriter<Stdout>),
    File(BufWriter<NamedTempFile>, PathBuf),
    #[cfg(test)]
    Memory(Arc<parking_lot::Mutex<Vec<u8>>>),
}

/// Remembers that the reader of a target went away: a reason to stop, not an error.
#[derive(Debug, Clone, Default)]
pub(crate) struct Closed(Arc<AtomicBool>);

impl Closed {
    /// True once a write found nobody who reads.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Target {
    /// Standard output.
    pub(crate) fn stdout() -> Self {
        Self { inner: Inner::Stdout(BufWriter::new(io::stdout())), closed: Closed::default() }
    }

    /// A file.
    ///
    /// # Errors
    ///
    /// When its folder takes no file.
    pub(crate) fn file(path: &Path) -> Result<Self> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let file = temporary()
            .prefix(".samite-")
            .tempfile_in(folder)
            .map_err(|error| unwritable(path, error))?;
        if path.is_dir() {
            return Err(unwritable(path, io::Error::from(io::ErrorKind::IsADirectory)));
        }
        Ok(Self {
            inner: Inner::File(BufWriter::new(file), path.to_owned()),
            closed: Closed::default(),
        })
    }

    #[cfg(test)]
    pub(crate) fn memory(bytes: &Arc<parking_lot::Mutex<Vec<u8>>>) -> Self {
        Self { inner: Inner::Memory(Arc::clone(bytes)), closed: Closed::default() }
    }

    /// Tells later whether the reader went away.
    pub(crate) fn closed(&self) -> Closed {
        self.closed.clone()
    }

    /// Writes out what is held back, and gives a file its name.
    ///
    /// # Errors
    ///
    /// When the disk is full, or the file may not be replaced.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.flush().map_err(super::not_written)?;
        match self.inner {
            Inner::File(file, path) => {
                let file =
                    file.into_inner().map_err(|error| unwritable(&path, error.into_error()))?;
                file.persist(&path).map_err(|error| unwritable(&path, error.error))?;
            }
            Inner::Stdout(_) => {}
            #[cfg(test)]
            Inner::Memory(_) => {}
        }
        Ok(())
    }
}

/// A temporary file is for its owner alone; a file that somebody asked for is like any other, as
/// the mask of the process says.
#[cfg(unix)]
fn temporary() -> tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt;
    let mut builder = tempfile::Builder::new();
    builder.permissions(std::fs::Permissions::from_mode(0o666));
    builder
}

#[cfg(not(unix))]
fn temporary() -> tempfile::Builder<'static, 'static> {
    tempfile::Builder::new()
}

fn unwritable(path: &Path, error: io::Error) -> Error {
    Error::new(
        ErrorKind::InvalidConfiguration,
        format!("file \"{}\" cannot be written", path.display()),
    )
    .with_detail(error.to_string())
    .with_source(error)
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.inner {
            Inner::Stdout(stdout) => stdout.write(bytes),
            Inner::File(file, _) => file.write(bytes),
            #[cfg(test)]
            Inner::Memory(memory) => memory.lock().write(bytes),
        };
        self.noticed(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = match &mut self.inner {
            Inner::Stdout(stdout) => stdout.flush(),
            Inner::File(file, _) => file.flush(),
            #[cfg(test)]
            Inner::Memory(_) => Ok(()),
        };
        self.noticed(flushed)
    }
}

impl Target {
    fn noticed<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            self.closed.0.store(true, Ordering::Relaxed);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_appears_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answer.csv");
        let mut target = Target::file(&path).unwrap();
        target.write_all(b"a\n1\n").unwrap();
        assert!(!path.exists());
        target.finish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\n1\n");
        drop(Target::file(&path).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn file_in_a_folder_that_is_not_there_is_refused() {
        let error = Target::file(Path::new("/no/such/folder/x.csv")).err().unwrap();
        assert!(error.message().contains("x.csv"), "{error:?}");
    }
}
