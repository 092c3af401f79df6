//! A query that a client may fetch: planned, signed for, cancellable.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use samite_engine::Result;
use samite_engine::plan::QueryPlan;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::prepared::{Part, Values};
use crate::wire::WireSchema;

/// A query that a client may fetch.
#[derive(Debug)]
pub(crate) struct Query {
    /// The id, in its tickets.
    pub(crate) id: Uuid,
    /// The name of the principal that asked, and alone may fetch or cancel it.
    pub(crate) principal: String,
    /// What runs.
    pub(crate) work: Work,
    /// The schema of every answer about it.
    pub(crate) schema: Arc<WireSchema>,
    /// Fires when somebody cancels it.
    pub(crate) cancelled: CancellationToken,
    was_fetched: AtomicBool,
}

/// What runs when a query is fetched.
#[derive(Debug)]
pub(crate) enum Work {
    /// A session statement, which has run already.
    Nothing,
    /// One plan.
    Once {
        /// The plan, with its values.
        plan: Box<QueryPlan>,
        /// What the values take.
        _share: Option<Part>,
    },
    /// One plan for each row of parameters, one after the other.
    ForEach {
        /// The plan without values.
        plan: Box<QueryPlan>,
        /// The values of each run.
        values: Values,
        /// The time that all runs have together.
        timeout: Duration,
    },
}

impl Work {
    /// One run of a plan that needs no values.
    pub(crate) fn once(plan: QueryPlan) -> Self {
        Self::Once { plan: Box::new(plan), _share: None }
    }

    /// The plan that runs after `index` others; `None` after the last one.
    ///
    /// # Errors
    ///
    /// When the values do not fit the plan.
    pub(crate) fn plan(&self, index: usize) -> Result<Option<QueryPlan>> {
        match self {
            Self::Once { plan, .. } if index == 0 => Ok(Some(plan.as_ref().clone())),
            Self::Nothing | Self::Once { .. } => Ok(None),
            Self::ForEach { plan, values, .. } => {
                values.rows.get(index).map(|values| plan.bind(values.clone())).transpose()
            }
        }
    }

    /// The snapshots that the rows are made from, as the text that `SET mesh.snapshots` takes; empty
    /// if no product is read.
    pub(crate) fn snapshots(&self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::Once { plan, .. } | Self::ForEach { plan, .. } => {
                let token = plan.snapshot_token();
                if token.is_empty() { Bytes::new() } else { token.to_string().into() }
            }
        }
    }

    /// What the caller should know of the tables that are read.
    pub(crate) fn warnings(&self) -> Vec<String> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Once { plan, .. } | Self::ForEach { plan, .. } => plan.warnings(),
        }
    }

    /// The engine's id of the run that comes first; `None` where each of several has its own.
    pub(crate) fn query_id(&self) -> Option<String> {
        match self {
            Self::Once { plan, .. } => plan.query_id(),
            Self::Nothing | Self::ForEach { .. } => None,
        }
    }

    /// True if more than one plan runs.
    pub(crate) fn is_repeated(&self) -> bool {
        matches!(self, Self::ForEach { values, .. } if values.rows.len() > 1)
    }

    /// The time that all runs have together; `None` if the one plan bounds its time itself.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        match self {
            Self::ForEach { timeout, .. } => Some(*timeout),
            Self::Nothing | Self::Once { .. } => None,
        }
    }
}

impl Query {
    pub(crate) fn new(principal: &str, work: Work, schema: Arc<WireSchema>) -> Self {
        Self {
            id: Uuid::new_v4(),
            principal: principal.to_owned(),
            work,
            schema,
            cancelled: CancellationToken::new(),
            was_fetched: AtomicBool::new(false),
        }
    }

    /// True once a fetch of it has ended: it may make room for others.
    pub(crate) fn was_fetched(&self) -> bool {
        self.was_fetched.load(Ordering::Relaxed)
    }

    /// Says that a fetch of it has ended.
    pub(crate) fn set_fetched(&self) {
        self.was_fetched.store(true, Ordering::Relaxed);
    }
}
