//! Hands the rows of a plan on in small pieces, and gives way after each.
//!
//! A nested-loop join compares every row of a batch with every row of the other side before it
//! gives way, so that its deadline or a cancel could come minutes late.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result as DataFusionResult;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties,
};
use futures::{StreamExt, stream};

/// The most rows of one piece.
const PIECE_ROWS: usize = 256;

/// The rows of another plan, unchanged and in their order, in batches of at most [`PIECE_ROWS`].
#[derive(Debug)]
pub(super) struct PiecesExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl PiecesExec {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        let properties = Arc::clone(input.properties());
        Self { input, properties }
    }
}

impl DisplayAs for PiecesExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PiecesExec: rows={PIECE_ROWS}")
    }
}

impl ExecutionPlan for PiecesExec {
    fn name(&self) -> &str {
        "PiecesExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DataFusionResult<TreeNodeRecursion>,
    ) -> DataFusionResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self::new(input))),
            _ => Err(DataFusionError::Internal("PiecesExec has one input".to_owned())),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> DataFusionResult<SendableRecordBatchStream> {
        let schema: SchemaRef = self.schema();
        let input = self.input.execute(partition, context)?;
        let pieces = input
            .flat_map(|batch| match batch {
                Ok(batch) => {
                    let starts = (0..batch.num_rows()).step_by(PIECE_ROWS);
                    stream::iter(starts.map(move |start| {
                        Ok(batch.slice(start, PIECE_ROWS.min(batch.num_rows() - start)))
                    }))
                    .left_stream()
                }
                Err(error) => stream::iter([Err(error)]).right_stream(),
            })
            .then(|piece| async {
                tokio::task::yield_now().await;
                piece
            });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, pieces)))
    }
}
