//! What its table says of the rows of one data file, on its way from planning to reading.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::config::ConfigOptions;
use datafusion::datasource::physical_plan::FileSource;
use datafusion::datasource::physical_plan::parquet::ParquetRowSelection;
use datafusion::error::Result as DataFusionResult;
use datafusion::functions::core::file_row_index;
use datafusion::physical_expr::ScalarFunctionExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::{ProjectionExpr, ProjectionExprs};
use datafusion::physical_plan::PhysicalExpr;
use datafusion_datasource::PartitionedFile;
use samite_engine::{Error, ErrorKind, Result};

use super::{DeletedRows, FileLineage, Lineage};

/// The last column of what a masked scan reads: where in its file each row lies.
const POSITION: &str = "\0position";

/// What a table says of the rows of a file.
#[derive(Debug, Clone)]
pub(crate) struct FileRows {
    /// All rows, deleted ones among them.
    pub(crate) total: u64,
    /// The rows that no longer count.
    pub(crate) deleted: Option<Arc<DeletedRows>>,
    /// What they inherit, if the table keeps track of rows.
    pub(crate) lineage: Option<FileLineage>,
}

/// What is done with the rows of a file by their positions in it.
#[derive(Debug, Clone)]
pub(crate) struct ByPosition {
    deleted: Option<Arc<DeletedRows>>,
    lineage: Option<FileLineage>,
    /// The columns of row lineage, by place.
    columns: Arc<[(usize, Lineage)]>,
}

impl FileRows {
    /// Puts this to a file of a plan. `name` is the file's for errors.
    ///
    /// # Errors
    ///
    /// When a deleted row lies beyond the file.
    pub(crate) fn attach(self, file: PartitionedFile, name: &str) -> Result<PartitionedFile> {
        let Some(deleted) = &self.deleted else { return Ok(file.with_extension(self)) };
        deleted.check(name, self.total)?;
        Ok(match deleted.selection(self.total) {
            Some(selection) => file.with_extension(ParquetRowSelection::new(selection)),
            None => file,
        }
        .with_extension(self))
    }

    /// What is to be masked of the batches of `file`.
    pub(crate) fn masked(file: &PartitionedFile) -> Option<Arc<DeletedRows>> {
        let is_selected = file.extension::<ParquetRowSelection>().is_some();
        file.extension::<Self>().filter(|_| !is_selected)?.deleted.clone()
    }

    /// Checks the number of rows that the file itself tells.
    ///
    /// # Errors
    ///
    /// When it is another.
    pub(crate) fn check(&self, name: &str, found: i64) -> Result<()> {
        if u64::try_from(found) == Ok(self.total) {
            return Ok(());
        }
        let message = match &self.deleted {
            Some(_) => format!("the deleted rows of data file \"{name}\" do not fit it"),
            None => format!("data file \"{name}\" is not the one that its table names"),
        };
        Err(Error::new(ErrorKind::CorruptSource, message)
            .with_detail(format!("it has {found} rows, and its table says {}", self.total))
            .with_hint("ask the owner of the product to repair the table"))
    }
}

/// The same source with one column more: where in its file each row lies.
///
/// # Errors
///
/// When the source cannot be projected.
pub(crate) fn with_positions(
    source: &Arc<dyn FileSource>,
) -> DataFusionResult<Arc<dyn FileSource>> {
    let schema = source.table_schema().table_schema();
    let position = ScalarFunctionExpr::try_new(
        file_row_index(),
        Vec::new(),
        schema,
        Arc::new(ConfigOptions::default()),
    )?;
    let held = source.projection().into_iter().flat_map(ProjectionExprs::iter);
    let mut columns: Vec<ProjectionExpr> = held
        .enumerate()
        .map(|(index, held)| {
            let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(&held.alias, index));
            ProjectionExpr::new(column, &held.alias)
        })
        .collect();
    columns.push(ProjectionExpr::new(Arc::new(position), POSITION));
    let counted = source.try_pushdown_projection(&ProjectionExprs::new(columns))?;
    counted.ok_or_else(|| unexpected().into())
}

impl ByPosition {
    /// What is done with the rows of `file`, which has the columns of row lineage at `columns`.
    pub(crate) fn of(file: &PartitionedFile, columns: &Arc<[(usize, Lineage)]>) -> Self {
        Self {
            deleted: FileRows::masked(file),
            lineage: file.extension::<FileRows>().and_then(|rows| rows.lineage),
            columns: Arc::clone(columns),
        }
    }

    /// Takes the positions off a batch, and with them the rows that are deleted; completes the lineage
    /// of the others.
    ///
    /// # Errors
    ///
    /// When the positions are missing.
    pub(crate) fn finish(&self, batch: &RecordBatch) -> DataFusionResult<RecordBatch> {
        let (last, others) = batch.columns().split_last().ok_or_else(unexpected)?;
        let positions = last.as_primitive_opt::<Int64Type>().filter(|held| held.null_count() == 0);
        let positions = positions.ok_or_else(unexpected)?.values();
        let mut seen = batch.project(&(0..others.len()).collect::<Vec<_>>())?;
        if !self.columns.is_empty() {
            seen = self.with_lineage(&seen, positions)?;
        }
        match self.deleted.as_ref().and_then(|deleted| deleted.mask(positions)) {
            Some(kept) => Ok(filter_record_batch(&seen, &BooleanArray::new(kept, None))?),
            None => Ok(seen),
        }
    }

    fn with_lineage(&self, batch: &RecordBatch, positions: &[i64]) -> Result<RecordBatch> {
        let mut columns = batch.columns().to_vec();
        for (at, lineage) in self.columns.iter() {
            let column = columns.get_mut(*at).ok_or_else(unexpected)?;
            *column = lineage.of(column, positions, self.lineage).ok_or_else(unexpected)?;
        }
        RecordBatch::try_new(batch.schema(), columns)
            .map_err(|error| unexpected().with_source(error))
    }
}

fn unexpected() -> Error {
    Error::new(ErrorKind::Internal, "a scan lost the positions of its rows")
}
