//! Puts the name of the file to every error of reading it.

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

use super::data_file::name_of;

/// A morselizer whose errors name the file.
#[derive(Debug)]
pub(crate) struct NamedMorselizer(pub(crate) Box<dyn Morselizer>);

impl Morselizer for NamedMorselizer {
    fn plan_file(&self, file: PartitionedFile) -> DataFusionResult<Box<dyn MorselPlanner>> {
        let name = Arc::<str>::from(name_of(&file.object_meta.location));
        let inner = self.0.plan_file(file).map_err(|error| named(error, &name))?;
        Ok(Box::new(NamedPlanner { inner, name }))
    }
}

#[derive(Debug)]
struct NamedPlanner {
    inner: Box<dyn MorselPlanner>,
    name: Arc<str>,
}

impl NamedPlanner {
    fn boxed(inner: Box<dyn MorselPlanner>, name: &Arc<str>) -> Box<dyn MorselPlanner> {
        Box::new(Self { inner, name: Arc::clone(name) })
    }
}

impl MorselPlanner for NamedPlanner {
    fn plan(self: Box<Self>) -> DataFusionResult<Option<MorselPlan>> {
        let Self { inner, name } = *self;
        let Some(mut plan) = inner.plan().map_err(|error| named(error, &name))? else {
            return Ok(None);
        };
        let morsels = plan
            .take_morsels()
            .into_iter()
            .map(|inner| Box::new(NamedMorsel { inner, name: Arc::clone(&name) }) as _)
            .collect();
        let planners = plan
            .take_ready_planners()
            .into_iter()
            .map(|inner| NamedPlanner::boxed(inner, &name))
            .collect();
        let mut ours = MorselPlan::new().with_morsels(morsels).with_planners(planners);
        if let Some(pending) = plan.take_pending_planner() {
            ours.set_pending_planner(async move {
                let inner = pending.await.map_err(|error| named(error, &name))?;
                Ok(NamedPlanner::boxed(inner, &name))
            });
        }
        Ok(Some(ours))
    }
}

struct NamedMorsel {
    inner: Box<dyn Morsel>,
    name: Arc<str>,
}

impl fmt::Debug for NamedMorsel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl Morsel for NamedMorsel {
    fn into_stream(self: Box<Self>) -> BoxStream<'static, DataFusionResult<RecordBatch>> {
        let Self { inner, name } = *self;
        inner.into_stream().map(move |batch| batch.map_err(|error| named(error, &name))).boxed()
    }
}

/// Errors of the Parquet reader mean that the file is broken, and ours about a file get its name if
/// they lack it. All others are about the query, and stay as they are.
fn named(error: DataFusionError, name: &str) -> DataFusionError {
    let is_about_a_file = match error.find_root() {
        DataFusionError::ParquetError(_) => true,
        DataFusionError::ArrowError(inner, _) => matches!(**inner, ArrowError::ParquetError(_)),
        DataFusionError::External(inner) => inner.downcast_ref::<Error>().is_some_and(|ours| {
            matches!(ours.kind(), ErrorKind::CorruptSource | ErrorKind::Unsupported)
        }),
        _ => false,
    };
    if !is_about_a_file {
        return error;
    }
    let ours = Error::from(error);
    if ours.to_line().contains(name) {
        return ours.into();
    }
    let text = match ours.detail() {
        Some(detail) => format!("{}: {detail}", ours.message()),
        None => ours.message().to_owned(),
    };
    Error::new(ours.kind(), format!("data file \"{name}\" cannot be read"))
        .with_detail(text)
        .with_source(ours)
        .into()
}
