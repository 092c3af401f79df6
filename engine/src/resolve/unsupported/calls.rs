//! Calls of functions, and operators, whose clauses the planner drops.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::execution::SessionStateDefaults;
use datafusion::sql::sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArgumentClause, FunctionArgumentList,
    FunctionArguments, NamedWindowExpr, NullTreatment, Select, SelectItem, Visit, Visitor,
    WindowType,
};

use super::{Found, refuse_first};
use crate::error::{Error, Result};

/// The calls for whose named window the planner looks: those in a select list.
#[derive(Debug, Default)]
pub(super) struct NamedWindows(HashSet<usize>);

impl NamedWindows {
    /// Takes note of a select list.
    pub(super) fn note(&mut self, select: &Select) {
        for item in &select.projection {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                let _: ControlFlow<()> = expr.visit(self);
            }
        }
    }
}

impl Visitor for NamedWindows {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && let Some(WindowType::NamedWindow(_)) = function.over
        {
            self.0.insert(address(function));
        }
        ControlFlow::Continue(())
    }
}

fn address(function: &Function) -> usize {
    std::ptr::from_ref(function).addr()
}

/// Refuses windows that build upon another one: its name is never looked up.
pub(super) fn check_windows(select: &Select) -> ControlFlow<Error> {
    let extends = select.named_window.iter().any(|window| match &window.1 {
        NamedWindowExpr::NamedWindow(_) => true,
        NamedWindowExpr::WindowSpec(spec) => spec.window_name.is_some(),
    });
    refuse_first(&[(extends, EXTENDED_WINDOW, Some(EXTENDED_WINDOW_HINT))])
}

const EXTENDED_WINDOW: &str = "a window that builds upon another one";
const EXTENDED_WINDOW_HINT: &str = "write its PARTITION BY and ORDER BY out in full";

/// Refuses an expression with a part that would be dropped, or that means something else.
pub(super) fn check(expr: &Expr, windows: &NamedWindows) -> ControlFlow<Error> {
    match expr {
        Expr::SimilarTo { .. } => refuse_first(&[(true, "SIMILAR TO", Some("use LIKE or ~"))]),
        Expr::Function(function) => check_call(function, windows),
        _ => ControlFlow::Continue(()),
    }
}

fn check_call(function: &Function, windows: &NamedWindows) -> ControlFlow<Error> {
    let (named, extends) = match &function.over {
        Some(WindowType::NamedWindow(_)) => (!windows.0.contains(&address(function)), false),
        Some(WindowType::WindowSpec(spec)) => (false, spec.window_name.is_some()),
        None => (false, false),
    };
    refuse_first(&[
        (
            !matches!(function.parameters, FunctionArguments::None),
            "a second list of arguments",
            None,
        ),
        (extends, EXTENDED_WINDOW, Some(EXTENDED_WINDOW_HINT)),
        (
            named,
            "a named window outside the select list",
            Some("write OVER (...), or give the column a name and use that"),
        ),
    ])?;
    let clauses = clauses(function);
    if clauses.iter().any(|(is_there, _, _)| *is_there) && is_scalar(function) {
        refuse_first(&clauses)?;
    }
    let skips_nulls = function.over.is_some() && skips_nulls(function);
    refuse_first(&[(
        skips_nulls && is_plain_aggregate(function),
        "IGNORE NULLS after an aggregate",
        Some("aggregates leave NULLs out as they are"),
    )])
}

/// Refuses a call of a function of one row with a clause that it cannot have.
///
/// # Errors
///
/// The refusal, which names the clause.
pub(in crate::resolve) fn check_plain(function: &Function) -> Result<()> {
    let has_two = !matches!(function.parameters, FunctionArguments::None);
    for found in [&[(has_two, "a second list of arguments", None)][..], &clauses(function)] {
        if let ControlFlow::Break(error) = refuse_first(found) {
            return Err(error);
        }
    }
    Ok(())
}

/// The clauses that only an aggregate or a window function can have.
fn clauses(function: &Function) -> [Found<'static>; 6] {
    let list = list(function);
    let has = |wanted: fn(&FunctionArgumentClause) -> bool| {
        list.is_some_and(|list| list.clauses.iter().any(wanted))
    };
    let is_distinct = list
        .is_some_and(|list| matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct)));
    [
        (is_distinct, "DISTINCT in a function of one row", None),
        (function.filter.is_some(), "FILTER after a function of one row", Some("write CASE WHEN")),
        (function.over.is_some(), "OVER after a function of one row", None),
        (
            has(|clause| matches!(clause, FunctionArgumentClause::OrderBy(_))),
            "ORDER BY in a function of one row",
            None,
        ),
        (!function.within_group.is_empty(), "WITHIN GROUP after a function of one row", None),
        (
            function.null_treatment.is_some()
                || has(|clause| matches!(clause, FunctionArgumentClause::IgnoreOrRespectNulls(_))),
            "IGNORE NULLS and RESPECT NULLS after a function of one row",
            None,
        ),
    ]
}

fn list(function: &Function) -> Option<&FunctionArgumentList> {
    match &function.args {
        FunctionArguments::List(list) => Some(list),
        FunctionArguments::None | FunctionArguments::Subquery(_) => None,
    }
}

fn skips_nulls(function: &Function) -> bool {
    let within = list(function).is_some_and(|list| {
        list.clauses.iter().any(|clause| {
            matches!(
                clause,
                FunctionArgumentClause::IgnoreOrRespectNulls(NullTreatment::IgnoreNulls)
            )
        })
    });
    within || matches!(function.null_treatment, Some(NullTreatment::IgnoreNulls))
}

/// The name as the planner looks it up, if it has one part.
fn name(function: &Function) -> Option<String> {
    match function.name.0.as_slice() {
        [part] => part.as_ident().map(super::super::names::folded),
        _ => None,
    }
}

/// True for what the planner takes as a function of one row, before it looks for another kind.
fn is_scalar(function: &Function) -> bool {
    let Some(name) = name(function) else { return false };
    let is = |own: &str, aliases: &[String]| own == name || aliases.contains(&name);
    matches!(name.as_str(), "unnest" | "unnest_outer" | "map" | "make_map")
        || SessionStateDefaults::default_scalar_functions()
            .iter()
            .any(|known| is(known.name(), known.aliases()))
        || SessionStateDefaults::default_higher_order_functions()
            .iter()
            .any(|known| is(known.name(), known.aliases()))
}

/// True for an aggregate that leaves NULLs out, or not, whatever is asked for.
fn is_plain_aggregate(function: &Function) -> bool {
    let Some(name) = name(function) else { return false };
    SessionStateDefaults::default_aggregate_functions().iter().any(|known| {
        (known.name() == name || known.aliases().contains(&name))
            && !known.supports_null_handling_clause()
    })
}
