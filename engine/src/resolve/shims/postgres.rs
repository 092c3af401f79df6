//! What clients of PostgreSQL write, above all to its catalog.
//!
//! ```text
//! pg_catalog.format_type(a, b)        ─▶ format_type(a, b)
//! x OPERATOR(pg_catalog.~) '^(t)$'    ─▶ x ~ '^(t)$'
//! 'shop.orders'::regclass             ─▶ pg_regclass_oid('shop.orders')
//! x = ANY ('{r,v}')                   ─▶ x = ANY (ARRAY['r', 'v'])
//! (SELECT y FROM pg_attrdef WHERE ..) ─▶ NULL, as that table never has rows
//! ```
//!
//! Goes through a statement before the other shims, which then see plain functions and types.

mod arrays;
mod casts;
mod kinds;
mod nothing;
mod operators;
mod subqueries;

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArguments, Ident, ObjectName, ObjectNamePart, Query, Select,
    TableFactor, VisitMut, VisitorMut,
};

use super::super::names::folded;
use super::{Rewritten, build};
use crate::error::{Error, Result};
use crate::mesh_catalog::postgres::{self, PG_CATALOG};

/// Rewrites a query, and says how many of its parts, and whether it asks functions of the catalog.
///
/// # Errors
///
/// When a part of it cannot be meant as it is written.
pub(super) fn rewrite(query: &mut Query) -> Result<Rewritten> {
    let mut words = Words { common: nothing::common_names(query), ..Words::default() };
    if let ControlFlow::Break(error) = VisitMut::visit(query, &mut words) {
        return Err(error);
    }
    casts::show_names(query.body.as_mut());
    let shown = kinds::show_functions(query, &words.common);
    words.rewritten.parts += shown;
    words.rewritten.asks_catalog |= shown > 0;
    Ok(words.rewritten)
}

#[derive(Debug, Default)]
struct Words {
    rewritten: Rewritten,
    /// The names of common table expressions: they hide tables of the catalog.
    common: Vec<String>,
}

impl VisitorMut for Words {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        if nothing::leave_out(query, &self.common) {
            self.rewritten.parts += 1;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        self.rewritten.parts += kinds::leave_out(select, &self.common);
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        self.rewritten.parts += subqueries::count_existing(select);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        if let TableFactor::Table { name, args, .. } = factor
            && args.is_some()
        {
            unprefix(name);
            if matches!(name.0.as_slice(), [one] if one.as_ident().is_some_and(|one| folded(one) == postgres::KEYWORDS))
            {
                name.0.insert(0, ObjectNamePart::Identifier(Ident::new(PG_CATALOG)));
                *args = None;
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        nothing::leave_out_of(expr, &self.common);
        subqueries::read_path(expr);
        arrays::read_bounds(expr);
        if is_version(expr) {
            *expr = build::text(version());
        }
        if let Expr::Function(function) = expr {
            unprefix(&mut function.name);
            self.rewritten.asks_catalog |= asks_catalog(function);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        // All of them, one after the other: what one makes may be for the next.
        let rewritten = operators::rewrite(expr)
            | casts::rewrite(expr)
            | arrays::rewrite(expr)
            | subqueries::rewrite(expr);
        if rewritten {
            self.rewritten.parts += 1;
            self.rewritten.asks_catalog |=
                matches!(expr, Expr::Function(function) if asks_catalog(function));
        }
        ControlFlow::Continue(())
    }
}

/// True for a function whose answer depends on what there is in the mesh.
fn asks_catalog(function: &Function) -> bool {
    match function.name.0.as_slice() {
        [part] => part.as_ident().is_some_and(|name| postgres::is_function(&folded(name))),
        _ => false,
    }
}

/// True for `pg_catalog.version()`: with this schema, only clients of PostgreSQL ask.
fn is_version(expr: &Expr) -> bool {
    let Expr::Function(Function { name, args: FunctionArguments::List(list), .. }) = expr else {
        return false;
    };
    let names: Option<Vec<String>> =
        name.0.iter().map(|part| part.as_ident().map(folded)).collect();
    list.args.is_empty() && names.is_some_and(|names| names == [PG_CATALOG, "version"])
}

/// The version of PostgreSQL that clients adapt to, and who it is in truth.
fn version() -> String {
    let (own, engine) = (env!("CARGO_PKG_VERSION"), datafusion::DATAFUSION_VERSION);
    let postgres = postgres::SERVER_VERSION;
    format!("PostgreSQL {postgres} (Samite {own}, Apache DataFusion {engine})")
}

/// Takes the schema of what is built in from its name.
fn unprefix(name: &mut ObjectName) {
    let is_prefixed = match name.0.as_slice() {
        [schema, function] => is_schema(schema) && function.as_ident().is_some(),
        _ => false,
    };
    if is_prefixed {
        name.0.remove(0);
    }
}

fn is_schema(part: &ObjectNamePart) -> bool {
    part.as_ident().is_some_and(|name| {
        let name = folded(name);
        name == PG_CATALOG || name == super::super::INFORMATION_SCHEMA
    })
}

/// The name of a table of `pg_catalog`, where it stands with its schema or is no other's.
fn catalog_table(name: &ObjectName, common: &[String]) -> Option<String> {
    let ident = |part: &ObjectNamePart| part.as_ident().cloned();
    let table = match name.0.as_slice() {
        [schema, table] if ident(schema).is_some_and(|name| folded(&name) == PG_CATALOG) => {
            folded(&ident(table)?)
        }
        [table] => {
            let table = folded(&ident(table)?);
            if common.contains(&table) {
                return None;
            }
            table
        }
        _ => return None,
    };
    postgres::is_known(&table).then_some(table)
}

#[cfg(test)]
mod tests;
