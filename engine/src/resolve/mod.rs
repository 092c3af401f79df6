//! Stage 1: every name becomes a port at a snapshot.

mod statement;

pub use statement::Statement;

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::session::{Session, Settings};

pub(crate) async fn check_setting(
    _engine: &Engine,
    mut settings: Settings,
    name: &str,
    value: &str,
) -> Result<()> {
    settings.set(name, value)
}

pub(crate) async fn apply(_session: &Session, _statement: &Statement) -> Result<()> {
    Err(Error::new(ErrorKind::Internal, "not built"))
}
