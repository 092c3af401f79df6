//! A small mesh of three domains that the tests ask.
//!
//! Made by `tests/sample_mesh.py` with the writers that people use (pyarrow, deltalake, pyiceberg), once for each
//! process; thrown away with it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::machine::workspace;

/// A mesh in a temporary folder.
#[derive(Debug)]
pub struct SampleMesh(TempDir);

impl SampleMesh {
    /// Makes the mesh with `python`.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made, or the script fails; the text is what it said.
    pub fn make(python: &Path) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let script = workspace().join("tests/sample_mesh.py");
        let output = Command::new(python).arg(script).arg(folder.path()).output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        Ok(Self(folder))
    }

    /// The folder that `--mesh` takes.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }
}
