//! Which columns of tables the columns of a query come from.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::datasource::empty::EmptyTable;
use datafusion::prelude::SessionContext;

use super::*;

#[expect(clippy::disallowed_methods, reason = "a test has no other tables")]
async fn plan(sql: &str) -> LogicalPlan {
    let context = SessionContext::new();
    let field = |name: &str| Field::new(name, DataType::Int64, true);
    for (table, columns) in [("a", ["id", "x", "y"]), ("b", ["id", "u", "v"])] {
        let schema = Schema::new(columns.map(field).to_vec());
        context.register_table(table, Arc::new(EmptyTable::new(Arc::new(schema)))).unwrap();
    }
    let plan = context.state().create_logical_plan(sql).await.expect(sql);
    let state = context.state();
    state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {}).expect(sql)
}

fn shown(uses: &BTreeSet<Use>) -> String {
    let words =
        uses.iter().map(|(table, column, way)| format!("{table}.{column} {}", way.as_str()));
    words.collect::<Vec<_>>().join(", ")
}

async fn told(sql: &str) -> String {
    let found = lineage(&plan(sql).await);
    let columns = found.columns.iter().map(|(name, uses)| format!("{name}: {}", shown(uses)));
    let rows = format!("rows: {}", shown(&found.rows));
    columns.chain([rows]).collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn columns_are_followed_through_every_step() {
    for (sql, expected) in [
        ("SELECT id, x AS z FROM a", "id: a.id direct; z: a.x direct; rows: "),
        ("SELECT x + y AS s, 1 AS one FROM a", "s: a.x derived, a.y derived; one: ; rows: "),
        (
            "SELECT id, sum(x) AS s FROM a WHERE y > 1 GROUP BY id",
            "id: a.id direct; s: a.x aggregated; rows: a.y filter",
        ),
        (
            "SELECT a.x, b.u FROM a JOIN b ON a.id = b.id",
            "x: a.x direct; u: b.u direct; rows: a.id join, b.id join",
        ),
        (
            "WITH t AS (SELECT id, x * 2 AS d FROM a) SELECT max(d) AS m FROM t",
            "m: a.x aggregated; rows: ",
        ),
        (
            "SELECT id, row_number() OVER (PARTITION BY x ORDER BY y) AS n FROM a",
            "id: a.id direct; n: a.x aggregated, a.y aggregated; rows: ",
        ),
        ("SELECT x FROM a UNION ALL SELECT v FROM b", "x: a.x direct, b.v direct; rows: "),
        ("SELECT DISTINCT x FROM a ORDER BY x LIMIT 3", "x: a.x direct; rows: "),
        ("SELECT (SELECT max(u) FROM b) AS m FROM a", "m: b.u aggregated; rows: "),
        (
            "SELECT id FROM a WHERE x IN (SELECT v FROM b)",
            "id: a.id direct; rows: a.x filter, b.v filter",
        ),
    ] {
        assert_eq!(told(sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn plain_column_is_one_on_all_of_its_way() {
    for (sql, expected) in [
        ("SELECT id, x AS z, x + 1 AS w FROM a WHERE y > 0", vec!["id", "z"]),
        ("SELECT x, count(*) AS n FROM a GROUP BY x", vec!["x"]),
        ("SELECT x FROM a UNION ALL SELECT v FROM b", vec!["x"]),
        ("SELECT x FROM a UNION ALL SELECT v + 1 FROM b", vec![]),
        ("SELECT y FROM (SELECT 10 / x AS y FROM a)", vec![]),
        ("SELECT DISTINCT ON (x) y, x FROM a ORDER BY x", vec![]),
        ("SELECT a.x, b.u FROM a LEFT JOIN b ON a.id = b.id", vec!["u", "x"]),
        (
            "WITH RECURSIVE r AS (SELECT id FROM a UNION ALL SELECT id + 1 FROM r WHERE id < 3) SELECT id FROM r",
            vec![],
        ),
    ] {
        let plain: Vec<String> = plain_columns(&plan(sql).await).into_iter().collect();
        assert_eq!(plain, expected, "{sql}");
    }
}
