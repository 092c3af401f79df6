//! Stage 3: a governed query becomes a physical plan.

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::scalar::ScalarValue;

use crate::connector::SnapshotId;
use crate::error::{Error, ErrorKind, Result};
use crate::execute::QueryStream;
use crate::resolve::Statement;
use crate::session::Session;

/// One parameter of a query, in the order of its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its number, from 1: `$1`, or the first `?`.
    pub number: usize,
    /// Its type, where the query tells.
    pub data_type: Option<DataType>,
}

/// A planned query. It can be executed many times, each time on the same snapshots.
#[derive(Debug, Clone)]
pub struct QueryPlan {
    schema: SchemaRef,
    parameters: Vec<Parameter>,
    snapshots: Vec<(String, SnapshotId)>,
    warnings: Vec<String>,
}

impl QueryPlan {
    /// The schema of the result.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    /// The parameters; empty if it has none or all have values.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The tables, each with its snapshot.
    #[must_use]
    pub fn snapshots(&self) -> &[(String, SnapshotId)] {
        &self.snapshots
    }

    /// What the asker should know, for instance that a version ends soon.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The same query with a value for each parameter, in the order of their numbers.
    ///
    /// # Errors
    ///
    /// When there are more or fewer values than parameters, or one has a type that does not fit.
    pub fn bind(&self, _values: Vec<ScalarValue>) -> Result<Self> {
        Err(Error::new(ErrorKind::Internal, "not built"))
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// When a parameter has no value, or there is no room for one more query.
    pub async fn execute(&self) -> Result<QueryStream> {
        Err(Error::new(ErrorKind::Internal, "not built"))
    }
}

pub(crate) async fn prepare(_session: &Session, _statement: &Statement) -> Result<QueryPlan> {
    Err(Error::new(ErrorKind::Internal, "not built"))
}
