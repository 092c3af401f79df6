//! Transactions, as a server that only reads can have them.
//!
//! Each statement is a transaction of its own, so that beginning and ending one changes nothing. What
//! would promise more, that two statements see the same state or that one can be undone, is refused.

use datafusion::sql::sqlparser::ast::{
    CloseCursor, DiscardObject, Statement, TransactionIsolationLevel, TransactionMode,
};

use super::super::unsupported::refusal;
use crate::error::{Error, Result};

/// True for a statement that begins or ends a transaction, which changes nothing.
///
/// # Errors
///
/// When it promises what is not kept.
pub(in crate::resolve) fn is_boundary(statement: &Statement) -> Result<bool> {
    match statement {
        Statement::StartTransaction { modes, statements, exception, modifier, .. } => {
            if !statements.is_empty() || exception.is_some() || modifier.is_some() {
                return Err(refusal("a block of statements"));
            }
            check_modes(modes)?;
            Ok(true)
        }
        Statement::Commit { modifier: None, .. } | Statement::Rollback { savepoint: None, .. } => {
            Ok(true)
        }
        Statement::Rollback { .. }
        | Statement::Savepoint { .. }
        | Statement::ReleaseSavepoint { .. } => {
            Err(refusal("SAVEPOINT").with_hint("each statement is a transaction of its own"))
        }
        _ => Ok(false),
    }
}

/// True for a statement that gives back what a session of Samite never holds: prepared statements and
/// cursors are the protocol's, and there are no temporary tables and no notifications.
pub(in crate::resolve) fn gives_back_nothing(statement: &Statement) -> bool {
    match statement {
        Statement::Discard { object_type } => !matches!(object_type, DiscardObject::ALL),
        Statement::Close { cursor } => matches!(cursor, CloseCursor::All),
        Statement::Deallocate { .. } | Statement::UNLISTEN { .. } => true,
        _ => false,
    }
}

/// Accepts what is true of every statement.
///
/// # Errors
///
/// For an isolation that would hold for several statements.
pub(in crate::resolve) fn check_modes(modes: &[TransactionMode]) -> Result<()> {
    for mode in modes {
        match mode {
            TransactionMode::AccessMode(_)
            | TransactionMode::IsolationLevel(
                TransactionIsolationLevel::ReadCommitted
                | TransactionIsolationLevel::ReadUncommitted,
            ) => {}
            TransactionMode::IsolationLevel(level) => return Err(no_isolation(&level.to_string())),
        }
    }
    Ok(())
}

/// The refusal of a level of isolation.
pub(super) fn no_isolation(level: &str) -> Error {
    refusal(&format!("the isolation level {level}"))
        .with_detail("each statement reads the state that is newest when it begins")
        .with_hint("SET mesh.as_of = '...' lets all statements read the state of one instant")
}
