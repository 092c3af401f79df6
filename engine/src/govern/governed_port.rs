//! A port with its decision, and the decision again.

use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;

use super::barrier::BarrierTable;
use super::decide::{Asking, Permitted, decide};
use super::salt::Salt;
use crate::audit::{AccessDecision, TableAccess};
use crate::authorizer::{Mask, Obligations};
use crate::connector::PinnedTable;
use crate::error::{Error, ErrorKind, Result};
use crate::resolve::{self, PortTable};

/// A port at a snapshot, as the principal may see it.
#[derive(Debug)]
pub(crate) struct GovernedPort {
    table: PortTable,
    pinned: PinnedTable,
    obligations: Obligations,
    may_explain: bool,
    provider: Arc<dyn TableProvider>,
    salt: Salt,
    /// The columns that are joined with those of other tables by what they mean.
    joined: Vec<String>,
}

/// How much of a port its principal may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// All of it.
    Whole,
    /// Some of it, and how that is read.
    Part,
    /// Some of it, but not how that is read.
    PartUnexplained,
}

impl GovernedPort {
    /// Decides on a port that was opened.
    ///
    /// # Errors
    ///
    /// When it is denied, no decision can be made, or it cannot be enforced.
    pub(super) async fn decided(
        asking: Asking<'_>,
        (table, pinned): (PortTable, PinnedTable),
        salt: Salt,
    ) -> Result<Self> {
        let permitted = permitted(asking, &table, &pinned).await?;
        let Permitted { obligations, may_explain } = permitted;
        let provider = provider(&table, &pinned, &obligations, &salt)
            .inspect_err(|_| asking.note_refusal(&table, AccessDecision::Denied))?;
        Ok(Self { table, pinned, obligations, may_explain, provider, salt, joined: Vec::new() })
    }

    /// The same port, of which these columns are joined with those of other tables by what they mean.
    #[must_use]
    pub(super) fn with_joined(mut self, columns: Vec<String>) -> Self {
        self.joined = columns;
        self
    }

    /// Decides again, for a plan that runs later than it was made. What reads the table now, if that
    /// is not what read it then.
    ///
    /// # Errors
    ///
    /// When it is denied by now, or has other columns for the principal than the plan.
    pub(crate) async fn again(&self, asking: Asking<'_>) -> Result<Option<Arc<dyn TableProvider>>> {
        let now = permitted(asking, &self.table, &self.pinned).await?.obligations;
        if (&now.row_filter, &now.masks, &now.absent)
            == (&self.obligations.row_filter, &self.obligations.masks, &self.obligations.absent)
        {
            return Ok(None);
        }
        let provider = provider(&self.table, &self.pinned, &now, &self.salt)?;
        let is_joined_alike =
            self.joined.iter().all(|column| self.mask(column) == now.masks.get(column).copied());
        if is_joined_alike && provider.schema() == self.provider.schema() {
            return Ok(Some(provider));
        }
        let message = format!("what you may see of table \"{}\" has changed", self.table.name);
        Err(Error::new(ErrorKind::PermissionDenied, message).with_hint("ask again"))
    }

    /// What reads it.
    pub(crate) fn provider(&self) -> &Arc<dyn TableProvider> {
        &self.provider
    }

    /// The table, with everything the mesh says of it.
    pub(crate) fn table(&self) -> &PortTable {
        &self.table
    }

    /// Its snapshot.
    pub(crate) fn pinned(&self) -> &PinnedTable {
        &self.pinned
    }

    /// The mask of a column; `None` if its values are seen as they are.
    pub(super) fn mask(&self, column: &str) -> Option<Mask> {
        self.obligations.masks.get(column).copied()
    }

    /// How much of it the principal may see.
    pub(crate) fn visibility(&self) -> Visibility {
        match (self.obligations.is_empty(), self.may_explain) {
            (true, _) => Visibility::Whole,
            (false, true) => Visibility::Part,
            (false, false) => Visibility::PartUnexplained,
        }
    }
}

async fn permitted(
    asking: Asking<'_>,
    table: &PortTable,
    pinned: &PinnedTable,
) -> Result<Permitted> {
    let schema = pinned.provider.schema();
    let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let decided = decide(asking, (table, &columns)).await;
    match &decided {
        Ok(permitted) => {
            asking.note(|| access(asking, (table, pinned), &permitted.obligations));
        }
        Err(_) => asking.note_refusal(table, AccessDecision::Denied),
    }
    decided
}

/// What the record says of a table that may be read.
fn access(
    asking: Asking<'_>,
    (table, pinned): (&PortTable, &PinnedTable),
    obligations: &Obligations,
) -> TableAccess {
    let server = resolve::server(asking.engine, &table.port.contract);
    let place = server.and_then(|server| server.table_location(table.table.source_name()));
    let schema = pinned.provider.schema();
    let seen = schema.fields().iter().filter(|field| !obligations.absent.contains(field.name()));
    let columns = match obligations.absent.is_empty() {
        true => Arc::clone(&schema),
        false => Arc::new(Schema::new(seen.cloned().collect::<Vec<_>>())),
    };
    TableAccess {
        snapshot: Some(pinned.snapshot.clone()),
        place: place.map(|place| stripped(&place)),
        columns: Some(columns),
        ..TableAccess::of(table, AccessDecision::Allowed).under(obligations)
    }
}

/// A location without what can hold a secret: name and password, query, fragment.
fn stripped(place: &str) -> String {
    let place = place.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = place.split_once("://") else { return place.to_owned() };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = match scheme.starts_with("http") {
        true => host.rsplit('@').next().unwrap_or_default(),
        // A container before the account.
        false => host,
    };
    format!("{scheme}://{host}/{path}")
}

/// What reads a table under obligations: itself if there are none, and so with all its speed.
fn provider(
    table: &PortTable,
    pinned: &PinnedTable,
    obligations: &Obligations,
    salt: &Salt,
) -> Result<Arc<dyn TableProvider>> {
    let inner = Arc::clone(&pinned.provider);
    if obligations.is_empty() {
        return Ok(inner);
    }
    let (name, salt) = (table.name.to_string(), salt.clone());
    Ok(Arc::new(BarrierTable::new(&name, (inner, &table.table), obligations, salt)?))
}
