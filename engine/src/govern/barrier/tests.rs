//! The barrier over sources that lie, fail and never end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use datafusion::arrow::array::{Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Constraint, JoinType, NullEquality};
use datafusion::config::ConfigOptions;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{col, lit};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation, PushedDown,
};
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlanProperties, Partitioning, PhysicalExpr,
    PlanProperties,
};
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::{StreamExt, stream};

use super::*;
use crate::authorizer::{Comparison, RowPredicate, Value};

const NAME: &str = "d.p.t";

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("name", DataType::Utf8, true),
        Field::new("country", DataType::Utf8, true),
    ]))
}

/// Row 2 is hidden, and so is row 4, whose country nobody knows.
fn batch() -> RecordBatch {
    let countries = vec![Some("SE"), Some("NO"), Some("SE"), None];
    RecordBatch::try_new(
        schema(),
        vec![
            Arc::new(Int64Array::from(vec![1, 2, 3, 4])),
            Arc::new(StringArray::from(vec!["a1", "canary", "c3", "canary"])),
            Arc::new(StringArray::from(countries)),
        ],
    )
    .unwrap()
}

fn only_sweden() -> Obligations {
    let value = Value::Text("SE".to_owned());
    let column = "country".to_owned();
    let comparison = Comparison::Equal;
    Obligations {
        row_filter: Some(RowPredicate::Compare { column, comparison, value }),
        masks: BTreeMap::from([("name".to_owned(), Mask::Alphanum)]),
        ..Obligations::default()
    }
}

fn barrier(inner: Arc<dyn TableProvider>, obligations: &Obligations) -> Result<BarrierTable> {
    BarrierTable::new(NAME, (inner, &Table::default()), obligations, Salt::random())
}

/// A context whose table `t` is a barrier over `inner`.
#[expect(clippy::disallowed_methods, reason = "a test has no other tables")]
fn context(inner: Arc<dyn TableProvider>, obligations: &Obligations) -> SessionContext {
    let config = SessionConfig::new().with_target_partitions(2);
    let context = SessionContext::new_with_config(config);
    let table = barrier(inner, obligations).unwrap();
    context.register_table("t", Arc::new(table)).unwrap();
    context
}

async fn run(context: &SessionContext, sql: &str) -> String {
    let rows = async { context.sql(sql).await?.collect().await };
    match rows.await {
        Ok(rows) => pretty_format_batches(&rows).unwrap().to_string(),
        Err(error) => Error::from(error).to_line(),
    }
}

fn in_memory() -> Arc<dyn TableProvider> {
    Arc::new(MemTable::try_new(schema(), vec![vec![batch()], vec![batch()]]).unwrap())
}

/// How a scan of [`Odd`] behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Oddity {
    /// It says that it applies every filter, and applies none.
    Lies,
    /// It fails when it is planned.
    FailsToPlan,
    /// It fails at its first row.
    FailsToRun,
    /// It never ends, and never waits.
    NeverEnds,
    /// Its columns are in another order than it says.
    Swaps,
}

/// A source, which is also its scan.
#[derive(Debug, Clone)]
struct Odd {
    oddity: Oddity,
    properties: Arc<PlanProperties>,
    runs: Arc<AtomicUsize>,
}

impl Odd {
    fn new(oddity: Oddity) -> Self {
        Self::with_schema(oddity, schema())
    }

    fn with_schema(oddity: Oddity, schema: SchemaRef) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { oddity, properties: Arc::new(properties), runs: Arc::default() }
    }
}

fn canary() -> DataFusionError {
    DataFusionError::Execution("cannot cast canary".to_owned())
}

#[async_trait]
impl TableProvider for Odd {
    fn schema(&self) -> SchemaRef {
        schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let mut projection = projection.cloned().unwrap_or_default();
        match self.oddity {
            Oddity::FailsToPlan => return Err(canary()),
            Oddity::Swaps => projection.reverse(),
            Oddity::Lies | Oddity::FailsToRun | Oddity::NeverEnds => {}
        }
        let schema = Arc::new(schema().project(&projection)?);
        let runs = Arc::clone(&self.runs);
        Ok(Arc::new(Self { runs, ..Self::with_schema(self.oddity, schema) }))
    }
}

impl DisplayAs for Odd {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("canary")
    }
}

impl ExecutionPlan for Odd {
    fn name(&self) -> &str {
        "canary"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DataFusionResult<TreeNodeRecursion>,
    ) -> DataFusionResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn handle_child_pushdown_result(
        &self,
        _: FilterPushdownPhase,
        result: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> DataFusionResult<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let all = vec![PushedDown::Yes; result.parent_filters.len()];
        Ok(FilterPushdownPropagation::with_parent_pushdown_result(all))
    }

    fn execute(
        &self,
        _: usize,
        _: Arc<TaskContext>,
    ) -> DataFusionResult<SendableRecordBatchStream> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        let schema = self.properties.equivalence_properties().schema();
        let names = schema.fields().iter().map(|field| field.name().as_str());
        let places: Vec<usize> =
            names.map(|name| batch().schema().index_of(name).unwrap()).collect();
        let rows = batch().project(&places)?;
        let rows = match self.oddity {
            Oddity::NeverEnds => stream::repeat_with(move || Ok(rows.clone())).boxed(),
            Oddity::FailsToRun => stream::iter([Ok(rows), Err(canary())]).boxed(),
            Oddity::Lies | Oddity::FailsToPlan | Oddity::Swaps => stream::iter([Ok(rows)]).boxed(),
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(schema), rows)))
    }
}

#[tokio::test]
async fn source_is_not_trusted_to_filter() {
    let context = context(Arc::new(Odd::new(Oddity::Lies)), &only_sweden());
    for sql in [
        "SELECT * FROM t",
        "SELECT id FROM t",
        "SELECT id FROM t WHERE id < 10",
        "SELECT id FROM t ORDER BY id DESC LIMIT 5",
    ] {
        let shown = run(&context, sql).await;
        assert!(shown.contains("| 1 ") && shown.contains("| 3 "), "{sql}: {shown}");
        assert!(!shown.contains("| 2 ") && !shown.contains("| 4 "), "{sql}: {shown}");
        assert!(!shown.contains("canary"), "{sql}: {shown}");
    }
    assert!(run(&context, "SELECT count(*) c FROM t").await.contains("| 2 |"));
    assert!(run(&context, "SELECT id FROM t WHERE id > 1").await.contains("| 3 "));
    assert!(!run(&context, "SELECT id FROM t WHERE id > 1").await.contains("| 1 "));
}

#[tokio::test]
async fn error_from_below_is_named_by_its_table_only() {
    for oddity in [Oddity::FailsToPlan, Oddity::FailsToRun, Oddity::Swaps] {
        let context = context(Arc::new(Odd::new(oddity)), &only_sweden());
        let shown = run(&context, "SELECT sum(id), max(name) FROM t").await;
        assert!(shown.starts_with("table \"d.p.t\" could not be read"), "{oddity:?}: {shown}");
        assert!(!shown.contains("canary"), "{oddity:?}: {shown}");
    }
}

#[tokio::test]
async fn scan_without_end_stops_when_nobody_waits_for_it() {
    let nothing = Obligations { row_filter: Some(RowPredicate::Constant(false)), ..only_sweden() };
    let context = context(Arc::new(Odd::new(Oddity::NeverEnds)), &nothing);
    let rows = context.sql("SELECT count(*) FROM t").await.unwrap();
    let ended = tokio::time::timeout(Duration::from_millis(50), rows.collect()).await;
    assert!(ended.is_err(), "it cannot have ended");
}

#[tokio::test]
async fn recursive_query_reads_it_in_each_turn() {
    let source = Odd::new(Oddity::Lies);
    let runs = Arc::clone(&source.runs);
    let context = context(Arc::new(source), &only_sweden());
    let sql = "WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL \
               SELECT max(t.id) + r.n FROM r, t WHERE r.n < 9 GROUP BY r.n) \
               SELECT max(n) m FROM r";
    let shown = run(&context, sql).await;
    assert!(shown.contains("| 9 |"), "{shown}");
    assert!(runs.load(Ordering::SeqCst) > 2);
}

#[tokio::test]
async fn table_of_several_batches_is_read_again_in_each_turn() {
    let context = context(in_memory(), &only_sweden());
    let sql = "WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL \
               SELECT sum(t.id) + r.n FROM r, t WHERE r.n < 20 GROUP BY r.n) \
               SELECT max(n) m FROM r";
    let shown = run(&context, sql).await;
    assert!(shown.contains("| 24 |"), "{shown}");
}

/// A source whose scan has steps of its own, which require something of each other.
#[derive(Debug)]
struct WithDeletedKeys(Arc<dyn TableProvider>);

#[async_trait]
impl TableProvider for WithDeletedKeys {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let schema = Arc::new(Schema::new(vec![Field::new("key", DataType::Int64, false)]));
        let key = |key: i64| {
            let keys = Arc::new(Int64Array::from(vec![key]));
            vec![RecordBatch::try_new(Arc::clone(&schema), vec![keys]).unwrap()]
        };
        let keys = MemTable::try_new(Arc::clone(&schema), vec![key(3), key(9)])?;
        let keys = keys.scan(session, None, &[], None).await?;
        let rows = self.0.scan(session, projection, filters, None).await?;
        let column = |name: &str, plan: &Arc<dyn ExecutionPlan>| {
            datafusion::physical_expr::expressions::col(name, &plan.schema())
        };
        let on = vec![(column("key", &keys)?, column("id", &rows)?)];
        Ok(Arc::new(HashJoinExec::try_new(
            keys,
            rows,
            on,
            None,
            &JoinType::RightAnti,
            None,
            PartitionMode::CollectLeft,
            NullEquality::NullEqualsNothing,
            false,
        )?))
    }
}

#[tokio::test]
async fn scan_of_several_steps_gets_what_they_require() {
    let context = context(Arc::new(WithDeletedKeys(in_memory())), &only_sweden());
    for sql in ["SELECT id, name FROM t ORDER BY id", "SELECT id, name FROM t WHERE id > 0"] {
        let shown = run(&context, sql).await;
        assert_eq!(shown.matches("| 1  | xn").count(), 2, "{sql}: {shown}");
        assert!(!shown.contains("| 3") && !shown.contains("| 2"), "{sql}: {shown}");
    }
}

/// A source that leaves out row 3 by a filter of its own.
#[derive(Debug)]
struct WithFilter(Arc<dyn TableProvider>);

#[async_trait]
impl TableProvider for WithFilter {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        _: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let rows = self.0.scan(session, Some(&vec![0, 1, 2]), &[], None).await?;
        let schema = DFSchema::try_from(rows.schema())?;
        let predicate = session.create_physical_expr(col("id").not_eq(lit(3_i64)), &schema)?;
        Ok(Arc::new(FilterExecBuilder::new(predicate, rows).build()?))
    }
}

/// A filter of the policy and one of the source become one when the source is told of the first.
#[tokio::test]
async fn filter_of_the_source_itself_stays() {
    let context = context(Arc::new(WithFilter(in_memory())), &only_sweden());
    let shown = run(&context, "SELECT id, name, country FROM t WHERE id > 0").await;
    assert_eq!(shown.matches("| 1  | xn").count(), 2, "{shown}");
    assert!(!shown.contains("| 3") && !shown.contains("| 2"), "{shown}");
}

#[tokio::test]
async fn partitions_below_are_handed_on() {
    let table = barrier(in_memory(), &only_sweden()).unwrap();
    let state = SessionContext::new().state();
    let plan = table.scan(&state, None, &[], None).await.unwrap();
    assert_eq!(plan.output_partitioning().partition_count(), 2);
    assert!(plan.children().is_empty());
}

#[tokio::test]
async fn filter_that_was_pushed_against_its_word_counts_all_the_same() {
    let table = barrier(in_memory(), &only_sweden()).unwrap();
    let context = SessionContext::new();
    let failing = (lit(100_i64) / (col("id") - lit(2_i64))).eq(lit(100_i64));
    let hidden = col("name").eq(lit("canary"));
    for (filter, rows) in [(failing, 2), (hidden, 0), (col("id").eq(lit(1_i64)), 2)] {
        let state = context.state();
        let projection = vec![2];
        let plan =
            table.scan(&state, Some(&projection), std::slice::from_ref(&filter), Some(9)).await;
        let plan = plan.unwrap();
        assert_eq!(plan.schema().fields().len(), 1, "{filter}");
        let batches = datafusion::physical_plan::collect(plan, context.task_ctx()).await.unwrap();
        let count: usize = batches.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(count, rows, "{filter}");
    }
}

#[tokio::test]
async fn nothing_is_told_of_a_table_in_part() {
    let key = Constraints::new_unverified(vec![Constraint::PrimaryKey(vec![0])]);
    let keyed = MemTable::try_new(schema(), vec![vec![batch()]]).unwrap().with_constraints(key);
    let masked = Obligations {
        masks: BTreeMap::from([("id".to_owned(), Mask::FixedValue)]),
        ..Obligations::default()
    };
    let keyed: Arc<dyn TableProvider> = Arc::new(keyed);
    assert!(keyed.constraints().is_some());
    let table = barrier(Arc::clone(&keyed), &masked).unwrap();
    assert!(table.constraints().is_none());
    assert!(table.statistics().is_none());
    assert!(table.get_logical_plan().is_none());
    assert!(!format!("{table:?}").contains("MemTable"), "{table:?}");
    let context = context(keyed, &masked);
    let grouped = run(&context, "SELECT id, name FROM t GROUP BY id").await;
    assert!(grouped.contains("must appear in the GROUP BY"), "{grouped}");
    assert!(run(&context, "SELECT count(DISTINCT id) FROM t").await.contains("| 1 "));
}

#[tokio::test]
async fn only_leakproof_filters_are_taken_and_never_for_good() {
    let table = barrier(in_memory(), &only_sweden()).unwrap();
    let filters = [
        col("id").eq(lit(1_i64)),
        col("country").is_null(),
        col("name").eq(lit("a1")),
        (lit(1_i64) / col("id")).eq(lit(1_i64)),
    ];
    let filters: Vec<&Expr> = filters.iter().collect();
    use TableProviderFilterPushDown::{Inexact, Unsupported};
    let answers = table.supports_filters_pushdown(&filters).unwrap();
    assert_eq!(answers, [Inexact, Inexact, Unsupported, Unsupported]);
}

#[test]
fn obligation_that_cannot_be_kept_closes_the_table() {
    let name = || "id".to_owned();
    let text = Value::Text("1".to_owned());
    let comparison = Comparison::Equal;
    let unfit = RowPredicate::Compare { column: name(), comparison, value: text };
    let unknown = RowPredicate::IsNull("ID".to_owned());
    for obligations in [
        Obligations { row_filter: Some(unfit), ..Obligations::default() },
        Obligations { row_filter: Some(unknown), ..Obligations::default() },
        Obligations {
            masks: BTreeMap::from([("ID".to_owned(), Mask::Null)]),
            ..Obligations::default()
        },
        Obligations { absent: ["ID".to_owned()].into(), ..Obligations::default() },
    ] {
        let refused = barrier(in_memory(), &obligations).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::PermissionDenied, "{obligations:?}");
        assert!(!refused.to_line().contains("id"), "{}", refused.to_line());
    }
}

#[test]
fn null_keeps_the_promise_of_a_column() {
    let masks = |names: &[&str]| -> BTreeMap<String, Mask> {
        names.iter().map(|name| ((*name).to_owned(), Mask::Null)).collect()
    };
    let obligations =
        Obligations { masks: masks(&["id", "name", "country"]), ..Obligations::default() };
    let required = Column { name: "country".to_owned(), is_required: true, ..Column::default() };
    let promise = Table { columns: vec![required], ..Table::default() };
    let table =
        BarrierTable::new(NAME, (in_memory(), &promise), &obligations, Salt::random()).unwrap();
    let masks: Vec<Option<Mask>> = table.columns.iter().map(|column| column.mask).collect();
    assert_eq!(masks, [Some(Mask::FixedValue), Some(Mask::Null), Some(Mask::FixedValue)]);
}
