//! Deletes by key: files of keys whose rows count no more in data files that are older.
//!
//! ```text
//! Projection(asked) <- HashJoin(RightAnti, NULL = NULL, deleted.age > file.age) <- scan of deleted keys
//!                                                                               <- scan of data files
//! ```
//!
//! One join for each set of key columns. The keys are held in the memory that the query may use, and
//! a filter on the table still reaches the data files. How many rows are left is known only after
//! the joins, so that no limit and no answer comes from below them.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{JoinSide, JoinType, NullEquality};
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column};
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter};
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use datafusion::scalar::ScalarValue;
use samite_engine::{Error, ErrorKind};

use super::columns::Columns;
use super::file_scans::{Asked, FileScans};
use super::stored_deletes::FetchedDeletes;
use super::{Identity, LakeFile, SnapshotColumn};

/// What deletes rows by their keys.
#[derive(Debug, Clone)]
pub(crate) struct KeyDeletes {
    /// Columns that no consumer sees: those that are in a key, then the age of a file and its part.
    pub(crate) columns: Vec<SnapshotColumn>,
    /// The deleted keys.
    pub(crate) sets: Vec<KeySet>,
}

/// Deleted keys of the same columns.
#[derive(Debug, Clone)]
pub(crate) struct KeySet {
    /// The columns of a key, by their index in [`KeyDeletes::columns`].
    pub(crate) keys: Vec<usize>,
    /// True if keys count only for data files of their own part.
    pub(crate) is_of_parts: bool,
    /// The files that hold the keys; everything in them "by column" goes by [`KeyDeletes::columns`].
    pub(crate) files: Vec<LakeFile>,
}

impl KeyDeletes {
    /// The deletes of `sets`, over the columns of their keys.
    pub(crate) fn new(mut keys: Vec<SnapshotColumn>, sets: Vec<KeySet>) -> Self {
        // No file has such ids: every file has these columns as constants.
        for (name, id) in [("#age", -1), ("#part", -2)] {
            keys.push(SnapshotColumn {
                field: Arc::new(Field::new(name, DataType::Int64, false)),
                identity: Identity::FieldId(id),
                when_missing: None,
            });
        }
        Self { columns: keys, sets }
    }

    /// What a file needs as constants besides its own, if its columns start at `first`.
    pub(crate) fn constants(&self, first: usize, age: i64, part: i64) -> [(usize, ScalarValue); 2] {
        [(first + self.age(), age.into()), (first + self.part(), part.into())]
    }

    fn age(&self) -> usize {
        self.columns.len().saturating_sub(2)
    }

    fn part(&self) -> usize {
        self.columns.len().saturating_sub(1)
    }

    /// The deletes that may count for `files`, in which the columns of the keys start at `first`.
    pub(crate) fn counting_for<'a>(&'a self, files: &[&LakeFile], first: usize) -> Counting<'a> {
        let oldest = files.iter().filter_map(|file| number(file, first + self.age())).min();
        let parts: HashSet<Option<i64>> =
            files.iter().map(|file| number(file, first + self.part())).collect();
        let counts = |set: &KeySet, file: &LakeFile| {
            let is_younger = number(file, self.age()) > oldest;
            is_younger && (!set.is_of_parts || parts.contains(&number(file, self.part())))
        };
        let sets = self.sets.iter().map(|set| {
            (set, set.files.iter().filter(|file| counts(set, file)).collect::<Vec<_>>())
        });
        let sets = sets.filter(|(_, files)| !files.is_empty()).collect();
        Counting { deletes: self, sets, first }
    }
}

fn number(file: &LakeFile, column: usize) -> Option<i64> {
    match file.constant(column) {
        Some(ScalarValue::Int64(value)) => *value,
        _ => None,
    }
}

/// The deletes that may count for some data files.
pub(crate) struct Counting<'a> {
    deletes: &'a KeyDeletes,
    sets: Vec<(&'a KeySet, Vec<&'a LakeFile>)>,
    first: usize,
}

impl Counting<'_> {
    /// The columns that a scan of the data files must give: those that are asked for, then those
    /// that the joins need.
    pub(crate) fn projection(&self, asked: &[usize]) -> Vec<usize> {
        let hidden = self.needed().into_iter().map(|column| self.first + column);
        asked.iter().copied().chain(hidden).collect()
    }

    fn needed(&self) -> Vec<usize> {
        let keys = self.sets.iter().flat_map(|(set, _)| set.keys.iter().copied());
        let mut needed: Vec<usize> = keys.collect();
        needed.extend([self.deletes.age(), self.deletes.part()]);
        needed.sort_unstable();
        needed.dedup();
        needed
    }

    /// Takes the rows with deleted keys out of `scan`, which gives [`Counting::projection`], and
    /// leaves the first `asked` columns.
    ///
    /// # Errors
    ///
    /// When the files of keys cannot be planned.
    pub(crate) fn apply(
        &self,
        scan: Arc<dyn ExecutionPlan>,
        asked: usize,
        scans: FileScans<'_>,
        partitions: usize,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let columns = Arc::new(Columns::new(self.deletes.columns.clone())?);
        let scans = FileScans { columns: &columns, ..scans };
        let needed = self.needed();
        let place = |column: usize| needed.iter().position(|needed| *needed == column);
        let mut left = scan;
        for (set, files) in &self.sets {
            let mut keys = set.keys.clone();
            keys.extend(set.is_of_parts.then(|| self.deletes.part()));
            let in_data: Option<Vec<usize>> =
                keys.iter().map(|key| Some(asked + place(*key)?)).collect();
            let age = place(self.deletes.age()).map(|place| asked + place);
            let (Some(in_data), Some(age)) = (in_data, age) else { return Err(unplanned()) };
            let deleted = self.deleted(&keys, files, scans, partitions)?;
            left = anti_join(deleted, left, &in_data, age)?;
        }
        let schema = left.schema();
        let kept = schema.fields().iter().enumerate().take(asked);
        let kept: Vec<(Arc<dyn PhysicalExpr>, String)> = kept
            .map(|(at, field)| {
                let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(field.name(), at));
                (column, field.name().clone())
            })
            .collect();
        Ok(Arc::new(ProjectionExec::try_new(kept, left)?))
    }

    /// The scan of deleted keys: the columns `keys`, then the age.
    fn deleted(
        &self,
        keys: &[usize],
        files: &[&LakeFile],
        scans: FileScans<'_>,
        partitions: usize,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let mut projection = keys.to_vec();
        projection.push(self.deletes.age());
        let deletes = &FetchedDeletes::default();
        let asked =
            Asked { projection: &projection, limit: None, partitions, reads_late: false, deletes };
        let mut plans = scans.plan(files.to_vec(), &[], asked)?;
        match (plans.pop(), plans.is_empty()) {
            (Some(plan), true) => Ok(plan),
            (Some(plan), false) => {
                plans.push(plan);
                UnionExec::try_new(plans)
            }
            (None, _) => Err(unplanned()),
        }
    }
}

/// The rows of `data` whose key is not in `deleted` with a greater age. `deleted` has the keys, then
/// the age; `data` has them at `keys` and `age`.
fn anti_join(
    deleted: Arc<dyn ExecutionPlan>,
    data: Arc<dyn ExecutionPlan>,
    keys: &[usize],
    age: usize,
) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
    let column = |plan: &Arc<dyn ExecutionPlan>, at: usize| {
        let schema = plan.schema();
        let field = schema.fields().get(at).ok_or_else(unplanned)?;
        let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(field.name(), at));
        Ok::<_, DataFusionError>(column)
    };
    let on = keys
        .iter()
        .enumerate()
        .map(|(at, key)| Ok((column(&deleted, at)?, column(&data, *key)?)))
        .collect::<DataFusionResult<Vec<_>>>()?;
    let ages = Schema::new(vec![
        Field::new("deleted", DataType::Int64, false),
        Field::new("written", DataType::Int64, false),
    ]);
    let is_younger = BinaryExpr::new(
        Arc::new(Column::new("deleted", 0)),
        Operator::Gt,
        Arc::new(Column::new("written", 1)),
    );
    let columns = vec![
        ColumnIndex { index: keys.len(), side: JoinSide::Left },
        ColumnIndex { index: age, side: JoinSide::Right },
    ];
    let filter = JoinFilter::new(Arc::new(is_younger), columns, Arc::new(ages));
    Ok(Arc::new(HashJoinExec::try_new(
        deleted,
        data,
        on,
        Some(filter),
        &JoinType::RightAnti,
        None,
        PartitionMode::CollectLeft,
        NullEquality::NullEqualsNull,
        false,
    )?))
}

fn unplanned() -> DataFusionError {
    Error::new(ErrorKind::Internal, "deleted keys cannot be planned").into()
}
