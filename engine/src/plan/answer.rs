//! From a physical plan to what the asker gets: its rows, or what is told of it.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;

use super::{Planned, PlannedTable, explain};
use crate::connector::ScanReport;
use crate::error::Result;
use crate::execute::{self, Job, QueryStream};
use crate::session::Principal;
use crate::telemetry::Record;

/// What the asker gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Rows,
    Explanation { is_verbose: bool },
    Analysis,
}

impl Planned {
    /// Begins to hand out what the asker gets.
    ///
    /// # Errors
    ///
    /// When there is no room for one more query, or what is analysed fails.
    pub(super) async fn answered(
        self: &Arc<Self>,
        physical: Arc<dyn ExecutionPlan>,
        (principal, record): (&Arc<Principal>, &mut Option<Record>),
    ) -> Result<QueryStream> {
        if self.answer == Answer::Rows {
            return execute::start(self.job(physical), record).await;
        }
        if self.tables.iter().any(PlannedTable::is_unexplained) {
            return self.give(explain::withheld(&self.tables)?, record).await;
        }
        let reports = match self.answer {
            Answer::Analysis => Some(self.run_through(Arc::clone(&physical), record).await?),
            Answer::Rows | Answer::Explanation { .. } => None,
        };
        let explaining = Arc::clone(self);
        let is_analysis = reports.is_some();
        let explain = async move { explaining.explain(&physical, reports.as_deref()) };
        let batch = self.engine.limits().processor().run(explain).await?;
        if is_analysis {
            // What was run through has its own line in the log.
            *record = Some(self.record(principal));
        }
        self.give(batch, record).await
    }

    /// What is told of a plan, and of what its scans read if it was run.
    fn explain(
        &self,
        physical: &Arc<dyn ExecutionPlan>,
        reports: Option<&[ScanReport]>,
    ) -> Result<RecordBatch> {
        let is_verbose = self.answer == Answer::Explanation { is_verbose: true };
        self.depth.on_stack(|| {
            if let Some(reports) = reports {
                return explain::analysis(physical, &self.tables, reports);
            }
            let state = self.state(self.engine.clock().now());
            let logical = state.optimize(&self.plans()?.logical)?;
            explain::plans(&logical, physical, &self.tables, is_verbose)
        })
    }

    fn job(&self, plan: Arc<dyn ExecutionPlan>) -> Job {
        let schema = match self.answer {
            Answer::Analysis => plan.schema(),
            Answer::Rows | Answer::Explanation { .. } => Arc::clone(&self.schema),
        };
        let config = self.config.clone();
        Job { engine: self.engine.clone(), plan, config, schema, timeout: self.timeout }
    }

    /// Runs a plan to its end and says what its scans read.
    async fn run_through(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        record: &mut Option<Record>,
    ) -> Result<Vec<ScanReport>> {
        let mut rows = execute::start(self.job(plan), record).await?;
        while let Some(batch) = rows.next().await {
            batch?;
        }
        Ok(rows.reports())
    }

    /// Hands out one batch that is there already.
    async fn give(&self, batch: RecordBatch, record: &mut Option<Record>) -> Result<QueryStream> {
        let schema = batch.schema();
        let plan = MemorySourceConfig::try_new_exec(&[vec![batch]], schema, None)?;
        let job = Job { schema: Arc::clone(&self.schema), ..self.job(plan) };
        execute::start(job, record).await
    }
}
