//! Which predicates go below a barrier, as the configuration says.

use datafusion::arrow::datatypes::DataType;
use datafusion::datasource::MemTable;
use datafusion::logical_expr::{col, lit};

use super::*;

#[test]
fn no_predicate_goes_below_where_a_column_is_restricted_and_that_is_wanted() {
    use TableProviderFilterPushDown::{Inexact, Unsupported};
    let column = |classification: &str| Column {
        name: "name".to_owned(),
        classification: Some(classification.to_owned()),
        ..Column::default()
    };
    let inside = Column { children: vec![column("restricted")], ..column("internal") };
    let obligations = Obligations { absent: ["name".to_owned()].into(), ..Obligations::default() };
    let fields = [("id", DataType::Int64), ("name", DataType::Utf8)];
    let fields = fields.map(|(name, kind)| Field::new(name, kind, true));
    let schema = Arc::new(Schema::new(fields.to_vec()));
    for (pushdown, column, expected) in [
        (Pushdown::Leakproof, column("restricted"), Inexact),
        (Pushdown::Strict, column("confidential"), Inexact),
        (Pushdown::Strict, column("restricted"), Unsupported),
        (Pushdown::Strict, inside, Unsupported),
    ] {
        let promise = Table { columns: vec![column.clone()], ..Table::default() };
        let inner = Arc::new(MemTable::try_new(Arc::clone(&schema), vec![vec![]]).unwrap());
        let table = BarrierTable::new("d.p.t", (inner, &promise), &obligations, Salt::random());
        let table = table.unwrap().with_pushdown(pushdown, &promise);
        let answers = table.supports_filters_pushdown(&[&col("id").eq(lit(1_i64))]).unwrap();
        assert_eq!(answers, [expected], "{pushdown:?} {column:?}");
    }
}
