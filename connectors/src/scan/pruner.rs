//! What the filters of one scan let through, by what metadata tells of files without opening them.
//!
//! A group of files of which the metadata tells the same things is judged as if it were one file.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::pruning::PrunableStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{DFSchema, Statistics};
use datafusion::error::Result as DataFusionResult;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder};
use datafusion::scalar::ScalarValue;
use samite_engine::Result;

use super::LakeFile;
use super::buckets::Wanted;
use super::statistics::of_file;

/// Judges files by the filters of one scan.
#[derive(Debug)]
pub(crate) struct Pruner {
    schema: SchemaRef,
    wanted: Wanted,
    predicate: Option<Arc<PruningPredicate>>,
}

impl Pruner {
    /// Judges by `filters` on a table of `schema`.
    ///
    /// # Errors
    ///
    /// When the schema has a name twice.
    pub(crate) fn new(
        session: &dyn Session,
        filters: &[Expr],
        schema: &SchemaRef,
    ) -> DataFusionResult<Self> {
        let wanted = Wanted::new(filters, schema);
        let mut predicate = None;
        if let Some(filter) = conjunction(filters.iter().cloned()) {
            let named = DFSchema::try_from(Arc::clone(schema))?;
            // A filter that cannot be planned here is evaluated above, where its error belongs.
            if let Ok(filter) = session.create_physical_expr(filter, &named) {
                predicate = PruningPredicateBuilder::new()
                    .with_file_schema(Arc::clone(schema))
                    .build(filter);
            }
        }
        Ok(Self { schema: Arc::clone(schema), wanted, predicate })
    }

    /// For each file, false if no row of it can pass the filters.
    ///
    /// # Errors
    ///
    /// When the filters cannot be evaluated.
    pub(crate) fn keeps(&self, files: &[&LakeFile]) -> Result<Vec<bool>> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let mut kept: Vec<bool> = files.iter().map(|file| self.wanted.may_be_in(file)).collect();
        if let Some(predicate) = &self.predicate {
            let statistics = files.iter().map(|file| Arc::new(self.told(file))).collect();
            let statistics = PrunableStatistics::new(statistics, Arc::clone(&self.schema));
            for (kept, may_match) in kept.iter_mut().zip(predicate.prune(&statistics)?) {
                *kept &= may_match;
            }
        }
        Ok(kept)
    }

    /// What is known of a file, a bound that is not known as NULL of its column's type: the predicate
    /// takes the type of a column's bounds from the first file, and gives up on all files if it has none.
    fn told(&self, file: &LakeFile) -> Statistics {
        let mut told = of_file(file, &self.schema);
        let columns = told.column_statistics.iter_mut().zip(self.schema.fields()).enumerate();
        for (index, (column, field)) in columns {
            for bound in [&mut column.min_value, &mut column.max_value] {
                if !matches!(bound, Precision::Exact(_))
                    && let Ok(null) = ScalarValue::try_new_null(field.data_type())
                {
                    *bound = Precision::Exact(null);
                }
            }
            // Of a text, this is held back from the scan, which would make one value a constant.
            if file.bounds.get(index).is_some_and(|bounds| bounds.nulls == Some(0))
                && file.constant(index).is_none()
            {
                column.null_count = Precision::Exact(0);
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::object_store::ObjectMeta;
    use datafusion::prelude::{SessionContext, col, lit};

    use super::super::Bounds;
    use super::*;

    #[test]
    fn file_of_which_nothing_is_known_keeps_no_other() {
        let folder = crate::testing::Folder::new();
        let place = folder.stores.resolve(&folder.location(), None).unwrap();
        let file = |bounds: Option<[&str; 2]>| {
            let meta = ObjectMeta {
                location: place.path.clone(),
                last_modified: crate::testing::noon(),
                size: 1,
                e_tag: None,
                version: None,
            };
            let text = |text: &str| Some(ScalarValue::Utf8View(Some(text.to_owned())));
            let of = |[min, max]: [&str; 2]| Bounds {
                min: text(min),
                max: text(max),
                ..Bounds::default()
            };
            let bounds = bounds.map(of).into_iter().collect();
            LakeFile { bounds, ..LakeFile::new(Arc::clone(&place.store), meta) }
        };
        let files = [file(None), file(Some(["a", "c"])), file(Some(["m", "p"]))];
        let schema = Arc::new(Schema::new(vec![Field::new("x", DataType::Utf8View, true)]));
        let state = SessionContext::new().state();
        let literal = lit(ScalarValue::Utf8View(Some("n".to_owned())));
        let pruner = Pruner::new(&state, &[col("x").eq(literal)], &schema).unwrap();
        let files: Vec<&LakeFile> = files.iter().collect();
        assert_eq!(pruner.keeps(&files).unwrap(), [true, false, true]);
        assert_eq!(pruner.keeps(&[]).unwrap(), [true; 0]);
    }
}
