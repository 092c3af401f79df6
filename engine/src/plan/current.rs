//! A plan as it may run now.
//!
//! ```text
//! QueryPlan ─decide again─▶ the same plan, or one with other barriers, or a refusal
//! ```
//!
//! A plan lives longer than a decision: it is prepared, kept behind a ticket, run twice. What is run
//! soon after it was planned was just decided; all else is decided again, for the same principal and
//! the same snapshots, at the time at which it runs.

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

/// What read a table, and what reads it now.
type Change = (Arc<dyn TableProvider>, Arc<dyn TableProvider>);

impl Planned {
    /// The logical plan with what is decided now.
    ///
    /// # Errors
    ///
    /// When a table is denied by now, or has other columns for the principal.
    pub(super) async fn current_plan(
        &self,
        now: DateTime<Utc>,
        noted: Option<&Noted>,
    ) -> Result<Cow<'_, LogicalPlan>> {
        let logical = &self.plans()?.logical;
        let (engine, asker, settings) = (&self.engine, &self.asker, &self.settings);
        let asking = Asking { engine, asker, settings, now, noted };
        let mut changes: Vec<Change> = Vec::new();
        for port in &self.governed {
            if let Some(provider) = port.again(asking).await? {
                changes.push((Arc::clone(port.provider()), provider));
            }
        }
        if changes.is_empty() {
            return Ok(Cow::Borrowed(logical));
        }
        Ok(Cow::Owned(self.depth.on_stack(|| changed(logical.clone(), &changes))?))
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
