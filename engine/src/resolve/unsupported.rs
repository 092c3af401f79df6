//! Clauses that parse and that DataFusion's planner drops without a word.
//!
//! A clause that is dropped gives a wrong answer, so that each is refused by name here.

mod calls;

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, GroupByExpr, Query, Select, SetExpr, SetOperator, TableFactor, TableVersion,
    Visit, Visitor,
};

use self::calls::NamedWindows;
use crate::error::{Error, ErrorKind, Result};

pub(super) use calls::check_plain as check_plain_call;

/// The error for something that Samite does not do.
pub(super) fn refusal(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{what} is not supported"))
}

/// Refuses a query with a clause that would be dropped.
///
/// # Errors
///
/// The refusal, which names the clause.
pub(super) fn check(query: &Query) -> Result<()> {
    match query.visit(&mut Clauses::default()) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

#[derive(Debug, Default)]
struct Clauses {
    windows: NamedWindows,
}

impl Visitor for Clauses {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        let found = [
            (query.fetch.is_some(), "FETCH FIRST", Some("write LIMIT n")),
            (!query.locks.is_empty(), "FOR UPDATE and FOR SHARE", None),
            (query.for_clause.is_some(), "FOR XML, FOR JSON and FOR BROWSE", None),
            (
                query.settings.is_some(),
                "SETTINGS",
                Some("write SET name = 'value' before the query"),
            ),
            (query.format_clause.is_some(), "FORMAT", None),
            (!query.pipe_operators.is_empty(), "the pipe operator |>", None),
        ];
        refuse_first(&found)?;
        check_recursion(query)?;
        match query.body.as_ref() {
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                ControlFlow::Break(refusal("a statement that writes inside a query"))
            }
            SetExpr::Select(_)
            | SetExpr::Query(_)
            | SetExpr::SetOperation { .. }
            | SetExpr::Values(_)
            | SetExpr::Table(_) => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        calls::check(expr, &self.windows)
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Error> {
        self.windows.note(select);
        calls::check_windows(select)?;
        refuse_first(&[
            (select.top.is_some(), "TOP", Some("write LIMIT n")),
            (select.into.is_some(), "SELECT INTO", Some("Samite is read-only")),
            (select.prewhere.is_some(), "PREWHERE", Some("write WHERE")),
            (!select.connect_by.is_empty(), "CONNECT BY", Some("write WITH RECURSIVE")),
            (!select.lateral_views.is_empty(), "LATERAL VIEW", Some("write unnest(...)")),
            (!select.cluster_by.is_empty(), "CLUSTER BY", None),
            (!select.distribute_by.is_empty(), "DISTRIBUTE BY", None),
            (!select.sort_by.is_empty(), "SORT BY", Some("write ORDER BY")),
            (select.value_table_mode.is_some(), "SELECT AS VALUE and AS STRUCT", None),
            (
                select.exclude.is_some(),
                "EXCLUDE after the select list",
                Some("write * EXCLUDE (...)"),
            ),
            (
                select
                    .select_modifiers
                    .as_ref()
                    .is_some_and(|modifiers| !modifiers.to_string().trim().is_empty()),
                "a modifier after SELECT",
                None,
            ),
            (
                match &select.group_by {
                    GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers) => {
                        !modifiers.is_empty()
                    }
                },
                "WITH ROLLUP, WITH CUBE, WITH TOTALS and GROUPING SETS after other expressions",
                Some("write GROUP BY ROLLUP (...), CUBE (...) or GROUPING SETS (...)"),
            ),
        ])
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Error> {
        match factor {
            TableFactor::Table {
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
                ..
            } => refuse_first(&[
                (
                    matches!(
                        version,
                        Some(TableVersion::Function(_) | TableVersion::Changes { .. })
                    ),
                    "AT, BEFORE and CHANGES after a table",
                    Some(super::moment::FORMS),
                ),
                (sample.is_some(), "TABLESAMPLE", Some("write WHERE random() < 0.1")),
                (*with_ordinality, "WITH ORDINALITY", Some("write row_number() OVER ()")),
                (
                    !partitions.is_empty(),
                    "PARTITION (...) after a table",
                    Some("write WHERE on the partition's column"),
                ),
                (!with_hints.is_empty() || !index_hints.is_empty(), "a table hint", None),
                (json_path.is_some(), "a path into a table", None),
            ]),
            TableFactor::Derived { sample, .. } => refuse_first(&[(
                sample.is_some(),
                "TABLESAMPLE",
                Some("write WHERE random() < 0.1"),
            )]),
            TableFactor::UNNEST { with_offset, with_ordinality, .. } => refuse_first(&[
                (*with_offset, "UNNEST WITH OFFSET", None),
                (*with_ordinality, "UNNEST WITH ORDINALITY", None),
            ]),
            TableFactor::Function { with_ordinality, args, .. } => refuse_first(&[
                (*with_ordinality, "WITH ORDINALITY", Some("write row_number() OVER ()")),
                (
                    args.iter().any(|arg| !matches!(arg, FunctionArg::Unnamed(_))),
                    "the name of an argument after LATERAL",
                    None,
                ),
            ]),
            TableFactor::NestedJoin { .. } | TableFactor::TableFunction { .. } => {
                ControlFlow::Continue(())
            }
            other => {
                ControlFlow::Break(refusal(&format!("\"{}\" in FROM", brief(&other.to_string()))))
            }
        }
    }
}

/// Of a recursive expression with UNION, the planner takes the two sides and nothing else.
fn check_recursion(query: &Query) -> ControlFlow<Error> {
    let Some(with) = query.with.as_ref().filter(|with| with.recursive) else {
        return ControlFlow::Continue(());
    };
    for cte in &with.cte_tables {
        let inner = &cte.query;
        let is_union =
            matches!(inner.body.as_ref(), SetExpr::SetOperation { op: SetOperator::Union, .. });
        refuse_first(&[
            (
                is_union && inner.with.is_some(),
                "WITH inside a recursive expression",
                Some("put it before the recursive expression"),
            ),
            (
                is_union && (inner.order_by.is_some() || inner.limit_clause.is_some()),
                "ORDER BY, LIMIT and OFFSET of a recursive expression",
                Some("put it after the WITH clause, or in parentheses around one side"),
            ),
        ])?;
    }
    ControlFlow::Continue(())
}

fn brief(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Whether something is there, what it is called, and what to write instead.
type Found<'a> = (bool, &'a str, Option<&'a str>);

fn refuse_first(found: &[Found<'_>]) -> ControlFlow<Error> {
    for (is_there, what, hint) in found {
        if *is_there {
            let error = refusal(what);
            return ControlFlow::Break(match hint {
                Some(hint) => error.with_hint(*hint),
                None => error,
            });
        }
    }
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests {
    use crate::config::EngineConfig;
    use crate::error::ErrorKind;
    use crate::resolve::Statement;

    #[test]
    fn clause_that_would_be_dropped_is_refused_by_name() {
        for (sql, name) in [
            ("SELECT * FROM a.b.c TABLESAMPLE (10 PERCENT)", "TABLESAMPLE"),
            ("SELECT * FROM (SELECT 1) TABLESAMPLE (10 PERCENT)", "TABLESAMPLE"),
            ("SELECT * FROM a.b.c FOR UPDATE", "FOR UPDATE"),
            ("SELECT * FROM a.b.c WITH ORDINALITY", "WITH ORDINALITY"),
            ("SELECT (SELECT 1 FROM a.b.c FOR UPDATE)", "FOR UPDATE"),
            (
                "SELECT * FROM a.b.c AT (TIMESTAMP => 1) JOIN d.e.f VERSION AS OF 3",
                "AT, BEFORE and CHANGES",
            ),
            ("SELECT x, sum(y) FROM a.b.c GROUP BY x WITH ROLLUP", "WITH ROLLUP"),
            ("SELECT x FROM a.b.c GROUP BY ALL WITH TOTALS", "WITH ROLLUP"),
            ("SELECT x FROM a.b.c GROUP BY x GROUPING SETS ((x), ())", "WITH ROLLUP"),
            (
                "WITH RECURSIVE t AS (SELECT 1 n UNION SELECT 2 ORDER BY n LIMIT 1) SELECT * FROM t",
                "ORDER BY, LIMIT",
            ),
            (
                "WITH RECURSIVE t AS (SELECT 1 n UNION ALL SELECT n FROM t OFFSET 1) TABLE t",
                "ORDER BY, LIMIT",
            ),
            (
                "WITH RECURSIVE t AS (WITH u AS (SELECT 1) SELECT * FROM u UNION SELECT 2) TABLE t",
                "WITH inside",
            ),
            (
                "SELECT sum(x) OVER (w ORDER BY y) FROM a.b.c WINDOW w AS (PARTITION BY z)",
                "a window that builds",
            ),
            (
                "SELECT 1 FROM a.b.c WINDOW w AS (PARTITION BY z), v AS (w ORDER BY y)",
                "a window that builds",
            ),
            (
                "SELECT x FROM a.b.c WINDOW w AS (PARTITION BY z) ORDER BY sum(y) OVER w",
                "a named window",
            ),
            (
                "SELECT x FROM a.b.c WINDOW w AS (PARTITION BY z) QUALIFY sum(y) OVER w > 1",
                "a named window",
            ),
            (
                "SELECT * FROM a.b.c, LATERAL generate_series(1, 3) WITH ORDINALITY",
                "WITH ORDINALITY",
            ),
            ("SELECT sum(5)(id) FROM a.b.c", "a second list"),
            ("SELECT abs(x) FILTER (WHERE false) FROM a.b.c", "FILTER"),
            ("SELECT ABS(DISTINCT x) FROM a.b.c", "DISTINCT"),
            ("SELECT abs(x) OVER (PARTITION BY y) FROM a.b.c", "OVER"),
            ("SELECT coalesce(x ORDER BY y) FROM a.b.c", "ORDER BY"),
            ("SELECT substring_index(x) WITHIN GROUP (ORDER BY y) FROM a.b.c", "WITHIN GROUP"),
            ("SELECT abs(x) IGNORE NULLS FROM a.b.c", "IGNORE NULLS"),
            ("SELECT sum(x) IGNORE NULLS OVER (ORDER BY y) FROM a.b.c", "IGNORE NULLS"),
            ("SELECT map('a', x) OVER () FROM a.b.c", "OVER"),
            ("SELECT 'abc' SIMILAR TO 'b'", "SIMILAR TO"),
            ("SELECT 1 FROM a.b.c WHERE x NOT SIMILAR TO 'b'", "SIMILAR TO"),
        ] {
            let error = Statement::parse(sql, &EngineConfig::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{sql}: {error:?}");
            assert!(error.message().starts_with(name), "{sql}: {error:?}");
        }
    }
    #[test]
    fn clause_that_is_planned_passes() {
        for sql in [
            "SELECT sum(x) OVER w, 1 + avg(x) OVER w FROM a.b.c WINDOW w AS (PARTITION BY z)",
            "SELECT sum(x) FILTER (WHERE y), count(DISTINCT x), array_agg(x ORDER BY y) FROM a.b.c",
            "SELECT first_value(x) IGNORE NULLS OVER (ORDER BY y) FROM a.b.c ORDER BY sum(x) OVER ()",
            "SELECT lag(x) IGNORE NULLS OVER (ORDER BY y) FROM a.b.c",
            "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM a.b.c",
            "SELECT x FROM a.b.c GROUP BY GROUPING SETS ((x), ())",
            "WITH RECURSIVE t AS (SELECT 1 n UNION ALL SELECT n + 1 FROM t WHERE n < 3) TABLE t LIMIT 1",
            "WITH RECURSIVE t AS (SELECT 1 n ORDER BY n LIMIT 1) SELECT * FROM t",
            "SELECT * FROM a.b.c, LATERAL generate_series(1, 3)",
            "SELECT x LIKE 'b', x ~ 'b', abs(x), map('a', x), unnest(y) FROM a.b.c",
        ] {
            let error = Statement::parse(sql, &EngineConfig::default()).err();
            assert!(error.is_none(), "{sql}: {error:?}");
        }
    }
}
