//! A snapshot as a table of DataFusion: planning a scan finds the files that may hold rows, and makes
//! the plain scan of them.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result as DataFusionResult;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use samite_engine::connector::{ColumnRange, NullCount, SnapshotId, TableFacts};
use samite_engine::{Error, Result};

use super::columns::Columns;
use super::file_scans::{Asked, FileScans};
use super::listing::{FileListing, Listed};
use super::pruner::Pruner;
use super::selective::is_selective;
use super::stored_deletes::{FetchedDeletes, Needed};
use super::{KeyDeletes, LakeFile, SnapshotColumn};

/// A snapshot as a table.
pub(crate) struct LakeTable {
    name: String,
    snapshot: SnapshotId,
    columns: Arc<Columns>,
    schema: SchemaRef,
    files: Arc<dyn FileListing>,
}

impl LakeTable {
    /// The table of a snapshot, called `name` in reports.
    ///
    /// # Errors
    ///
    /// When two columns have one name.
    pub(crate) fn new(
        name: String,
        snapshot: SnapshotId,
        columns: Vec<SnapshotColumn>,
        files: Arc<dyn FileListing>,
    ) -> Result<Self> {
        let columns = Arc::new(Columns::new(columns)?);
        let schema = columns.schema();
        Ok(Self { name, snapshot, columns, schema, files })
    }

    /// The columns of the files: those of the table, then those that deletes by key need.
    fn columns_with(&self, deletes: Option<&KeyDeletes>) -> Result<Arc<Columns>> {
        let Some(deletes) = deletes else { return Ok(Arc::clone(&self.columns)) };
        let columns = self.columns.as_slice().iter().chain(&deletes.columns);
        Ok(Arc::new(Columns::new(columns.cloned().collect())?))
    }
}

/// The files of which keys may be deleted, without the rows that have such a key.
fn keyed_scans(
    scans: FileScans<'_>,
    deletes: &KeyDeletes,
    kept: Vec<&LakeFile>,
    asked: Asked<'_>,
    seen: usize,
) -> DataFusionResult<Vec<Arc<dyn ExecutionPlan>>> {
    let counting = deletes.counting_for(&kept, seen);
    let widened = counting.projection(asked.projection);
    let probe = Asked { projection: &widened, limit: None, ..asked };
    let probes = scans.plan(kept, &[], probe)?;
    probes
        .into_iter()
        .map(|probe| counting.apply(probe, asked.projection.len(), scans, asked.partitions))
        .collect()
}

fn holds_no_nan(file: &LakeFile, schema: &SchemaRef) -> bool {
    schema.fields().iter().enumerate().all(|(index, field)| {
        !field.data_type().is_floating()
            || file.constant(index).is_some_and(|value| !is_nan(value))
            || file.bounds.get(index).is_some_and(|bounds| bounds.has_no_nan)
    })
}

fn is_nan(value: &datafusion::scalar::ScalarValue) -> bool {
    use datafusion::scalar::ScalarValue as S;
    match value {
        S::Float16(Some(value)) => value.is_nan(),
        S::Float32(Some(value)) => value.is_nan(),
        S::Float64(Some(value)) => value.is_nan(),
        _ => false,
    }
}

impl fmt::Debug for LakeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LakeTable")
            .field("name", &self.name)
            .field("snapshot", &self.snapshot)
            .finish_non_exhaustive()
    }
}

impl TableFacts for LakeTable {
    fn range(&self, column: &str) -> ColumnRange {
        let index = self.schema.index_of(column);
        index.map_or(ColumnRange::Unknown, |index| self.files.range(index))
    }

    fn nulls(&self, column: &str) -> NullCount {
        let index = self.schema.index_of(column);
        index.map_or(NullCount::default(), |index| self.files.nulls(index))
    }
}

#[async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let projection = match projection {
            Some(projection) => projection.clone(),
            None => (0..self.schema.fields().len()).collect(),
        };
        let pruner = Pruner::new(session, filters, &self.schema)?;
        let about = |error: Error| error.about_table(&self.name);
        let listed = self.files.files(&pruner).await;
        let Listed { files, key_deletes, passed } = listed.map_err(about)?;
        let columns = self.columns_with(key_deletes.as_deref())?;
        let file_scans = FileScans {
            table: &self.name,
            snapshot: &self.snapshot.0,
            columns: &columns,
            has_no_nan: files.iter().all(|file| holds_no_nan(file, &self.schema)),
        };
        let kept: Vec<&LakeFile> = files.iter().map(AsRef::as_ref).collect();
        let partitions = session.config().target_partitions();
        let reads_late = is_selective(filters, &projection, &kept, &self.schema);
        let needed = match projection.is_empty() && filters.is_empty() && key_deletes.is_none() {
            true => Needed::Number,
            false => Needed::Values,
        };
        let deletes = &FetchedDeletes::fetch(&kept, needed).await.map_err(about)?;
        let asked = Asked { projection: &projection, limit, partitions, reads_late, deletes };
        let is_keyed = |file: &&LakeFile| file.has_deleted_keys && key_deletes.is_some();
        let (keyed, plain): (Vec<&LakeFile>, Vec<&LakeFile>) = kept.into_iter().partition(is_keyed);
        let mut scans = file_scans.plan(plain, &passed, asked)?;
        if let Some(deletes) = key_deletes.as_deref().filter(|_| !keyed.is_empty()) {
            let seen = self.schema.fields().len();
            scans.extend(keyed_scans(file_scans, deletes, keyed, asked, seen)?);
        }
        match (scans.pop(), scans.is_empty()) {
            (None, _) => Ok(Arc::new(EmptyExec::new(Arc::new(self.schema.project(&projection)?)))),
            (Some(scan), true) => Ok(scan),
            (Some(scan), false) => {
                scans.push(scan);
                UnionExec::try_new(scans)
            }
        }
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }
}
