//! A snapshot as a table of DataFusion: planning a scan skips files, and makes the plain scan of
//! those that are left.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Fields, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DFSchema;
use datafusion::common::pruning::PrunableStatistics;
use datafusion::error::Result as DataFusionResult;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use samite_engine::{Error, ErrorKind, Result};

use super::buckets::Wanted;
use super::columns::Columns;
use super::data_file::name_of;
use super::file_scans::{Asked, FileScans};
use super::selective::is_selective;
use super::statistics::of_file;
use super::stored_deletes::{FetchedDeletes, Needed};
use super::{LakeFile, TableSnapshot};

/// A snapshot as a table.
pub(crate) struct LakeTable {
    name: String,
    snapshot: TableSnapshot,
    columns: Arc<Columns>,
    schema: SchemaRef,
    has_no_nan: bool,
}

impl LakeTable {
    /// The table of `snapshot`, called `name` in reports.
    ///
    /// # Errors
    ///
    /// When the snapshot contradicts itself.
    pub(crate) fn new(name: String, mut snapshot: TableSnapshot) -> Result<Self> {
        let mut columns = std::mem::take(&mut snapshot.columns);
        let seen = columns.len();
        if let Some(deletes) = &snapshot.key_deletes {
            columns.extend(deletes.columns.iter().cloned());
        }
        let columns = Arc::new(Columns::new(columns)?);
        let seen = columns.schema().fields().iter().take(seen).cloned().collect::<Fields>();
        let schema = Arc::new(Schema::new(seen));
        for file in &snapshot.files {
            if file.deleted_rows.is_some() && file.rows.is_none() {
                return Err(Error::new(
                    ErrorKind::CorruptSource,
                    format!(
                        "data file \"{}\" has deleted rows but no number of rows",
                        name_of(&file.path)
                    ),
                ));
            }
        }
        let has_no_nan = snapshot.files.iter().all(|file| holds_no_nan(file, &schema));
        Ok(Self { name, snapshot, columns, schema, has_no_nan })
    }

    /// The files that may hold rows which all of `filters` keep.
    fn files_for(
        &self,
        session: &dyn Session,
        filters: &[Expr],
    ) -> DataFusionResult<Vec<&LakeFile>> {
        let wanted = Wanted::new(filters, &self.schema);
        let files: Vec<&LakeFile> =
            self.snapshot.files.iter().filter(|file| wanted.may_be_in(file)).collect();
        let Some(filter) = conjunction(filters.iter().cloned()) else { return Ok(files) };
        let schema = DFSchema::try_from(Arc::clone(&self.schema))?;
        // A filter that cannot be planned here is evaluated above, where its error belongs.
        let Ok(filter) = session.create_physical_expr(filter, &schema) else { return Ok(files) };
        let predicate =
            PruningPredicateBuilder::new().with_file_schema(Arc::clone(&self.schema)).build(filter);
        let Some(predicate) = predicate else { return Ok(files) };
        let statistics = files.iter().map(|file| Arc::new(of_file(file, &self.schema))).collect();
        let kept =
            predicate.prune(&PrunableStatistics::new(statistics, Arc::clone(&self.schema)))?;
        Ok(files.into_iter().zip(kept).filter_map(|(file, kept)| kept.then_some(file)).collect())
    }

    fn scans(&self) -> FileScans<'_> {
        FileScans {
            table: &self.name,
            snapshot: &self.snapshot.id.0,
            columns: &self.columns,
            has_no_nan: self.has_no_nan,
        }
    }

    /// The files of which keys may be deleted, without the rows that have such a key.
    fn keyed_scans(
        &self,
        kept: Vec<&LakeFile>,
        asked: Asked<'_>,
    ) -> DataFusionResult<Vec<Arc<dyn ExecutionPlan>>> {
        let all = self.snapshot.files.iter().filter(|file| file.has_deleted_keys);
        let Some(deletes) = self.snapshot.key_deletes.as_deref().filter(|_| !kept.is_empty())
        else {
            return self.scans().plan(all, kept, asked);
        };
        let counting = deletes.counting_for(&kept, self.schema.fields().len());
        let widened = counting.projection(asked.projection);
        let probe = Asked { projection: &widened, limit: None, ..asked };
        let scans = self.scans().plan(all, kept, probe)?;
        scans
            .into_iter()
            .map(|scan| {
                counting.apply(scan, asked.projection.len(), self.scans(), asked.partitions)
            })
            .collect()
    }
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
            .field("snapshot", &self.snapshot.id)
            .field("files", &self.snapshot.files.len())
            .finish_non_exhaustive()
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
        let kept = self.files_for(session, filters)?;
        let partitions = session.config().target_partitions();
        let reads_late = is_selective(filters, &projection, &kept, &self.schema);
        let needed = match projection.is_empty() && filters.is_empty() {
            true => Needed::Number,
            false => Needed::Values,
        };
        let deletes = &FetchedDeletes::fetch(&kept, needed).await?;
        let asked = Asked { projection: &projection, limit, partitions, reads_late, deletes };
        let (keyed, plain) = kept.into_iter().partition(|file| file.has_deleted_keys);
        let all = self.snapshot.files.iter().filter(|file| !file.has_deleted_keys);
        let mut scans = self.scans().plan(all, plain, asked)?;
        scans.extend(self.keyed_scans(keyed, asked)?);
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
