//! What is done with what was read of each file: deleted rows are taken out, row lineage is completed,
//! and the names of the file and of its table are put to every error.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::error::ArrowError;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion_datasource::morsel::{Morsel, MorselPlan, MorselPlanner, Morselizer};
use futures::StreamExt;
use futures::stream::BoxStream;
use samite_engine::{Error, ErrorKind};

use super::Lineage;
use super::data_file::name_of;
use super::file_rows::ByPosition;

/// A morselizer whose batches have no deleted rows, and whose errors name the file and its table.
#[derive(Debug)]
pub(crate) struct NamedMorselizer {
    pub(crate) inner: Box<dyn Morselizer>,
    /// The table's address.
    pub(crate) table: Arc<str>,
    /// True if batches come with the positions of their rows.
    pub(crate) has_positions: bool,
    /// The columns of row lineage, by place.
    pub(crate) lineage: Arc<[(usize, Lineage)]>,
}

/// What is read.
#[derive(Debug, Clone)]
struct Place {
    table: Arc<str>,
    file: Arc<str>,
    /// What is done with the rows, if they come with their positions.
    by_position: Option<ByPosition>,
}

impl Place {
    fn finish(&self, batch: DataFusionResult<RecordBatch>) -> DataFusionResult<RecordBatch> {
        let batch = match &self.by_position {
            Some(by_position) => batch.and_then(|batch| by_position.finish(&batch)),
            None => batch,
        };
        batch.map_err(|error| named(error, self))
    }
}

impl Morselizer for NamedMorselizer {
    fn plan_file(&self, file: PartitionedFile) -> DataFusionResult<Box<dyn MorselPlanner>> {
        let place = Place {
            table: Arc::clone(&self.table),
            file: Arc::from(name_of(&file.object_meta.location)),
            by_position: self.has_positions.then(|| ByPosition::of(&file, &self.lineage)),
        };
        let inner = self.inner.plan_file(file).map_err(|error| named(error, &place))?;
        Ok(Box::new(NamedPlanner { inner, place }))
    }
}

#[derive(Debug)]
struct NamedPlanner {
    inner: Box<dyn MorselPlanner>,
    place: Place,
}

impl NamedPlanner {
    fn boxed(inner: Box<dyn MorselPlanner>, place: &Place) -> Box<dyn MorselPlanner> {
        Box::new(Self { inner, place: place.clone() })
    }
}

impl MorselPlanner for NamedPlanner {
    fn plan(self: Box<Self>) -> DataFusionResult<Option<MorselPlan>> {
        let Self { inner, place } = *self;
        let Some(mut plan) = inner.plan().map_err(|error| named(error, &place))? else {
            return Ok(None);
        };
        let morsels = plan
            .take_morsels()
            .into_iter()
            .map(|inner| Box::new(NamedMorsel { inner, place: place.clone() }) as _)
            .collect();
        let planners = plan
            .take_ready_planners()
            .into_iter()
            .map(|inner| NamedPlanner::boxed(inner, &place))
            .collect();
        let mut ours = MorselPlan::new().with_morsels(morsels).with_planners(planners);
        if let Some(pending) = plan.take_pending_planner() {
            ours.set_pending_planner(async move {
                let inner = pending.await.map_err(|error| named(error, &place))?;
                Ok(NamedPlanner::boxed(inner, &place))
            });
        }
        Ok(Some(ours))
    }
}

struct NamedMorsel {
    inner: Box<dyn Morsel>,
    place: Place,
}

impl fmt::Debug for NamedMorsel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl Morsel for NamedMorsel {
    fn into_stream(self: Box<Self>) -> BoxStream<'static, DataFusionResult<RecordBatch>> {
        let Self { inner, place } = *self;
        inner.into_stream().map(move |batch| place.finish(batch)).boxed()
    }
}

/// Errors of the Parquet reader mean that the file is broken, and ours about a file get its name if
/// they lack it. All others are about the query, and stay as they are.
fn named(error: DataFusionError, place: &Place) -> DataFusionError {
    let is_about_a_file = match error.find_root() {
        DataFusionError::ParquetError(_) => true,
        DataFusionError::ArrowError(inner, _) => matches!(**inner, ArrowError::ParquetError(_)),
        DataFusionError::External(inner) => inner.downcast_ref::<Error>().is_some_and(|ours| {
            matches!(
                ours.kind(),
                ErrorKind::CorruptSource | ErrorKind::SourceUnavailable | ErrorKind::Unsupported
            )
        }),
        _ => false,
    };
    if !is_about_a_file {
        return error;
    }
    let ours = Error::from(error);
    if ours.to_line().contains(&*place.file) {
        return ours.about_table(&place.table).into();
    }
    let text = match ours.detail() {
        Some(detail) => format!("{}: {detail}", ours.message()),
        None => ours.message().to_owned(),
    };
    let message = format!("data file \"{}\" cannot be read", place.file);
    let error = Error::new(ours.kind(), message).with_detail(text);
    let error = match ours.hint() {
        Some(hint) => error.with_hint(hint),
        None => error,
    };
    error.with_source(ours).about_table(&place.table).into()
}
