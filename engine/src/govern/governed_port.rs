//! A port with its decision, and the decision again.

use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;

use super::barrier::BarrierTable;
use super::decide::{Asking, Permitted, decide, may_explain};
use super::governed_view::GovernedView;
use super::salt::Salt;
use crate::audit::{AccessDecision, TableAccess};
use crate::authorizer::{Mask, Obligations};
use crate::connector::PinnedTable;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::resolve::{self, PortTable, Source};

/// A port at a snapshot, or a virtual table, as the principal may see it.
#[derive(Debug)]
pub(crate) struct GovernedPort {
    table: PortTable,
    pinned: PinnedTable,
    /// What it is made from, if it is virtual.
    view: Option<GovernedView>,
    obligations: Obligations,
    may_explain: bool,
    /// The policies of the moment at which it was decided.
    revision: u64,
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
    /// Decides on what was opened.
    ///
    /// # Errors
    ///
    /// When it is denied, no decision can be made, or it cannot be enforced.
    pub(super) async fn decided(asking: Asking<'_>, source: Source, salt: Salt) -> Result<Self> {
        // Policies that come meanwhile have another number, and are asked again.
        let revision = asking.engine.authorizer().revision();
        match source {
            Source::Port(port) => {
                let (table, pinned) = *port;
                let Permitted { obligations, may_explain } =
                    permitted(asking, &table, &pinned).await?;
                let parts = (&table, &pinned);
                let provider = provider(asking.engine, parts, (&obligations, false), &salt)
                    .inspect_err(|_| asking.note_refusal(&table, AccessDecision::Denied))?;
                Ok(Self {
                    table,
                    pinned,
                    view: None,
                    obligations,
                    may_explain,
                    revision,
                    provider,
                    salt,
                    joined: Vec::new(),
                })
            }
            Source::View(resolved) => {
                let view = GovernedView::decided(asking, resolved, salt.clone()).await?;
                Self::of_view(asking, (view, revision), salt).await
            }
            Source::System(_) => Err(Error::new(ErrorKind::Internal, "no table of a product")),
        }
    }

    /// Decides on a virtual table, after that was decided that it is made from.
    async fn of_view(
        asking: Asking<'_>,
        (view, revision): (GovernedView, u64),
        salt: Salt,
    ) -> Result<Self> {
        let table = view.resolved().table.clone();
        // In another zone of time the query would mean something else, were it part of the caller's.
        let has_zone = asking.settings.get("timezone").is_some();
        let is_shown = view.is_transparent();
        let mut pinned = view.pinned(asking, is_shown && !has_zone)?;
        let Permitted { obligations, may_explain: mut explains } =
            permitted(asking, &table, &pinned).await?;
        if !obligations.is_empty() && is_shown && !has_zone {
            pinned = view.pinned(asking, false)?;
        }
        if !is_shown {
            explains = may_explain(asking, &table);
        }
        let parts = (&table, &pinned);
        let provider = provider(asking.engine, parts, (&obligations, !is_shown), &salt)
            .inspect_err(|_| asking.note_refusal(&table, AccessDecision::Denied))?;
        Ok(Self {
            table,
            pinned,
            view: Some(view),
            obligations,
            may_explain: explains,
            revision,
            provider,
            salt,
            joined: Vec::new(),
        })
    }

    /// The same port, of which these columns are joined with those of other tables by what they mean.
    #[must_use]
    pub(super) fn with_joined(mut self, columns: Vec<String>) -> Self {
        self.joined = columns;
        self
    }

    /// True if the same principal would be told the same now: neither the policies nor the time can have changed it.
    pub(crate) fn is_settled(&self, engine: &Engine) -> bool {
        let authorizer = engine.authorizer();
        if self.view.is_some() {
            // What it is made from is decided, too.
            return false;
        }
        match authorizer.is_open() {
            true => self.obligations.is_empty(),
            false => self.obligations.is_lasting && self.revision == authorizer.revision(),
        }
    }

    /// Decides again, for a plan that runs later than it was made. What reads the table now, if that
    /// is not what read it then.
    ///
    /// # Errors
    ///
    /// When it is denied by now, or has other columns for the principal than the plan.
    pub(crate) async fn again(&self, asking: Asking<'_>) -> Result<Option<Arc<dyn TableProvider>>> {
        let was_open = self.view.as_ref().is_none_or(GovernedView::is_transparent);
        if asking.engine.authorizer().is_open() && was_open && self.is_unrestricted() {
            return Ok(None);
        }
        let source = match &self.view {
            Some(view) => Source::View(Arc::clone(view.resolved())),
            None => Source::Port(Box::new((self.table.clone(), self.pinned.clone()))),
        };
        let now = Self::decided(asking, source, self.salt.clone()).await?;
        if now.is_decided_like(self) {
            return Ok(None);
        }
        // A query that became part of the plan cannot be taken out of it.
        let is_inlined = self.provider.get_logical_plan().is_some();
        let is_joined_alike =
            self.joined.iter().all(|column| self.mask(column) == now.mask(column));
        if !is_inlined && is_joined_alike && now.provider.schema() == self.provider.schema() {
            return Ok(Some(now.provider));
        }
        let message = format!("what you may see of table \"{}\" has changed", self.table.name);
        Err(Error::new(ErrorKind::PermissionDenied, message).with_hint("ask again"))
    }

    /// True if it is decided upon as another is.
    pub(super) fn is_decided_like(&self, other: &Self) -> bool {
        let key = |one: &Self| {
            let Obligations { row_filter, masks, absent, .. } = &one.obligations;
            (row_filter.clone(), masks.clone(), absent.clone())
        };
        key(self) == key(other)
            && match (&self.view, &other.view) {
                (Some(one), Some(other)) => one.is_decided_like(other),
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            }
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

    /// What it is made from, if it is virtual.
    pub(crate) fn view(&self) -> Option<&GovernedView> {
        self.view.as_ref()
    }

    /// True if the principal sees all rows and columns as they are.
    pub(super) fn is_unrestricted(&self) -> bool {
        self.obligations.is_empty()
    }

    /// How much of it the principal may see: of a virtual table also, of what it is made from.
    pub(crate) fn visibility(&self) -> Visibility {
        let is_shown = self.view.as_ref().is_none_or(GovernedView::is_transparent);
        match (self.is_unrestricted() && is_shown, self.may_explain) {
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

/// What reads a table under obligations: itself if there are none, and so with all its speed. What
/// `is_hidden` is behind a barrier even so.
fn provider(
    engine: &Engine,
    (table, pinned): (&PortTable, &PinnedTable),
    (obligations, is_hidden): (&Obligations, bool),
    salt: &Salt,
) -> Result<Arc<dyn TableProvider>> {
    let inner = Arc::clone(&pinned.provider);
    if obligations.is_empty() && !is_hidden {
        return Ok(inner);
    }
    let (name, promise) = (table.name.to_string(), &*table.table);
    let barrier = BarrierTable::new(&name, (inner, promise), obligations, salt.clone())?;
    Ok(Arc::new(barrier.with_pushdown(engine.config().pushdown, promise)))
}
