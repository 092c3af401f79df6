//! Asks the authorizer about one table.

use crate::authorizer::{AccessRequest, Decision};
use crate::error::{Error, ErrorKind, Result};
use crate::resolve::{PortTable, not_found};
use crate::session::{Session, Settings};

/// Asks about one table.
///
/// # Errors
///
/// When it is denied, or permitted under obligations: those are not enforced yet, and what cannot
/// be enforced is refused.
pub(super) async fn decide(
    session: &Session,
    settings: &Settings,
    table: &PortTable,
) -> Result<()> {
    let request = AccessRequest {
        principal: session.principal(),
        purpose: settings.get("mesh.purpose"),
        table: &table.name,
    };
    match session.engine().authorizer().decide(request).await? {
        Decision::Permit(obligations) if obligations.is_empty() => Ok(()),
        Decision::Permit(_) => Err(Error::new(
            ErrorKind::PermissionDenied,
            format!("table \"{}\" may be read only in part", table.name),
        )
        .with_detail("row filters and masks are not enforced yet, so that nothing of it is shown")),
        // An unknown and a hidden table read the same, so that a name cannot be probed.
        Decision::Deny => Err(not_found(&table.name.to_string())),
    }
}
