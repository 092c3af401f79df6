//! Asks the authorizer about one table.

use chrono::{DateTime, Utc};

use crate::authorizer::{AccessRequest, Action, Decision, Obligations};
use crate::error::{Error, ErrorKind, Result};
use crate::resolve::PortTable;
use crate::session::{Session, Settings};

/// Asks about one table that has these columns.
///
/// # Errors
///
/// When it is denied, or permitted under obligations: those are not enforced yet, and what cannot
/// be enforced is refused.
pub(super) async fn decide(
    session: &Session,
    settings: &Settings,
    now: DateTime<Utc>,
    (table, columns): (&PortTable, &[&str]),
) -> Result<Obligations> {
    let authorizer = session.engine().authorizer();
    if authorizer.is_open() {
        return Ok(Obligations::default());
    }
    let asker = session.asker();
    let request = AccessRequest {
        principal: &asker.principal,
        purpose: settings.get("mesh.purpose"),
        now,
        channel: asker.channel,
        product: &table.product,
        port: &table.port,
        table: &table.table,
    };
    if !authorizer.allows(Action::Select, &request) {
        return Err(denied(table));
    }
    match authorizer.decide(&request, columns).await? {
        Decision::Permit(obligations) if obligations.is_empty() => Ok(obligations),
        Decision::Permit(_) => Err(Error::new(
            ErrorKind::PermissionDenied,
            format!("table \"{}\" may be read only in part", table.name),
        )
        .with_detail("row filters and masks are not enforced yet, so that nothing of it is shown")),
        Decision::Deny => Err(denied(table)),
    }
}

fn denied(table: &PortTable) -> Error {
    Error::new(ErrorKind::PermissionDenied, format!("table \"{}\" may not be read", table.name))
        .with_hint("SET mesh.purpose to what it is for, or ask its owner")
}
