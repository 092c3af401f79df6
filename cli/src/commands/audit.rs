//! `samite audit`: whether audit files are as they were written.

use std::fmt::Write as _;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use samite_engine::{Error, ErrorKind};

use super::failure::Failure;
use super::terminal;
use crate::audit::{Hash, Statements, Stopped, Verified, verify};

/// Ids of statements that are shown.
const SHOWN_MAX: usize = 20;

/// Arguments of `samite audit`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check that nothing was changed in audit files, and name the first line that was.
    Verify(Verify),
}

#[derive(Debug, Args)]
struct Verify {
    /// The files of one chain, the oldest first
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The hash that the first line must follow; of 64 zeros for the beginning of a chain
    #[arg(long, value_name = "HASH", value_parser = hash)]
    after: Option<Hash>,
    /// The hash of the last line, as the log of the server or somebody else kept it
    #[arg(long, value_name = "HASH", value_parser = hash)]
    last: Option<Hash>,
}

fn hash(text: &str) -> Result<Hash, String> {
    Hash::parse(text).ok_or_else(|| "it is not sha256: and 64 digits".to_owned())
}

/// Checks audit files.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Command::Verify(asked) = &arguments.command;
    let mut known = Verified::after(asked.after);
    for path in &asked.files {
        let file = File::open(path).map_err(|error| unreadable(path, error))?;
        known = verify(BufReader::new(file), known).map_err(|stopped| match stopped {
            Stopped::Unreadable(error) => unreadable(path, error),
            Stopped::Broken(broken) => {
                let (path, line) = (path.display(), broken.line);
                Failure::Failed(
                    Error::new(
                        ErrorKind::CorruptSource,
                        format!("line {line} of audit file \"{path}\" breaks the chain"),
                    )
                    .with_detail(broken.why),
                )
            }
        })?;
    }
    if let Some(last) = asked.last.filter(|last| known.last != Some(*last)) {
        let is = known.last.map_or_else(|| "nothing".to_owned(), |last| last.to_string());
        return Err(Failure::Failed(
            Error::new(ErrorKind::CorruptSource, "the chain does not end as it should")
                .with_detail(format!("it ends with {is}, not with {last}")),
        ));
    }
    let shown = |hash: Option<Hash>| hash.map_or_else(|| "none".to_owned(), |it| it.to_string());
    let (lines, first, last) = (known.lines, shown(known.first), shown(known.last));
    terminal::print(&format!(
        "{lines} records as they were written\n{}after {first}\nlast  {last}\n",
        told(&known.statements)
    ))
}

/// How many statements ended, and which began and did not.
fn told(statements: &Statements) -> String {
    let Statements { ended, lost, running } = statements;
    let mut text = format!("{ended} statements ended\n");
    let mut list = |ids: Vec<&String>, what: &str| {
        if ids.is_empty() {
            return;
        }
        // A text takes everything.
        let _ = writeln!(text, "{} {what}", ids.len());
        for id in ids.iter().take(SHOWN_MAX) {
            let _ = writeln!(text, "  {id}");
        }
        if ids.len() > SHOWN_MAX {
            let _ = writeln!(text, "  and {} more", ids.len() - SHOWN_MAX);
        }
    };
    list(lost.iter().collect(), "began and never ended: the process ended before them");
    list(running.iter().collect(), "began, and have not ended where the records end");
    text
}

fn unreadable(path: &Path, error: std::io::Error) -> Failure {
    let message = format!("audit file \"{}\" cannot be read", path.display());
    Failure::Usage(
        Error::new(ErrorKind::InvalidConfiguration, message)
            .with_detail(error.to_string())
            .with_source(error),
    )
}
