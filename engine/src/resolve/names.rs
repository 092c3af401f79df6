//! The names in a statement: which tables it reads.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

use datafusion::common::TableReference;
use datafusion::sql::sqlparser::ast::{Cte, Ident, ObjectName, Query, TableFactor, Visit, Visitor};

use crate::error::{Error, ErrorKind, Result};

/// Tables that one statement may name.
const TABLES_MAX: usize = 200;

/// How often the common table expressions of a statement may be repeated in all, once they are
/// written out where they are used: each use is planned anew.
const EXPANSIONS_MAX: u64 = 10_000;

/// The parts of a name: unquoted ones in lower case.
///
/// # Errors
///
/// When a part is not a plain identifier.
pub(crate) fn parts(name: &ObjectName) -> Result<Vec<String>> {
    let part = |part: &datafusion::sql::sqlparser::ast::ObjectNamePart| {
        part.as_ident().map(folded).ok_or_else(|| {
            Error::new(ErrorKind::InvalidQuery, format!("\"{name}\" is not the name of a table"))
                .with_hint("write domain.product.table")
        })
    };
    name.0.iter().map(part).collect()
}

fn folded(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_ascii_lowercase(),
    }
}

/// A name as the planner looks it up: one, two or three parts.
///
/// # Errors
///
/// When there are more parts.
pub(crate) fn reference(parts: &[String]) -> Result<TableReference> {
    match parts {
        [table] => Ok(TableReference::bare(table.as_str())),
        [schema, table] => Ok(TableReference::partial(schema.as_str(), table.as_str())),
        [catalog, schema, table] => {
            Ok(TableReference::full(catalog.as_str(), schema.as_str(), table.as_str()))
        }
        _ => Err(Error::new(
            ErrorKind::InvalidQuery,
            format!("table name \"{}\" has {} parts", parts.join("."), parts.len()),
        )
        .with_hint("write domain.product.table")),
    }
}

/// The names of the tables that a query reads, each once, without its common table expressions.
///
/// # Errors
///
/// When a name is malformed, there are too many, or the common table expressions multiply.
pub(crate) fn tables(query: &Query) -> Result<Vec<Vec<String>>> {
    let mut collector =
        Collector { tables: BTreeSet::new(), scopes: Vec::new(), weights: HashMap::new() };
    if let ControlFlow::Break(error) = query.visit(&mut collector) {
        return Err(error);
    }
    if collector.tables.len() > TABLES_MAX {
        return Err(Error::new(ErrorKind::InvalidQuery, "the statement names too many tables")
            .with_detail(format!("{} tables, {TABLES_MAX} are allowed", collector.tables.len())));
    }
    Ok(collector.tables.into_iter().collect())
}

struct Collector {
    tables: BTreeSet<Vec<String>>,
    /// The common table expressions in scope, innermost last, each with the number of relations
    /// that one use of it stands for.
    scopes: Vec<(String, u64)>,
    /// The weight of each common table expression that was looked into, by the address of its
    /// query: a visitor comes by again on its own, and nested ones must not double at each level.
    weights: HashMap<usize, u64>,
}

impl Collector {
    /// Looks into a common table expression once, and says how much one use of it weighs.
    fn look_into(&mut self, cte: &Cte) -> ControlFlow<Error, u64> {
        let address = std::ptr::from_ref(cte.query.as_ref()).addr();
        if let Some(weight) = self.weights.get(&address) {
            return ControlFlow::Continue(*weight);
        }
        let weight = self.weigh(&cte.query)?;
        self.weights.insert(address, weight);
        cte.visit(self)?;
        ControlFlow::Continue(weight)
    }

    /// The relations that a query stands for, with its common table expressions written out.
    fn weigh(&self, query: &Query) -> ControlFlow<Error, u64> {
        let mut weigher = Weigher { scopes: self.scopes.clone(), weight: 0 };
        query.visit(&mut weigher)?;
        if weigher.weight > EXPANSIONS_MAX {
            return ControlFlow::Break(
                Error::new(ErrorKind::InvalidQuery, "the common table expressions multiply")
                    .with_detail(format!("written out they name over {EXPANSIONS_MAX} relations"))
                    .with_hint("use each of them less often"),
            );
        }
        ControlFlow::Continue(weigher.weight.max(1))
    }
}

impl Visitor for Collector {
    type Break = Error;

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Error> {
        match parts(relation) {
            Ok(parts) => {
                let is_local = matches!(parts.as_slice(),
                    [one] if self.scopes.iter().any(|(name, _)| name == one));
                if !is_local {
                    self.tables.insert(parts);
                }
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }

    /// Functions in FROM, such as `generate_series(1, 3)`, are parsed as tables with arguments.
    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Error> {
        if let TableFactor::Table { name, args: Some(_), .. } = factor
            && let Ok(parts) = parts(name)
            && let [function] = parts.as_slice()
        {
            self.scopes.push((function.clone(), 1));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Error> {
        if let TableFactor::Table { args: Some(_), .. } = factor {
            self.scopes.pop();
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        let Some(with) = &query.with else { return ControlFlow::Continue(()) };
        for cte in &with.cte_tables {
            let name = folded(&cte.alias.name);
            // The name of a plain expression is not in scope within itself:
            // `WITH t AS (SELECT * FROM t) SELECT * FROM t` reads a table t.
            if with.recursive {
                self.scopes.push((name, 1));
                self.look_into(cte)?;
            } else {
                let weight = self.look_into(cte)?;
                self.scopes.push((name, weight));
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        if let Some(with) = &query.with {
            let left = self.scopes.len().saturating_sub(with.cte_tables.len());
            self.scopes.truncate(left);
        }
        ControlFlow::Continue(())
    }
}

/// Adds up the relations of a query.
struct Weigher {
    scopes: Vec<(String, u64)>,
    weight: u64,
}

impl Visitor for Weigher {
    type Break = Error;

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Error> {
        let weight = match parts(relation).as_deref() {
            Ok([one]) => self.scopes.iter().rev().find(|(name, _)| name == one).map(|(_, w)| *w),
            _ => None,
        };
        self.weight = self.weight.saturating_add(weight.unwrap_or(1));
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EngineConfig;
    use crate::resolve::statement::{Form, Statement};

    fn tables_of(sql: &str) -> Result<Vec<String>> {
        let statement = Statement::parse(sql, &EngineConfig::default())?;
        match statement.form()? {
            Form::Query(query) => {
                Ok(tables(query)?.into_iter().map(|parts| parts.join(".")).collect())
            }
            other => Err(Error::new(ErrorKind::Internal, format!("{other:?}"))),
        }
    }

    #[test]
    fn tables_are_found_wherever_they_stand() {
        for (sql, names) in [
            ("SELECT 1", vec![]),
            ("SELECT * FROM A.b.\"C\" x JOIN d.e USING (i)", vec!["a.b.C", "d.e"]),
            ("WITH t AS (SELECT * FROM t) SELECT * FROM t", vec!["t"]),
            ("WITH t AS (SELECT 1), u AS (SELECT * FROM t) SELECT * FROM u", vec![]),
            ("WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT * FROM t) SELECT * FROM t", vec![]),
            (
                "SELECT (SELECT max(x) FROM a.b) FROM c.d WHERE EXISTS (SELECT 1 FROM e.f)",
                vec!["a.b", "c.d", "e.f"],
            ),
            ("SELECT * FROM generate_series(1, 3)", vec![]),
            ("SELECT 1 UNION ALL (WITH x AS (SELECT 1) SELECT * FROM x, y.z)", vec!["y.z"]),
            ("SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x) JOIN x ON true", vec!["x"]),
        ] {
            assert_eq!(
                tables_of(sql).ok(),
                Some(names.iter().map(|n| (*n).to_owned()).collect()),
                "{sql}"
            );
        }
    }

    #[test]
    fn expressions_that_multiply_are_refused() {
        let mut sql = "WITH a0 AS (SELECT 1 x)".to_owned();
        for i in 1..40 {
            let from = i - 1;
            sql.push_str(&format!(
                ", a{i} AS (SELECT * FROM a{from} UNION ALL SELECT * FROM a{from})"
            ));
        }
        sql.push_str(" SELECT count(*) FROM a39");
        let error = tables_of(&sql).unwrap_err();
        assert_eq!(error.message(), "the common table expressions multiply");
    }
}
