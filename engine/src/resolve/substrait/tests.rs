//! What is read of a plan, and what is refused.

use datafusion::arrow::array::Int64Array;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::{LogicalPlanBuilder, col, lit};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;
use datafusion_substrait::logical_plan::producer::to_substrait_plan;
use datafusion_substrait::substrait::proto::extensions::AdvancedExtension;
use datafusion_substrait::substrait::proto::read_rel::{LocalFiles, ReadType};
use datafusion_substrait::substrait::proto::rel::RelType;
use datafusion_substrait::substrait::proto::{FilterRel, PlanRel, ReadRel, Rel, plan_rel};

use super::*;

async fn context() -> SessionContext {
    let context = SessionContext::new();
    context.sql("CREATE TABLE t (a BIGINT)").await.unwrap().collect().await.unwrap();
    context
}

async fn plan_of(sql: &str) -> Vec<u8> {
    let context = context().await;
    let plan = context.sql(sql).await.unwrap().into_optimized_plan().unwrap();
    to_substrait_plan(&plan, &context.state()).unwrap().encode_to_vec()
}

fn relation(rel_type: RelType) -> Vec<u8> {
    let rel = Rel { rel_type: Some(rel_type) };
    let relations = vec![PlanRel { rel_type: Some(plan_rel::RelType::Rel(rel)) }];
    Plan { relations, ..Plan::default() }.encode_to_vec()
}

#[tokio::test]
async fn tables_are_named_once_also_those_of_subqueries() {
    let state = context().await.state();
    for (sql, names) in [
        ("SELECT 1", vec![]),
        ("SELECT a FROM t", vec![vec!["t"]]),
        ("SELECT x.a FROM t x JOIN t y ON x.a = y.a", vec![vec!["t"]]),
        ("SELECT a FROM t WHERE a IN (SELECT max(a) FROM t)", vec![vec!["t"]]),
    ] {
        let plan = SubstraitPlan::decode(&plan_of(sql).await).unwrap();
        let found: Vec<_> =
            plan.tables(&state).unwrap().into_iter().map(|table| table.parts).collect();
        assert_eq!(found, names, "{sql}");
    }
}

#[tokio::test]
async fn plan_is_made_over_the_tables_that_are_given() {
    let context = context().await;
    let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
    let rows = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let batch =
        datafusion::arrow::array::RecordBatch::try_new(Arc::clone(&schema), vec![rows]).unwrap();
    let table: Arc<dyn TableProvider> =
        Arc::new(MemTable::try_new(schema, vec![vec![batch]]).unwrap());
    let plan =
        SubstraitPlan::decode(&plan_of("SELECT sum(a) AS s FROM t WHERE a > 1").await).unwrap();
    let tables = [(TableReference::bare("t"), table)];
    let logical = plan.over(&context.state(), tables.into_iter()).unwrap();
    let answer = context.execute_logical_plan(logical).await.unwrap().collect().await.unwrap();
    let sum = ScalarValue::try_from_array(answer[0].column(0), 0).unwrap();
    assert_eq!(sum, ScalarValue::Int64(Some(5)));
    let refusal = plan.over(&context.state(), std::iter::empty());
    assert!(refusal.is_err(), "a table that is not given is not there");
}

/// The filter of a read is no hint: a table in memory would leave it out.
#[tokio::test]
async fn filter_of_a_read_counts() {
    let context = context().await;
    let fields = ["a", "b"].map(|name| Field::new(name, DataType::Int64, true));
    let schema = Arc::new(Schema::new(fields.to_vec()));
    let rows = || Arc::new(Int64Array::from(vec![1, 2, 3]));
    let batch =
        datafusion::arrow::array::RecordBatch::try_new(Arc::clone(&schema), vec![rows(), rows()])
            .unwrap();
    let table: Arc<dyn TableProvider> =
        Arc::new(MemTable::try_new(schema, vec![vec![batch]]).unwrap());
    for projection in [None, Some(vec![0]), Some(vec![1, 0])] {
        let scan = LogicalPlanBuilder::scan_with_filters(
            "t",
            provider_as_source(Arc::clone(&table)),
            projection.clone(),
            vec![col("t.b").gt(lit(1_i64))],
        );
        let plan = scan.unwrap().build().unwrap();
        let bytes = to_substrait_plan(&plan, &context.state()).unwrap().encode_to_vec();
        let plan = SubstraitPlan::decode(&bytes).unwrap();
        let tables = [(TableReference::bare("t"), Arc::clone(&table))];
        let logical = plan.over(&context.state(), tables.into_iter()).unwrap();
        let answer = context.execute_logical_plan(logical).await.unwrap().collect().await.unwrap();
        let rows: usize = answer.iter().map(|batch| batch.num_rows()).sum();
        assert_eq!(rows, 2, "{projection:?}");
        let width = projection.map_or(2, |projection| projection.len());
        assert_eq!(answer[0].num_columns(), width);
    }
}

#[tokio::test]
async fn what_would_be_left_out_is_refused() {
    let state = context().await.state();
    let enhanced =
        || Some(AdvancedExtension { enhancement: Some(Default::default()), ..Default::default() });
    let files = ReadType::LocalFiles(LocalFiles::default());
    for bytes in [
        relation(RelType::Read(Box::new(ReadRel { read_type: Some(files), ..Default::default() }))),
        relation(RelType::Filter(Box::new(FilterRel {
            advanced_extension: enhanced(),
            ..Default::default()
        }))),
        Plan { advanced_extensions: enhanced(), ..Plan::default() }.encode_to_vec(),
    ] {
        let read = SubstraitPlan::decode(&bytes).and_then(|plan| plan.tables(&state));
        assert_eq!(read.err().map(|error| error.kind()), Some(ErrorKind::Unsupported));
    }
}

#[tokio::test]
async fn malformed_plan_is_an_error_and_never_a_panic() {
    let state = context().await.state();
    let whole =
        plan_of("SELECT a, count(*) FROM t WHERE a > 1 GROUP BY a ORDER BY a LIMIT 3").await;
    let mut plans = vec![vec![], b"garbage".to_vec(), relation(RelType::Filter(Box::default()))];
    plans.push(relation(RelType::Join(Box::default())));
    plans.push(relation(RelType::Cross(Box::default())));
    plans.push(relation(RelType::Set(Default::default())));
    plans.extend((1..whole.len()).map(|end| whole[..end].to_vec()));
    for bytes in &plans {
        let read = SubstraitPlan::decode(bytes).and_then(|plan| plan.tables(&state));
        if let Err(error) = read {
            assert_ne!(error.kind(), ErrorKind::Internal, "{bytes:?} {error:?}");
        }
    }
    // Each byte changed, one after the other.
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] = bytes[place].wrapping_add(1);
        let read = SubstraitPlan::decode(&bytes).and_then(|plan| plan.tables(&state));
        if let Err(error) = read {
            assert_ne!(error.kind(), ErrorKind::Internal, "{place} {error:?}");
        }
    }
}
