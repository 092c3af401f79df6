//! Asks the authorizer about one table.

use std::hint::black_box;

use chrono::{DateTime, Utc};

use crate::audit::{AccessDecision, Noted, TableAccess};
use crate::authorizer::{AccessRequest, Action, Authorizer, Decision, Forbids, Obligations};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::product::{DataProduct, LifeStage, OutputPort, Table};
use crate::resolve::PortTable;
use crate::session::{Asker, Settings};

/// Who asks, with which settings, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) asker: &'a Asker,
    pub(crate) settings: &'a Settings,
    pub(crate) now: DateTime<Utc>,
    /// Where it is noted what is decided; nowhere where no statement asks.
    pub(crate) noted: Option<&'a Noted>,
}

impl Asking<'_> {
    /// Notes what is decided on a table.
    pub(crate) fn note(self, access: impl FnOnce() -> TableAccess) {
        if let Some(noted) = self.noted {
            noted.note(&self.asker.principal, access());
        }
    }

    /// Notes that a table is refused, with the policies that forbid it.
    pub(crate) fn note_refusal(self, table: &PortTable, decision: AccessDecision) {
        self.note(|| self.refusal(table, decision));
    }

    /// Takes as long as [`Asking::note_refusal`], and notes nothing.
    pub(crate) fn decide_for_nothing(self, table: &PortTable) {
        if self.noted.is_some() {
            drop(black_box(self.refusal(table, AccessDecision::Hidden)));
        }
    }

    fn refusal(self, table: &PortTable, decision: AccessDecision) -> TableAccess {
        let authorizer = self.engine.authorizer();
        let request = request_of(self, (&table.product, &table.port, &table.table));
        let Forbids { policies, texts } = authorizer.forbids(&request);
        TableAccess {
            policies: policies.into_iter().collect(),
            policy_texts: texts,
            ..TableAccess::of(table, decision)
        }
    }

    /// True if whoever asks may do this with a table.
    pub(crate) fn allows(
        self,
        action: Action,
        (product, port, table): (&DataProduct, &OutputPort, &Table),
    ) -> bool {
        let authorizer = self.engine.authorizer();
        authorizer.is_open()
            || self.asker.owns(product)
            || authorizer.allows(action, &request_of(self, (product, port, table)))
    }
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
    if authorizer.is_open() || asking.asker.owns(&table.product) {
        return Ok(Permitted { obligations: Obligations::default(), may_explain: true });
    }
    let request = request_of(asking, (&table.product, &table.port, &table.table));
    check(authorizer.as_ref(), &request, table)?;
    match authorizer.decide(&request, columns).await? {
        Decision::Permit(obligations) => {
            let may_explain =
                obligations.is_empty() || authorizer.allows(Action::Explain, &request);
            Ok(Permitted { obligations, may_explain })
        }
        Decision::Deny => Err(denied(table)),
    }
}

/// True if the principal may see how a table is read.
pub(super) fn may_explain(asking: Asking<'_>, table: &PortTable) -> bool {
    let request = request_of(asking, (&table.product, &table.port, &table.table));
    asking.engine.authorizer().allows(Action::Explain, &request)
}

/// Refuses a table that may not be read, before anything of it is opened.
///
/// # Errors
///
/// When it is denied.
pub(crate) fn check_select(asking: Asking<'_>, table: &PortTable) -> Result<()> {
    let authorizer = asking.engine.authorizer();
    if authorizer.is_open() || asking.asker.owns(&table.product) {
        asking.note(|| TableAccess::of(table, AccessDecision::Allowed));
        return Ok(());
    }
    let request = request_of(asking, (&table.product, &table.port, &table.table));
    match check(authorizer.as_ref(), &request, table) {
        Ok(()) => {
            asking.note(|| TableAccess::of(table, AccessDecision::Allowed));
            Ok(())
        }
        Err(error) => {
            asking.note_refusal(table, AccessDecision::Denied);
            Err(error)
        }
    }
}

/// Refuses what may not be read.
///
/// # Errors
///
/// When it is denied.
pub(super) fn check(
    authorizer: &dyn Authorizer,
    request: &AccessRequest<'_>,
    table: &PortTable,
) -> Result<()> {
    let is_draft = table.port.stage(request.now) == LifeStage::Unborn;
    let may = authorizer.allows(Action::Select, request)
        && (!is_draft || authorizer.allows(Action::SelectDraft, request));
    match may {
        false => Err(denied(table)),
        true if !table.port.contract.allows_purpose(request.purpose) => {
            Err(other_purpose(table, request))
        }
        true => Ok(()),
    }
}

/// The refusal of a table that its contract keeps for other purposes: whoever may read it may know them.
fn other_purpose(table: &PortTable, request: &AccessRequest<'_>) -> Error {
    let name = &table.name;
    let message = match request.purpose {
        Some(purpose) => format!("table \"{name}\" may not be read for \"{purpose}\""),
        None => format!("table \"{name}\" may not be read without a purpose"),
    };
    let purposes = table.port.contract.allowed_purposes.join(", ");
    Error::new(ErrorKind::PermissionDenied, message)
        .with_detail(format!("its contract allows {purposes}"))
        .with_hint("SET mesh.purpose to what it is for")
}

/// True if the policies let whoever asks see what others asked of a table. Where there are none, they let nobody.
pub(crate) fn may_administer(
    asking: Asking<'_>,
    table: (&DataProduct, &OutputPort, &Table),
) -> bool {
    let authorizer = asking.engine.authorizer();
    !authorizer.is_open() && authorizer.allows(Action::Administer, &request_of(asking, table))
}

/// What is asked about one table.
pub(super) fn request_of<'a>(
    asking: Asking<'a>,
    (product, port, table): (&'a DataProduct, &'a OutputPort, &'a Table),
) -> AccessRequest<'a> {
    AccessRequest {
        principal: &asking.asker.principal,
        purpose: asking.settings.purpose(),
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
