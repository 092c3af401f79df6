//! How many rows: `TOP` and `FETCH FIRST` become `LIMIT`. And the table of one row, `DUAL`.

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    Expr, Fetch, GroupByExpr, Ident, LimitClause, Query, Select, SelectFlavor, SelectItem, SetExpr,
    TableAlias, TableFactor, Top, TopQuantity, Value, Values,
};

use super::super::names::folded;
use super::super::unsupported::refusal;
use super::build;
use crate::error::{Error, ErrorKind, Result};

/// Brings the limits of a query into the one form that is planned, and says whether there were any.
///
/// `TOP` of one side of a `UNION` limits that side: it becomes a query of its own.
///
/// # Errors
///
/// When a limit is one of ties or of percent, or there are two.
pub(super) fn limit(query: &mut Query) -> Result<bool> {
    let mut is_rewritten = false;
    if let Some(fetch) = query.fetch.take() {
        set_limit(query, fetched(fetch)?, "FETCH FIRST")?;
        is_rewritten = true;
    }
    if let SetExpr::Select(select) = query.body.as_mut()
        && let Some(top) = select.top.take()
    {
        set_limit(query, at_top(top)?, "TOP")?;
        is_rewritten = true;
    }
    // Without recursion: a chain of set operations is as deep as it is long.
    let mut sides = vec![query.body.as_mut()];
    while let Some(side) = sides.pop() {
        match side {
            SetExpr::SetOperation { left, right, .. } => {
                sides.extend([left, right].map(Box::as_mut))
            }
            side => is_rewritten |= limit_side(side)?,
        }
    }
    Ok(is_rewritten)
}

fn limit_side(side: &mut SetExpr) -> Result<bool> {
    let SetExpr::Select(select) = side else { return Ok(false) };
    let Some(top) = select.top.take() else { return Ok(false) };
    let limit_clause = Some(limit_of(at_top(top)?));
    let body = Box::new(std::mem::replace(side, SetExpr::Values(no_values())));
    *side = SetExpr::Query(Box::new(Query { limit_clause, ..plain_query(body) }));
    Ok(true)
}

fn limit_of(count: Expr) -> LimitClause {
    LimitClause::LimitOffset { limit: Some(count), offset: None, limit_by: Vec::new() }
}

fn no_values() -> Values {
    Values { explicit_row: false, value_keyword: false, rows: Vec::new() }
}

fn at_top(top: Top) -> Result<Expr> {
    refuse_kinds(top.with_ties, top.percent, "TOP")?;
    match top.quantity {
        Some(TopQuantity::Constant(count)) => Ok(build::number(count)),
        Some(TopQuantity::Expr(count)) => counted(count, "TOP"),
        None => Ok(build::number(1)),
    }
}

fn fetched(fetch: Fetch) -> Result<Expr> {
    refuse_kinds(fetch.with_ties, fetch.percent, "FETCH FIRST")?;
    match fetch.quantity {
        Some(count) => counted(count, "FETCH FIRST"),
        None => Ok(build::number(1)),
    }
}

fn refuse_kinds(has_ties: bool, is_percent: bool, what: &str) -> Result<()> {
    if has_ties {
        return Err(refusal(&format!("{what} ... WITH TIES"))
            .with_hint("write WHERE on rank() OVER (ORDER BY ...) in a subquery"));
    }
    if is_percent {
        return Err(refusal(&format!("{what} ... PERCENT")).with_hint("write a number of rows"));
    }
    Ok(())
}

/// `LIMIT NULL` is no limit; what asks for so many rows and means none is a mistake.
fn counted(count: Expr, what: &str) -> Result<Expr> {
    match &count {
        Expr::Value(value) if value.value == Value::Null => {
            Err(Error::new(ErrorKind::InvalidQuery, format!("{what} takes a number of rows"))
                .with_hint("leave it out for all rows"))
        }
        _ => Ok(count),
    }
}

fn set_limit(query: &mut Query, count: Expr, what: &str) -> Result<()> {
    let twice = || {
        Error::new(ErrorKind::InvalidQuery, format!("{what} stands beside another limit"))
            .with_hint("write one of LIMIT, TOP and FETCH FIRST")
    };
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit: limit @ None, limit_by, .. })
            if limit_by.is_empty() && what != "TOP" =>
        {
            *limit = Some(count);
        }
        Some(_) => return Err(twice()),
        clause @ None => *clause = Some(limit_of(count)),
    }
    Ok(())
}

/// True for a query with a common table expression that is called `dual`.
pub(super) fn names_dual(query: &Query) -> bool {
    let with = query.with.iter().flat_map(|with| &with.cte_tables);
    with.into_iter().any(|cte| folded(&cte.alias.name) == DUAL)
}

const DUAL: &str = "dual";

/// Makes of the table `DUAL` what it is elsewhere: one row with the column `dummy`. Says whether it
/// was that.
pub(super) fn give_dual(factor: &mut TableFactor) -> bool {
    let TableFactor::Table { name, alias, args: None, version: None, .. } = factor else {
        return false;
    };
    let is_dual = matches!(name.0.as_slice(), [part]
    if part.as_ident().is_some_and(|name| {
        name.quote_style.is_none() && name.value.eq_ignore_ascii_case(DUAL)
    }));
    if !is_dual {
        return false;
    }
    let alias = alias.take().unwrap_or_else(|| TableAlias {
        explicit: true,
        name: Ident::new(DUAL),
        columns: Vec::new(),
        at: None,
    });
    *factor = TableFactor::Derived {
        lateral: false,
        subquery: Box::new(plain_query(Box::new(SetExpr::Select(Box::new(select_dummy()))))),
        alias: Some(alias),
        sample: None,
    };
    true
}

fn plain_query(body: Box<SetExpr>) -> Query {
    Query {
        with: None,
        body,
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}

fn select_dummy() -> Select {
    Select {
        projection: vec![SelectItem::ExprWithAlias {
            expr: build::text("X"),
            alias: Ident::new("dummy"),
        }],
        ..plain_select()
    }
}

/// A query without columns, tables or conditions.
pub(super) fn plain_select() -> Select {
    Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: Vec::new(),
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection: Vec::new(),
        exclude: None,
        into: None,
        from: Vec::new(),
        lateral_views: Vec::new(),
        prewhere: None,
        selection: None,
        connect_by: Vec::new(),
        group_by: GroupByExpr::Expressions(Vec::new(), Vec::new()),
        cluster_by: Vec::new(),
        distribute_by: Vec::new(),
        sort_by: Vec::new(),
        having: None,
        named_window: Vec::new(),
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: SelectFlavor::Standard,
    }
}
