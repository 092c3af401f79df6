//! A plan as it may run now.
//!
//! ```text
//! QueryPlan ─decide again─▶ the same plan, or one with other barriers, or a refusal
//! ```
//!
//! A plan lives longer than a decision: it is prepared, kept behind a ticket, run twice. Each run is decided again, for
//! the same snapshots, with what is known of the principal at the time at which it runs; where the policies are the
//! same, and say nothing of the time, so is the decision, and nobody is asked.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use datafusion::common::Result as DataFusionResult;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::LogicalPlan;

use super::Planned;
use crate::audit::Noted;
use crate::error::Result;
use crate::govern::Asking;
use crate::session::{Asker, Principal};

/// What read a table, and what reads it now.
pub(super) type Change = (Arc<dyn TableProvider>, Arc<dyn TableProvider>);

impl Planned {
    /// Who asks, as what is known of them now says.
    pub(super) fn asker_now(&self, principal: &Arc<Principal>) -> Cow<'_, Asker> {
        match **principal == *self.asker.principal {
            true => Cow::Borrowed(&self.asker),
            false => Cow::Owned(Asker {
                principal: Arc::clone(principal),
                owned: None,
                ..self.asker.clone()
            }),
        }
    }

    /// True if nothing can have changed of what was decided.
    pub(super) fn is_settled(&self, asker: &Asker) -> bool {
        asker.principal == self.asker.principal
            && self.governed.iter().all(|port| port.is_settled(&self.engine))
    }

    /// What reads tables otherwise by what is decided now.
    ///
    /// # Errors
    ///
    /// When a table is denied by now, or has other columns for the principal.
    pub(super) async fn changes(
        &self,
        asker: &Asker,
        now: DateTime<Utc>,
        noted: Option<&Noted>,
    ) -> Result<Vec<Change>> {
        if self.is_settled(asker) {
            return Ok(Vec::new());
        }
        let (engine, settings) = (&self.engine, &self.settings);
        let asking = Asking { engine, asker, settings, now, noted };
        let mut changes: Vec<Change> = Vec::new();
        for port in &self.governed {
            if let Some(provider) = port.again(asking).await? {
                changes.push((Arc::clone(port.provider()), provider));
            }
        }
        Ok(changes)
    }

    /// The logical plan with what is decided now.
    ///
    /// # Errors
    ///
    /// When it cannot be changed so.
    pub(super) fn current_plan(&self, changes: &[Change]) -> Result<Cow<'_, LogicalPlan>> {
        let logical = &self.plans()?.logical;
        if changes.is_empty() {
            return Ok(Cow::Borrowed(logical));
        }
        Ok(Cow::Owned(self.depth.on_stack(|| changed(logical.clone(), changes))?))
    }
}

fn changed(plan: LogicalPlan, changes: &[Change]) -> DataFusionResult<LogicalPlan> {
    plan.transform_down_with_subqueries(|node| {
        let LogicalPlan::TableScan(mut scan) = node else { return Ok(Transformed::no(node)) };
        let Ok(provider) = source_as_provider(&scan.source) else {
            return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
        };
        let change = changes.iter().find(|(was, _)| Arc::ptr_eq(was, &provider));
        let Some((_, is)) = change else {
            return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
        };
        scan.source = provider_as_source(Arc::clone(is));
        Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
    })
    .data()
}
