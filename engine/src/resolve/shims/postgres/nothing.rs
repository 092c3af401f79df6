//! Queries of tables that never have rows.
//!
//! Samite has no triggers, rules, policies or publications, so that a query of `pg_trigger` has no rows,
//! whatever else it computes. Knowing that, what DataFusion cannot plan in it need not be planned:
//!
//! ```text
//! SELECT a, f(b) AS c FROM pg_trigger t, .. WHERE ..  ─▶ SELECT NULL AS a, NULL AS c WHERE false
//! EXISTS (such a query)                               ─▶ false
//! (such a query), as a value                          ─▶ NULL
//! ```

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use datafusion::execution::SessionStateDefaults;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident, Join,
    JoinOperator, ObjectName, Parens, Query, Select, SelectItem, SetExpr, SetOperator,
    SetQuantifier, TableFactor, TableWithJoins, Value, Visit, Visitor,
};

use super::super::super::names::folded;
use super::super::build;
use super::catalog_table;
use crate::mesh_catalog::postgres;

/// The names of all common table expressions of a query.
pub(super) fn common_names(query: &Query) -> Vec<String> {
    let mut names = Names(Vec::new());
    let _: ControlFlow<()> = query.visit(&mut names);
    names.0
}

struct Names(Vec<String>);

impl Visitor for Names {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let expressions = query.with.iter().flat_map(|with| &with.cte_tables);
        self.0.extend(expressions.map(|expression| folded(&expression.alias.name)));
        ControlFlow::Continue(())
    }
}

/// Leaves out what a query computes of rows that it never has, and says whether it did.
pub(super) fn leave_out(query: &mut Query, common: &[String]) -> bool {
    if query.with.is_some() || !has_no_rows(query.body.as_ref(), common) {
        return leave_out_of_sides(query.body.as_mut(), common);
    }
    let Some(names) = column_names(query.body.as_ref()) else { return false };
    *query.body = SetExpr::Select(Box::new(no_rows(names)));
    query.order_by = None;
    true
}

/// The same in the sides of a set operation: one side may have rows.
fn leave_out_of_sides(body: &mut SetExpr, common: &[String]) -> bool {
    let mut is_rewritten = false;
    let mut open = vec![body];
    while let Some(side) = open.pop() {
        if let SetExpr::Select(_) = side
            && has_no_rows(side, common)
            && let Some(names) = column_names(side)
        {
            *side = SetExpr::Select(Box::new(no_rows(names)));
            is_rewritten = true;
        } else if let SetExpr::SetOperation { left, right, .. } = side {
            open.extend([left, right].map(Box::as_mut));
        }
    }
    is_rewritten
}

/// Takes the sides without rows out of a set operation whose columns need no names.
fn without_empty_sides(body: &mut SetExpr, common: &[String]) {
    while let SetExpr::SetOperation { op: SetOperator::Union, left, right, .. } = body {
        let kept = match (has_no_rows(left, common), has_no_rows(right, common)) {
            (true, false) => right,
            (false, true) => left,
            _ => return,
        };
        *body = kept.as_ref().clone();
    }
}

/// The values of `VALUES (a), (b)`.
fn listed(query: &Query) -> Option<Vec<Expr>> {
    let SetExpr::Values(values) = query.body.as_ref() else { return None };
    let value = |row: &Parens<Vec<Expr>>| match row.content.as_slice() {
        [value] => Some(value.clone()),
        _ => None,
    };
    values.rows.iter().map(value).collect()
}

/// Replaces a subquery without rows by what it stands for.
pub(super) fn leave_out_of(expr: &mut Expr, common: &[String]) {
    let value = |flag: bool| Expr::value(Value::Boolean(flag));
    let replaced = match expr {
        Expr::Subquery(query) if is_nothing(query, common) => Expr::value(Value::Null),
        Expr::Exists { subquery, negated } if is_nothing(subquery, common) => value(*negated),
        Expr::InSubquery { subquery, negated, .. } if is_nothing(subquery, common) => {
            value(*negated)
        }
        Expr::InSubquery { expr, subquery, negated } => {
            without_empty_sides(subquery.body.as_mut(), common);
            let Some(list) = listed(subquery) else { return };
            let expr = std::mem::replace(expr, Box::new(Expr::value(Value::Null)));
            Expr::InList { expr, list, negated: *negated }
        }
        Expr::Function(Function { name, args: FunctionArguments::Subquery(query), .. })
            if name.to_string().eq_ignore_ascii_case("array") && is_nothing(query, common) =>
        {
            build::call("make_array", Vec::new())
        }
        _ => return,
    };
    *expr = replaced;
}

fn is_nothing(query: &Query, common: &[String]) -> bool {
    query.with.is_none() && has_no_rows(query.body.as_ref(), common)
}

/// True if a query cannot have rows, whatever its conditions say.
fn has_no_rows(body: &SetExpr, common: &[String]) -> bool {
    match body {
        SetExpr::Select(select) => {
            let grouped =
                !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
            (grouped || !has_aggregate(select))
                && (select.from.iter().any(|from| never(from, common)) || gives_no_set(select))
        }
        SetExpr::Query(query) => is_nothing(query, common),
        SetExpr::SetOperation { op: SetOperator::Union, set_quantifier, left, right } => {
            !matches!(set_quantifier, SetQuantifier::ByName | SetQuantifier::AllByName)
                && has_no_rows(left, common)
                && has_no_rows(right, common)
        }
        _ => false,
    }
}

/// True for a select list of one function that gives a set without rows.
fn gives_no_set(select: &Select) -> bool {
    match select.projection.as_slice() {
        [
            SelectItem::UnnamedExpr(Expr::Function(function))
            | SelectItem::ExprWithAlias { expr: Expr::Function(function), .. },
        ] => is_empty_set(&function.name),
        _ => false,
    }
}

/// True for the name of a function that gives a set without rows: no table has partitions, none has
/// options.
fn is_empty_set(name: &ObjectName) -> bool {
    let name = name.0.last().and_then(|part| part.as_ident()).map(folded);
    let sets =
        ["pg_partition_ancestors", "pg_partition_tree", "pg_options_to_table", "ts_token_type"];
    name.is_some_and(|name| sets.contains(&name.as_str()))
}

/// True for the items of a table's options, of which there are none.
fn is_of_options(name: &ObjectName, args: &[FunctionArg]) -> bool {
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::CompoundIdentifier(parts)))] = args
    else {
        return false;
    };
    name.to_string().eq_ignore_ascii_case("pg_catalog.unnest")
        && parts.last().is_some_and(|column| folded(column) == "reloptions")
}

/// True for tables whose join never has rows.
fn never(from: &TableWithJoins, common: &[String]) -> bool {
    let mut is_empty = is_never(&from.relation, common);
    for Join { relation, join_operator, .. } in &from.joins {
        let right = is_never(relation, common);
        is_empty = match join_operator {
            JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_) => {
                is_empty || right
            }
            JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => is_empty,
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => right,
            _ => is_empty && right,
        };
    }
    is_empty
}

fn is_never(factor: &TableFactor, common: &[String]) -> bool {
    match factor {
        TableFactor::Table { name, args: None, .. } => {
            catalog_table(name, common).is_some_and(|table| postgres::is_empty(&table))
        }
        TableFactor::Table { name, args: Some(args), .. } => {
            is_empty_set(name) || is_of_options(name, &args.args)
        }
        TableFactor::Derived { subquery, .. } => is_nothing(subquery, common),
        TableFactor::NestedJoin { table_with_joins, .. } => never(table_with_joins, common),
        _ => false,
    }
}

/// What a select list calls its columns; `None` if only the tables tell.
fn column_names(body: &SetExpr) -> Option<Vec<Ident>> {
    match body {
        SetExpr::Select(select) => select.projection.iter().map(column_name).collect(),
        SetExpr::SetOperation { left, .. } => column_names(left),
        SetExpr::Query(query) => column_names(query.body.as_ref()),
        _ => None,
    }
}

fn column_name(item: &SelectItem) -> Option<Ident> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.clone()),
        SelectItem::UnnamedExpr(expr) => Some(match expr {
            Expr::Identifier(name) => name.clone(),
            Expr::CompoundIdentifier(parts) => parts.last()?.clone(),
            other => Ident::with_quote('"', other.to_string()),
        }),
        _ => None,
    }
}

/// `SELECT NULL AS a, NULL AS b WHERE false`, each name once.
fn no_rows(names: Vec<Ident>) -> Select {
    let mut seen = HashSet::new();
    let item = |name: Ident| {
        let mut alias = name;
        while !seen.insert(folded(&alias)) {
            alias = Ident::with_quote('"', format!("{} ", folded(&alias)));
        }
        SelectItem::ExprWithAlias { expr: Expr::value(Value::Null), alias }
    };
    Select {
        projection: names.into_iter().map(item).collect(),
        selection: Some(Expr::value(Value::Boolean(false))),
        ..super::super::rows::plain_select()
    }
}

pub(super) fn has_aggregate(select: &Select) -> bool {
    let mut aggregates = Aggregates { subqueries: 0 };
    let having = select.having.iter().any(|expr| expr.visit(&mut aggregates).is_break());
    having || select.projection.iter().any(|item| item.visit(&mut aggregates).is_break())
}

/// The names of aggregates, those of PostgreSQL that DataFusion does not have among them.
static AGGREGATES: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let own = ["every", "json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg", "xmlagg"];
    let known = SessionStateDefaults::default_aggregate_functions();
    let names = known.iter().flat_map(|known| {
        [known.name().to_owned()].into_iter().chain(known.aliases().iter().cloned())
    });
    names.chain(own.map(str::to_owned)).collect()
});

/// Looks for aggregates, but in subqueries.
struct Aggregates {
    subqueries: usize,
}

impl Visitor for Aggregates {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.subqueries += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.subqueries -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let name = function.name.0.last().and_then(|part| part.as_ident()).map(folded);
        let is_one = name.is_some_and(|name| AGGREGATES.contains(&name));
        if self.subqueries == 0 && function.over.is_none() && is_one {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}
