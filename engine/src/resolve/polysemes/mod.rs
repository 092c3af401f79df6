//! `ON POLYSEME('artist')`: joins two tables on the columns that mean the same thing.
//!
//! ```text
//! a JOIN b ON POLYSEME('artist')   a.artist and b.performer are bound to one definition
//!   ─▶ a JOIN b ON a.artist = b.performer
//!                                  they are bound to two definitions of one thing: a product maps one to the other
//!   ─▶ a JOIN (mapping JOIN b ON mapping.isni = b.isni) ON a.artist = mapping.artist
//! ```
//!
//! Works on the statement before its tables are opened, with what the asker may see of their contracts. What is not
//! plain is refused: which of two columns, which of two mappings, which kind of join.

mod bound;
mod join;
mod mapping;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Query, Select, Value, Visit,
    VisitMut, Visitor, VisitorMut,
};

use super::Lookup;
use super::names::folded;
use crate::error::{Error, ErrorKind, Result};

pub(crate) use bound::JoinedColumn;
use join::Joiner;

/// The name that stands in `ON`.
const POLYSEME: &str = "polyseme";

/// What became of a query.
#[derive(Debug, Default)]
pub(super) struct WrittenOut {
    /// The pairs of columns that it joins by what they mean.
    pub(super) pairs: Vec<(JoinedColumn, JoinedColumn)>,
    /// How many relations were added: each is a few levels deeper than what stood there.
    pub(super) added: usize,
}

/// True if a query joins by what columns mean.
pub(super) fn is_in(query: &Query) -> bool {
    query.visit(&mut Finder).is_break()
}

/// Writes out each join of a query that is said by what columns mean.
///
/// # Errors
///
/// When a word means nothing, no columns or too many are bound to it, or it does not stand in the `ON` of a join.
pub(super) fn write_out(query: &mut Query, lookup: &Lookup<'_>) -> Result<WrittenOut> {
    let mut expressions = Expressions::default();
    let _ = Visit::visit(query, &mut expressions);
    let joiner = Joiner::new(lookup, expressions.0);
    let mut writer = Writer { joiner };
    if let ControlFlow::Break(error) = VisitMut::visit(query, &mut writer) {
        return Err(error);
    }
    if is_in(query) {
        return Err(Error::new(ErrorKind::InvalidQuery, "POLYSEME stands where it joins nothing")
            .with_hint("write it in the ON of a JOIN, by itself or with AND"));
    }
    Ok(writer.joiner.into_written())
}

/// The arguments of a call of `POLYSEME`; `None` for anything else.
///
/// # Errors
///
/// When they are not one or two texts.
fn call(expr: &Expr) -> Result<Option<Vec<String>>> {
    let Expr::Function(function) = expr else { return Ok(None) };
    if !is_polyseme(expr) {
        return Ok(None);
    }
    let arguments = match &function.args {
        FunctionArguments::List(list) => list.args.as_slice(),
        FunctionArguments::None | FunctionArguments::Subquery(_) => &[],
    };
    let texts: Option<Vec<String>> = arguments.iter().map(text).collect();
    match texts {
        Some(texts) if matches!(texts.len(), 1 | 2) => Ok(Some(texts)),
        _ => Err(Error::new(ErrorKind::InvalidQuery, "POLYSEME takes one or two texts").with_hint(
            "write POLYSEME('artist'), or POLYSEME('artist', 'domain.product.table') to name what maps one to the other",
        )),
    }
}

fn text(argument: &FunctionArg) -> Option<String> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn is_polyseme(expr: &Expr) -> bool {
    match expr {
        Expr::Function(function) => match function.name.0.as_slice() {
            [name] => name.as_ident().is_some_and(|name| folded(name) == POLYSEME),
            _ => false,
        },
        _ => false,
    }
}

/// Stops at the first call.
struct Finder;

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if is_polyseme(expr) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// The names of common table expressions: a table that is called so may be one of them.
#[derive(Default)]
struct Expressions(BTreeSet<String>);

impl Visitor for Expressions {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let named = query.with.iter().flat_map(|with| &with.cte_tables);
        self.0.extend(named.map(|named| folded(&named.alias.name)));
        ControlFlow::Continue(())
    }
}

struct Writer<'a> {
    joiner: Joiner<'a>,
}

impl VisitorMut for Writer<'_> {
    type Break = Error;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        match self.joiner.select(select) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

/// A name that nobody else uses.
fn own_name(what: &str, number: usize) -> Ident {
    Ident::with_quote('"', format!("samite {what} {number}"))
}
