//! Reads the parts of a plan, as DataFusion does, with our tables and our refusals.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::TableProvider;
use datafusion::common::{DFSchema, Result as DataFusionResult, TableReference};
use datafusion::datasource::empty::EmptyTable;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion_substrait::extensions::Extensions;
use datafusion_substrait::logical_plan::consumer::{
    DefaultSubstraitConsumer, SubstraitConsumer, from_read_rel, from_substrait_named_struct,
    from_substrait_rel,
};
use datafusion_substrait::substrait::proto::extensions::AdvancedExtension;
use datafusion_substrait::substrait::proto::read_rel::ReadType;
use datafusion_substrait::substrait::proto::rel::RelType;
use datafusion_substrait::substrait::proto::{ReadRel, Rel};
use parking_lot::Mutex;

use crate::error::{Error, ErrorKind};

/// The tables of a plan.
#[derive(Debug)]
pub(super) enum Tables {
    /// Their names are wanted; each has the schema that the plan says.
    Named(Mutex<Vec<(TableReference, Arc<dyn TableProvider>)>>),
    /// They are open.
    Open(HashMap<TableReference, Arc<dyn TableProvider>>),
}

impl Tables {
    /// No names yet.
    pub(super) fn named() -> Self {
        Self::Named(Mutex::default())
    }

    /// The names that were met.
    pub(super) fn names(&self) -> Vec<TableReference> {
        match self {
            Self::Named(met) => met.lock().iter().map(|(name, _)| name.clone()).collect(),
            Self::Open(open) => open.keys().cloned().collect(),
        }
    }
}

/// Reads the parts of a plan.
pub(super) struct Consumer<'a> {
    inner: DefaultSubstraitConsumer<'a>,
    state: &'a SessionState,
    extensions: &'a Extensions,
    tables: &'a Tables,
}

impl<'a> Consumer<'a> {
    /// A reader of a plan with these extensions, over these tables.
    pub(super) fn new(
        extensions: &'a Extensions,
        state: &'a SessionState,
        tables: &'a Tables,
    ) -> Self {
        let inner = DefaultSubstraitConsumer::new(extensions, state);
        Self { inner, state, extensions, tables }
    }

    /// Takes note of a table, with the columns that the plan says.
    fn note(&self, read: &ReadRel) -> DataFusionResult<()> {
        let (Tables::Named(met), Some(ReadType::NamedTable(table))) =
            (self.tables, &read.read_type)
        else {
            return Ok(());
        };
        let name = match table.names.as_slice() {
            [table] => TableReference::bare(table.as_str()),
            [schema, table] => TableReference::partial(schema.as_str(), table.as_str()),
            [catalog, schema, table] => {
                TableReference::full(catalog.as_str(), schema.as_str(), table.as_str())
            }
            names => {
                let message = format!("the name of a table has {} parts", names.len());
                return Err(Error::new(ErrorKind::InvalidQuery, message)
                    .with_hint("name it by domain, product and table")
                    .into());
            }
        };
        let mut met = met.lock();
        if met.iter().any(|(known, _)| *known == name) {
            return Ok(());
        }
        let Some(columns) = &read.base_schema else { return Ok(()) };
        let schema = from_substrait_named_struct(self, columns)?;
        let schema = Arc::new(schema.as_arrow().clone());
        met.push((name, Arc::new(EmptyTable::new(schema))));
        Ok(())
    }
}

#[async_trait]
impl SubstraitConsumer for Consumer<'_> {
    async fn resolve_table_ref(
        &self,
        name: &TableReference,
    ) -> DataFusionResult<Option<Arc<dyn TableProvider>>> {
        Ok(match self.tables {
            Tables::Named(met) => {
                let met = met.lock();
                met.iter().find(|(known, _)| known == name).map(|(_, table)| Arc::clone(table))
            }
            Tables::Open(open) => open.get(name).cloned(),
        })
    }

    fn get_extensions(&self) -> &Extensions {
        self.extensions
    }

    fn get_function_registry(&self) -> &impl FunctionRegistry {
        self.state
    }

    async fn consume_rel(&self, rel: &Rel) -> DataFusionResult<LogicalPlan> {
        if advanced(rel).is_some_and(|extension| extension.enhancement.is_some()) {
            return Err(enhancement().into());
        }
        from_substrait_rel(self, rel).await
    }

    async fn consume_read(&self, read: &ReadRel) -> DataFusionResult<LogicalPlan> {
        match &read.read_type {
            Some(ReadType::NamedTable(_) | ReadType::VirtualTable(_)) => {}
            Some(ReadType::LocalFiles(_)) => return Err(unsupported("reading files").into()),
            _ => return Err(unsupported("reading anything but a table").into()),
        }
        self.note(read)?;
        filtered(from_read_rel(self, read).await?)
    }

    fn push_outer_schema(&self, schema: Arc<DFSchema>) {
        self.inner.push_outer_schema(schema);
    }

    fn pop_outer_schema(&self) {
        self.inner.pop_outer_schema();
    }

    fn get_outer_schema(&self, steps_out: usize) -> Option<Arc<DFSchema>> {
        self.inner.get_outer_schema(steps_out)
    }
}

/// The rows that the filter of a read lets through. The filter of a scan alone would be a hint for its
/// source, which may leave it out.
fn filtered(plan: LogicalPlan) -> DataFusionResult<LogicalPlan> {
    let LogicalPlan::TableScan(mut scan) = plan else { return Ok(plan) };
    let Some(filter) = conjunction(std::mem::take(&mut scan.filters)) else {
        return Ok(LogicalPlan::TableScan(scan));
    };
    let columns = scan.projected_schema.columns().into_iter().map(Expr::Column);
    LogicalPlanBuilder::scan(scan.table_name.clone(), Arc::clone(&scan.source), None)?
        .filter(filter)?
        .project(columns)?
        .build()
}

/// What a relation says beyond the standard.
fn advanced(rel: &Rel) -> Option<&AdvancedExtension> {
    let extension = match rel.rel_type.as_ref()? {
        RelType::Read(rel) => &rel.advanced_extension,
        RelType::Filter(rel) => &rel.advanced_extension,
        RelType::Fetch(rel) => &rel.advanced_extension,
        RelType::Aggregate(rel) => &rel.advanced_extension,
        RelType::Sort(rel) => &rel.advanced_extension,
        RelType::Join(rel) => &rel.advanced_extension,
        RelType::Project(rel) => &rel.advanced_extension,
        RelType::Set(rel) => &rel.advanced_extension,
        RelType::Cross(rel) => &rel.advanced_extension,
        // The others are refused as a whole.
        _ => return None,
    };
    extension.as_ref()
}

/// The refusal of an extension that must not be left out (Substrait, "Advanced Extensions").
pub(super) fn enhancement() -> Error {
    unsupported("an enhancement of a plan")
}

/// The refusal of a part of a plan.
pub(super) fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{what} by Substrait is not supported"))
        .with_hint("name tables by domain, product and table, or send SQL")
}
