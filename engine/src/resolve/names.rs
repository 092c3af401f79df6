//! The names in a statement: which tables it reads.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

use datafusion::common::TableReference;
use datafusion::sql::sqlparser::ast::{
    Ident, ObjectName, Query, TableFactor, TableVersion, Visit, Visitor,
};

use crate::error::{Error, ErrorKind, Result};

/// Tables that one statement may name.
pub(super) const TABLES_MAX: usize = 200;

/// How often the common table expressions of a statement may be repeated in all, once they are
/// written out where they are used: each use is planned anew.
const EXPANSIONS_MAX: u64 = 10_000;

/// A table as a statement names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Named {
    /// The parts of the name.
    pub(crate) parts: Vec<String>,
    /// The clause of time after it.
    pub(crate) version: Option<TableVersion>,
}

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

/// An identifier as it is looked up: in lower case unless it is quoted.
pub(super) fn folded(ident: &Ident) -> String {
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

/// The tables that a query reads, each once, without its common table expressions.
///
/// # Errors
///
/// When a name is malformed, there are too many, or the common table expressions multiply.
pub(crate) fn tables(query: &Query) -> Result<Vec<Named>> {
    let mut collector = Collector::default();
    if let ControlFlow::Break(error) = query.visit(&mut collector) {
        return Err(error);
    }
    if collector.tables.len() > TABLES_MAX {
        return Err(Error::new(ErrorKind::InvalidQuery, "the statement names too many tables")
            .with_detail(format!("{} tables, {TABLES_MAX} are allowed", collector.tables.len())));
    }
    Ok(collector.tables.into_iter().collect())
}

#[derive(Debug, Default)]
struct Collector {
    tables: BTreeSet<Named>,
    /// The clause of time of the table that is visited next.
    version: Option<TableVersion>,
    /// The common table expressions in scope, innermost last, each with the number of relations
    /// that one use of it stands for.
    scopes: Vec<(String, u64)>,
    /// The common table expressions that are not visited yet, by the address of their queries.
    announced: HashMap<usize, Announced>,
    /// The queries that are open, innermost last.
    open: Vec<Open>,
}

/// A common table expression whose query comes next.
#[derive(Debug)]
struct Announced {
    name: String,
    is_recursive: bool,
}

/// A query that is being visited.
#[derive(Debug)]
struct Open {
    /// The name, if it is a common table expression.
    name: Option<String>,
    /// What was in scope before it.
    scopes: usize,
    /// The relations that it stands for, its common table expressions written out.
    weight: u64,
}

impl Collector {
    fn add_weight(&mut self, weight: u64) {
        if let Some(query) = self.open.last_mut() {
            query.weight = query.weight.saturating_add(weight);
        }
    }
}

/// The error for a clause of time after something that has no history.
pub(super) fn no_history(name: &str) -> Error {
    Error::new(ErrorKind::InvalidQuery, format!("\"{name}\" is no table of a product"))
        .with_detail("it has no versions")
        .with_hint("leave out VERSION AS OF and TIMESTAMP AS OF after it")
}

fn address(query: &Query) -> usize {
    std::ptr::from_ref(query).addr()
}

/// Visits each query once: the common table expressions of a query first, then its body, so that
/// what one stands for is known where it is used.
impl Visitor for Collector {
    type Break = Error;

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Error> {
        let parts = match parts(relation) {
            Ok(parts) => parts,
            Err(error) => return ControlFlow::Break(error),
        };
        let local = match parts.as_slice() {
            [one] => self.scopes.iter().rev().find(|(name, _)| name == one),
            _ => None,
        };
        let weight = local.map(|(_, weight)| *weight);
        let version = self.version.take();
        match (weight, &version) {
            (None, _) => _ = self.tables.insert(Named { parts, version }),
            (Some(_), None) => {}
            (Some(_), Some(_)) => return ControlFlow::Break(no_history(&parts.join("."))),
        }
        self.add_weight(weight.unwrap_or(1));
        ControlFlow::Continue(())
    }

    /// Functions in FROM, such as `generate_series(1, 3)`, are parsed as tables with arguments.
    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Error> {
        if let TableFactor::Table { name, args: Some(_), .. } = factor {
            let function = parts(name).ok().filter(|parts| parts.len() == 1).unwrap_or_default();
            self.scopes.push((function.concat(), 1));
        }
        if let TableFactor::Table { version, .. } = factor {
            self.version.clone_from(version);
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
        let announced = self.announced.remove(&address(query));
        let scopes = self.scopes.len();
        // The name of a plain expression is not in scope within itself:
        // `WITH t AS (SELECT * FROM t) SELECT * FROM t` reads a table t.
        if let Some(Announced { name, is_recursive: true }) = &announced {
            self.scopes.push((name.clone(), 1));
        }
        self.open.push(Open { name: announced.map(|cte| cte.name), scopes, weight: 0 });
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let is_recursive = query.with.as_ref().is_some_and(|with| with.recursive);
            let cte_announced = Announced { name: folded(&cte.alias.name), is_recursive };
            self.announced.insert(address(&cte.query), cte_announced);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<Error> {
        let Some(query) = self.open.pop() else { return ControlFlow::Continue(()) };
        if query.weight > EXPANSIONS_MAX {
            return ControlFlow::Break(
                Error::new(ErrorKind::InvalidQuery, "the common table expressions multiply")
                    .with_detail(format!("written out they name over {EXPANSIONS_MAX} relations"))
                    .with_hint("use each of them less often"),
            );
        }
        self.scopes.truncate(query.scopes);
        match query.name {
            Some(name) => self.scopes.push((name, query.weight.max(1))),
            None => self.add_weight(query.weight),
        }
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
                Ok(tables(query)?.into_iter().map(|table| table.parts.join(".")).collect())
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
        let doubling = |levels: usize| {
            let mut sql = "WITH a0 AS (SELECT 1 x)".to_owned();
            for i in 1..levels {
                let from = i - 1;
                sql.push_str(&format!(
                    ", a{i} AS (SELECT * FROM a{from} UNION ALL SELECT * FROM a{from})"
                ));
            }
            sql
        };
        let mut nested = "SELECT 1 AS x".to_owned();
        for i in 0..20 {
            nested = format!("WITH n{i} AS ({nested}) SELECT * FROM n{i} a, n{i} b, n{i} c");
        }
        let uses = "SELECT * FROM a9 UNION ALL ".repeat(40);
        for (sql, fits) in [
            (format!("{} SELECT count(*) FROM a9", doubling(10)), true),
            (format!("{} SELECT count(*) FROM a39", doubling(40)), false),
            (nested, false),
            (format!("{} {uses} SELECT 1", doubling(10)), false),
            (format!("SELECT 1 FROM b.c.d WHERE EXISTS ({} {uses} SELECT 1)", doubling(10)), false),
        ] {
            let refused = tables_of(&sql).err().map(|error| error.message().to_owned());
            let multiply = "the common table expressions multiply".to_owned();
            assert_eq!(refused, (!fits).then_some(multiply), "{sql:.80}");
        }
    }
}
