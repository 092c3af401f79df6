//! A table as one principal may see it: some rows, some columns, some of them masked.
//!
//! ```text
//! query ┊ BarrierTable: schema without absent columns
//!       ┊   scan ─▶ BarrierExec(masks) ┊ Limit <- Filter(row filter, leakproof filters) <- Scan(port)
//! ```
//!
//! It is a leaf of the logical plan as of the physical one, so that no rule brings together what the
//! policy says and what the query asks: a predicate of the query would see rows that are hidden, and
//! fail on one of them. Decides nothing, and knows no policy.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::{ScanArgs, ScanResult, Session, TableProvider};
use datafusion::common::{
    Constraints, DFSchema, DFSchemaRef, Result as DataFusionResult, Statistics,
};
use datafusion::logical_expr::dml::{InsertOp, MergeIntoClause};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExecBuilder;

use super::barrier_exec::BarrierExec;
use super::below::{self, Asked};
use super::hidden_error::hidden;
use super::leakproof::is_leakproof;
use super::salt::Salt;
use super::{masks, row_filter};
use crate::authorizer::{Mask, Obligations};
use crate::config::Pushdown;
use crate::error::{Error, ErrorKind, Result};
use crate::product::{Column, Table};

/// The classification whose tables keep predicates above, where that is wanted.
const RESTRICTED: &str = "restricted";

/// A table as one principal may see it.
pub(super) struct BarrierTable {
    name: Arc<str>,
    /// What is hidden behind it; nobody gets it from here.
    inner: Arc<dyn TableProvider>,
    schema: SchemaRef,
    columns: Vec<SeenColumn>,
    /// The columns whose predicates may go below: those that are neither masked nor absent, or none.
    pushable: Schema,
    row_filter: Option<Expr>,
    salt: Salt,
}

/// A column that is there for the principal.
#[derive(Debug, Clone, Copy)]
struct SeenColumn {
    /// Its place in the inner table.
    place: usize,
    mask: Option<Mask>,
}

impl BarrierTable {
    /// Puts a barrier in front of a table that is promised as `promise`.
    ///
    /// # Errors
    ///
    /// When an obligation cannot be kept: it names a column that is not there, or compares one with
    /// a value of another kind.
    pub(super) fn new(
        name: &str,
        (inner, promise): (Arc<dyn TableProvider>, &Table),
        obligations: &Obligations,
        salt: Salt,
    ) -> Result<Self> {
        let all = inner.schema();
        let unkept = |what: String| unkept(name, &what);
        let named = obligations.masks.keys().chain(&obligations.absent);
        if let Some(unknown) = named.into_iter().find(|name| all.column_with_name(name).is_none()) {
            return Err(unkept(format!("a policy names column \"{unknown}\", which is not there")));
        }
        let promises: BTreeMap<&str, bool> = promise
            .columns
            .iter()
            .map(|column| (column.name.as_str(), column.promises_values()))
            .collect();
        let (mut fields, mut unmasked, mut columns) = (Vec::new(), Vec::new(), Vec::new());
        for (place, field) in all.fields().iter().enumerate() {
            if obligations.absent.contains(field.name()) {
                continue;
            }
            let mask = obligations.masks.get(field.name()).map(|mask| {
                let is_promised = promises.get(field.name().as_str()).copied().unwrap_or(false);
                let may_be_null = field.is_nullable() && !is_promised;
                masks::fitting(*mask, field.data_type(), may_be_null)
            });
            columns.push(SeenColumn { place, mask });
            match mask {
                // What else is said of a masked column may tell of its values.
                Some(_) => fields.push(Arc::new(Field::new(
                    field.name(),
                    field.data_type().clone(),
                    field.is_nullable(),
                ))),
                None => {
                    fields.push(Arc::clone(field));
                    unmasked.push(Arc::clone(field));
                }
            }
        }
        let row_filter = obligations.row_filter.as_ref();
        let row_filter =
            row_filter.map(|filter| row_filter::lower(filter, &all)).transpose().map_err(unkept)?;
        Ok(Self {
            name: name.into(),
            inner,
            schema: Arc::new(Schema::new(fields)),
            columns,
            pushable: Schema::new(unmasked),
            row_filter,
            salt,
        })
    }

    /// The same barrier, below which no other predicates go than `pushdown` lets.
    #[must_use]
    pub(super) fn with_pushdown(mut self, pushdown: Pushdown, promise: &Table) -> Self {
        if pushdown == Pushdown::Strict && promise.columns.iter().any(is_restricted) {
            self.pushable = Schema::empty();
        }
        self
    }

    /// The rows that satisfy leakproof `filters`, behind a barrier; with the columns at `wanted`.
    async fn barrier(
        &self,
        session: &dyn Session,
        wanted: &[usize],
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let seen: Vec<SeenColumn> =
            wanted.iter().filter_map(|place| self.columns.get(*place).copied()).collect();
        let schema = Arc::new(self.schema.project(wanted)?);
        let places: Vec<usize> = seen.iter().map(|column| column.place).collect();
        let asked = Asked { places: &places, row_filter: self.row_filter.as_ref(), filters, limit };
        let below = below::plan(session, self.inner.as_ref(), asked).await;
        let below = below.map_err(|error| hidden(&self.name, error))?;
        let masks = seen.iter().map(|column| column.mask).collect();
        let masks = (masks, self.salt.clone());
        Ok(Arc::new(BarrierExec::new(Arc::clone(&self.name), below, schema, masks)))
    }

    /// `wanted`, and after it what the filters name besides.
    fn with_columns_of(&self, filters: &[Expr], wanted: &[usize]) -> Vec<usize> {
        let mut all = wanted.to_vec();
        for filter in filters {
            for column in filter.column_refs() {
                if let Some((place, _)) = self.schema.column_with_name(&column.name)
                    && !all.contains(&place)
                {
                    all.push(place);
                }
            }
        }
        all
    }
}

/// True for a column whose values, or some inside of them, are classified so.
fn is_restricted(column: &Column) -> bool {
    column.classification.as_deref() == Some(RESTRICTED)
        || column.children.iter().any(is_restricted)
}

/// For the log what cannot be kept, for the principal only that the table cannot be read.
fn unkept(table: &str, what: &str) -> Error {
    tracing::warn!(table, cause = what, "a policy cannot be enforced");
    Error::new(ErrorKind::PermissionDenied, format!("table \"{table}\" may not be read"))
        .with_detail("a policy cannot be enforced on it")
        .with_hint("tell its owner, or the operator of this server")
        .with_context("policy", what)
}

impl fmt::Debug for BarrierTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierTable").field("name", &self.name).finish_non_exhaustive()
    }
}

#[deny(clippy::missing_trait_methods, reason = "a new method must not open a way around")]
#[async_trait]
impl TableProvider for BarrierTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// None: a key is a key no more where it is masked.
    fn constraints(&self) -> Option<&Constraints> {
        None
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn get_table_definition(&self) -> Option<&str> {
        None
    }

    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        None
    }

    fn get_column_default(&self, _column: &str) -> Option<&Expr> {
        None
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let wanted: Vec<usize> = match projection {
            Some(projection) => projection.clone(),
            None => (0..self.columns.len()).collect(),
        };
        let is_below = |filter: &Expr| is_leakproof(filter, &self.pushable);
        let (below, above): (Vec<Expr>, Vec<Expr>) = filters.iter().cloned().partition(is_below);
        let Some(above) = conjunction(above) else {
            return self.barrier(session, &wanted, &below, limit).await;
        };
        // A planner that pushes what it was told not to push: it counts on the filter all the same.
        let handed = self.with_columns_of(std::slice::from_ref(&above), &wanted);
        let rows = self.barrier(session, &handed, &below, None).await?;
        let schema = DFSchema::try_from(rows.schema())?;
        let predicate = session.create_physical_expr(below::unqualified(above)?, &schema)?;
        let filter = FilterExecBuilder::new(predicate, rows)
            .apply_projection(Some((0..wanted.len()).collect()))?
            .with_fetch(limit);
        Ok(Arc::new(filter.build()?))
    }

    async fn scan_with_args<'a>(
        &self,
        session: &dyn Session,
        args: ScanArgs<'a>,
    ) -> DataFusionResult<ScanResult> {
        let projection = args.projection().map(<[usize]>::to_vec);
        let filters = args.filters().unwrap_or_default();
        Ok(self.scan(session, projection.as_ref(), filters, args.limit()).await?.into())
    }

    /// Never exact: what comes up is asked again.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match is_leakproof(filter, &self.pushable) {
            true => TableProviderFilterPushDown::Inexact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(answer).collect())
    }

    fn statistics(&self) -> Option<Statistics> {
        None
    }

    async fn insert_into(
        &self,
        _session: &dyn Session,
        _input: Arc<dyn ExecutionPlan>,
        _insert_op: InsertOp,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        Err(read_only())
    }

    async fn delete_from(
        &self,
        _session: &dyn Session,
        _filters: Vec<Expr>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        Err(read_only())
    }

    async fn update(
        &self,
        _session: &dyn Session,
        _assignments: Vec<(String, Expr)>,
        _filters: Vec<Expr>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        Err(read_only())
    }

    async fn truncate(&self, _session: &dyn Session) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        Err(read_only())
    }

    async fn merge_into(
        &self,
        _session: &dyn Session,
        _source: Arc<dyn ExecutionPlan>,
        _merge_schema: DFSchemaRef,
        _on: Expr,
        _clauses: Vec<MergeIntoClause>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        Err(read_only())
    }
}

fn read_only() -> datafusion::error::DataFusionError {
    Error::new(ErrorKind::Unsupported, "products are read and never written").into()
}

#[cfg(test)]
mod pushdown_tests;
#[cfg(test)]
mod tests;
