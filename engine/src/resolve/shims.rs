//! SQL that tools write and DataFusion does not know, in words that it knows.
//!
//! ```text
//! SELECT TOP 5 LEN(x) FROM t ─▶ SELECT character_length(rtrim(x)) AS "LEN(x)" FROM t LIMIT 5
//! ```
//!
//! Works on the statement as it was read, before a name in it is looked up; [`tokens`] and [`prefix`]
//! serve what the parser cannot read. What is rewritten keeps its text as the name of its column.
//! A statement without any of it is left as it is.

mod build;
mod clock;
mod columns;
mod dates;
mod functions;
mod patterns;
mod postgres;
pub(super) mod prefix;
mod rows;
mod session_values;
pub(super) mod settings;
pub(super) mod tokens;
pub(super) mod transactions;
mod types;

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Query, Select, TableFactor, VisitMut, VisitorMut};

use crate::error::{Error, Result};

pub(crate) use columns::TWIN_MARK;
pub(crate) use session_values::SessionValues;

/// What became of a query.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rewritten {
    /// How many of its parts were rewritten: each is a few levels deeper than it was.
    pub(super) parts: usize,
    /// True if it asks functions what there is in the mesh.
    pub(super) asks_catalog: bool,
}

/// Rewrites a query.
///
/// # Errors
///
/// When a part of it cannot be meant as it is written.
pub(super) fn rewrite(query: &mut Query) -> Result<Rewritten> {
    let mut rewritten = postgres::rewrite(query)?;
    let mut shims = Shims::default();
    match VisitMut::visit(query, &mut shims) {
        ControlFlow::Continue(()) => {
            columns::name_apart(query.body.as_mut());
            rewritten.parts += shims.rewritten;
            Ok(rewritten)
        }
        ControlFlow::Break(error) => Err(error),
    }
}

#[derive(Debug, Default)]
struct Shims {
    rewritten: usize,
    /// True once a common table expression is called `dual`.
    has_dual: bool,
}

impl Shims {
    fn note(&mut self, rewritten: Result<bool>) -> ControlFlow<Error> {
        match rewritten {
            Ok(is_rewritten) => {
                self.rewritten += usize::from(is_rewritten);
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }
}

impl VisitorMut for Shims {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        self.has_dual = self.has_dual || rows::names_dual(query);
        columns::order_by_names(query);
        self.note(rows::limit(query))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        columns::keep_names(select);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        if !self.has_dual {
            self.rewritten += usize::from(rows::give_dual(factor));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        self.note(functions::rewrite(expr))
    }
}

#[cfg(test)]
mod tests;
