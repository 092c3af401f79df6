//! What this machine has for tests, and saying what it lacks.
//!
//! Reads the environment that `tests/run` sets; without it, looks where `tests/run` would put things.

use std::io::Write;
use std::path::{Path, PathBuf};

/// The Python that has everything of `tests/requirements.txt`; `None` if there is none yet.
#[must_use]
pub fn python() -> Option<PathBuf> {
    told("SAMITE_TEST_PYTHON")
        .or_else(|| Some(workspace().join(".venv/bin/python")))
        .filter(|python| python.is_file())
}

/// The folder with `odcs-suite`; `None` where it is not.
#[must_use]
pub fn shared() -> Option<PathBuf> {
    told("SAMITE_SHARED")
        .or_else(|| Some(workspace().parent()?.join("shared")))
        .filter(|folder| folder.is_dir())
}

/// A program of the folder of emulators; `None` where it is not.
#[must_use]
pub fn emulator(program: &str) -> Option<PathBuf> {
    told("SAMITE_TEST_EMULATORS")
        .or_else(|| Some(workspace().join(".emulators")))
        .map(|folder| folder.join(program))
        .filter(|program| program.is_file())
}

/// Says that a test cannot run here: `tests/run` names it at its end and does not count it as passed.
///
/// # Panics
///
/// Outside of `tests/run`, where nobody would hear of it.
#[expect(clippy::panic, reason = "a test that did not run must not look as if it had passed")]
pub fn left_out(test: &str, why: &str) {
    let Some(file) = told("SAMITE_TEST_LEFT_OUT") else {
        panic!("{test} cannot run: {why}; run tests/run, which sets up what is missing");
    };
    let appended = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)
        .and_then(|mut file| file.write_all(format!("{test}: {why}\n").as_bytes()));
    drop(appended);
}

/// Whether the tests write what came instead of what they expected.
#[must_use]
pub fn rewrites_expected() -> bool {
    told("SAMITE_TEST_REWRITE").is_some()
}

/// Whether loops over made-up cases take hours instead of seconds.
#[must_use]
pub fn takes_long() -> bool {
    told("SAMITE_TEST_LONG").is_some()
}

pub(crate) fn workspace() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by tests/run, not by a configuration"
)]
fn told(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}
