//! A plan of Substrait (<https://substrait.io>) that a client sends in place of SQL.
//!
//! Read twice: once for the tables that it names, and once more, with those opened and governed, for
//! the plan itself. What DataFusion's reader leaves out of a plan without a word is refused here.

mod consumer;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion_substrait::extensions::Extensions;
use datafusion_substrait::logical_plan::consumer::from_substrait_plan_with_consumer;
use datafusion_substrait::substrait::proto::Plan;
use futures::FutureExt;
use prost::Message;

use super::names::{Named, TABLES_MAX};
use crate::error::{Error, ErrorKind, Result};
use consumer::{Consumer, Tables};

/// A plan of Substrait.
#[derive(Debug, Clone)]
pub(crate) struct SubstraitPlan(Arc<Plan>);

impl SubstraitPlan {
    /// Reads a plan from its protobuf message, which nests at most 100 messages.
    ///
    /// # Errors
    ///
    /// When it is none, or uses what would be left out.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self> {
        let plan = Plan::decode(bytes).map_err(|error| {
            Error::new(ErrorKind::InvalidQuery, "the Substrait plan cannot be read")
                .with_hint("send a serialised message of the type substrait.Plan")
                .with_source(error)
        })?;
        let has_enhancement =
            plan.advanced_extensions.as_ref().is_some_and(|all| all.enhancement.is_some());
        if has_enhancement {
            return Err(consumer::enhancement());
        }
        if plan.relations.len() != 1 {
            let message = format!("the Substrait plan has {} roots", plan.relations.len());
            return Err(Error::new(ErrorKind::InvalidQuery, message)
                .with_hint("send a serialised message of the type substrait.Plan with one root"));
        }
        Ok(Self(Arc::new(plan)))
    }

    /// The tables that it reads, each once.
    ///
    /// # Errors
    ///
    /// When it has a form that is not supported, or names too many.
    pub(super) fn tables(&self, state: &SessionState) -> Result<Vec<Named>> {
        let named = Tables::named();
        self.consume(state, &named)?;
        let names = named.names();
        if names.len() > TABLES_MAX {
            return Err(Error::new(
                ErrorKind::InvalidQuery,
                format!("the plan reads {} tables, {TABLES_MAX} are allowed", names.len()),
            ));
        }
        Ok(names.iter().map(|name| Named { parts: name.to_vec(), version: None }).collect())
    }

    /// The plan over tables that are open.
    ///
    /// # Errors
    ///
    /// When it does not fit them.
    pub(crate) fn over(
        &self,
        state: &SessionState,
        tables: impl Iterator<Item = (TableReference, Arc<dyn TableProvider>)>,
    ) -> Result<LogicalPlan> {
        self.consume(state, &Tables::Open(tables.collect()))
    }

    fn consume(&self, state: &SessionState, tables: &Tables) -> Result<LogicalPlan> {
        let extensions = Extensions::try_from(&self.0.extensions)?;
        if !extensions.type_variations.is_empty() {
            return Err(consumer::unsupported("variations of types"));
        }
        let consumer = Consumer::new(&extensions, state, tables);
        // The reader takes for granted that parts are there which a message may leave out. It waits
        // for nothing, since the tables are at hand.
        let work = || from_substrait_plan_with_consumer(&consumer, &self.0).now_or_never();
        let read = catch_unwind(AssertUnwindSafe(work)).map_err(|_| malformed())?;
        let read = read.ok_or_else(|| {
            Error::new(ErrorKind::Internal, "reading a Substrait plan waited for something")
        })?;
        read.map_err(unfitting)
    }
}

/// The error for a plan that the reader does not take. What it says of plans is of names and types.
fn unfitting(error: DataFusionError) -> Error {
    let text = match error.find_root() {
        DataFusionError::Substrait(text) => text.clone(),
        _ => {
            let error = Error::from(error);
            return match error.kind() {
                ErrorKind::Internal => {
                    Error::new(ErrorKind::InvalidQuery, "the Substrait plan cannot be planned")
                        .with_source(error)
                }
                _ => error,
            };
        }
    };
    Error::new(ErrorKind::InvalidQuery, "the Substrait plan does not fit its tables")
        .with_detail(text)
        .with_hint("make it anew with the columns that the catalog shows")
        .with_source(error)
}

fn malformed() -> Error {
    Error::new(ErrorKind::InvalidQuery, "the Substrait plan lacks a part that it needs")
}

#[cfg(test)]
mod tests;
