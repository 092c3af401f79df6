//! Asks the authorizer about one table.

use chrono::{DateTime, Utc};

use crate::authorizer::{AccessRequest, Action, Decision, Obligations};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::product::{DataProduct, OutputPort, Table};
use crate::resolve::PortTable;
use crate::session::{Asker, Settings};

/// Who asks, with which settings, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) asker: &'a Asker,
    pub(crate) settings: &'a Settings,
    pub(crate) now: DateTime<Utc>,
}

/// What is permitted.
#[derive(Debug, Default)]
pub(super) struct Permitted {
    pub(super) obligations: Obligations,
    /// True if the principal may see how the table is read. Without obligations, all may.
    pub(super) may_explain: bool,
}

/// Asks about one table that has these columns.
///
/// # Errors
///
/// When it is denied, or no decision can be made.
pub(super) async fn decide(
    asking: Asking<'_>,
    (table, columns): (&PortTable, &[&str]),
) -> Result<Permitted> {
    let authorizer = asking.engine.authorizer();
    if authorizer.is_open() {
        return Ok(Permitted { obligations: Obligations::default(), may_explain: true });
    }
    let request = request_of(asking, (&table.product, &table.port, &table.table));
    if !authorizer.allows(Action::Select, &request) {
        return Err(denied(table));
    }
    match authorizer.decide(&request, columns).await? {
        Decision::Permit(obligations) => {
            let may_explain =
                obligations.is_empty() || authorizer.allows(Action::Explain, &request);
            Ok(Permitted { obligations, may_explain })
        }
        Decision::Deny => Err(denied(table)),
    }
}

/// Refuses a table that may not be read, before anything of it is opened.
///
/// # Errors
///
/// When it is denied.
pub(crate) fn check_select(asking: Asking<'_>, table: &PortTable) -> Result<()> {
    let authorizer = asking.engine.authorizer();
    let request = request_of(asking, (&table.product, &table.port, &table.table));
    match authorizer.is_open() || authorizer.allows(Action::Select, &request) {
        true => Ok(()),
        false => Err(denied(table)),
    }
}

/// What is asked about one table.
pub(super) fn request_of<'a>(
    asking: Asking<'a>,
    (product, port, table): (&'a DataProduct, &'a OutputPort, &'a Table),
) -> AccessRequest<'a> {
    AccessRequest {
        principal: &asking.asker.principal,
        purpose: asking.settings.get("mesh.purpose"),
        now: asking.now,
        channel: asking.asker.channel,
        product,
        port,
        table,
    }
}

fn denied(table: &PortTable) -> Error {
    Error::new(ErrorKind::PermissionDenied, format!("table \"{}\" may not be read", table.name))
        .with_hint("SET mesh.purpose to what it is for, or ask its owner")
}
