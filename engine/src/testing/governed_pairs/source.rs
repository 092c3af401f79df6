//! Sources with habits: what a barrier must not trust.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, Result as DataFusionResult};
use datafusion::datasource::MemTable;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType, col, lit};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::limit::LocalLimitExec;

use super::dice::Dice;

/// What a source says of filters, and what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    /// It takes none.
    Plain,
    /// It takes hints and forgets them.
    Forgetful,
    /// It says that it filters, and does.
    Honest,
    /// It says that it filters, and does not.
    Lying,
    /// It has rows that are deleted, with ids below zero, and filters them by itself.
    Deleting,
}

impl Habit {
    pub(super) fn any(dice: &mut Dice) -> Self {
        let all = [Self::Plain, Self::Forgetful, Self::Honest, Self::Lying, Self::Deleting];
        dice.one(&all).copied().unwrap_or(Self::Plain)
    }
}

/// A table in memory with a habit.
#[derive(Debug)]
pub(super) struct HabitualTable {
    rows: Arc<MemTable>,
    habit: Habit,
}

impl HabitualTable {
    pub(super) fn new(rows: Arc<MemTable>, habit: Habit) -> Self {
        Self { rows, habit }
    }
}

impl HabitualTable {
    /// The rows whose id is not below zero.
    async fn undeleted(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let all = || (0..self.schema().fields().len()).collect();
        let wanted: Vec<usize> = projection.cloned().unwrap_or_else(all);
        let mut read = wanted.clone();
        // The id is the first column.
        if !read.contains(&0) {
            read.push(0);
        }
        let rows = self.rows.scan(session, Some(&read), &[], None).await?;
        let schema = DFSchema::try_from(rows.schema())?;
        let predicate = session.create_physical_expr(col("id").gt_eq(lit(0_i64)), &schema)?;
        let filter = FilterExecBuilder::new(predicate, rows)
            .apply_projection(Some((0..wanted.len()).collect()))?;
        Ok(Arc::new(filter.build()?))
    }
}

#[async_trait]
impl TableProvider for HabitualTable {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        let answer = match self.habit {
            Habit::Plain => TableProviderFilterPushDown::Unsupported,
            Habit::Forgetful | Habit::Deleting => TableProviderFilterPushDown::Inexact,
            Habit::Honest | Habit::Lying => TableProviderFilterPushDown::Exact,
        };
        Ok(vec![answer; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        if self.habit == Habit::Deleting {
            return self.undeleted(session, projection).await;
        }
        let rows = self.rows.scan(session, projection, &[], None).await?;
        let rows = match conjunction(filters.to_vec()) {
            Some(filter) if self.habit == Habit::Honest => {
                let schema = DFSchema::try_from(rows.schema())?;
                let predicate = session.create_physical_expr(filter, &schema)?;
                Arc::new(FilterExec::try_new(predicate, rows)?)
            }
            _ => rows,
        };
        Ok(match limit {
            Some(limit) => Arc::new(LocalLimitExec::new(rows, limit)),
            None => rows,
        })
    }
}
