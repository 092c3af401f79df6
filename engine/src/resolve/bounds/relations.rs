//! How many relations a statement has, and how many groups and repetitions its expressions become.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Query, Select,
    TableFactor, Visit, Visitor,
};

use crate::error::{Error, ErrorKind, Result};

/// Tables, subqueries, functions and nested joins in FROM: the schema of each join holds the columns
/// of all before it.
const RELATIONS_MAX: usize = 500;

/// Queries inside each other and beside each other.
const SUBQUERIES_MAX: usize = 500;

/// Common table expressions: a chain of them is a plan as deep as the chain is long.
const EXPRESSIONS_MAX: usize = 100;

/// Expressions that are grouped by once CUBE, ROLLUP and GROUPING SETS are written out.
const GROUPING_MAX: usize = 65_536;

/// Expressions of a statement once those that the planner repeats are written out.
const REPETITIONS_MAX: usize = 1_000_000;

/// Counts what a query holds, and says how many levels deep it may become on that account.
///
/// # Errors
///
/// When it holds too much.
pub(in crate::resolve) fn levels(query: &Query) -> Result<usize> {
    let mut counts = Counts::default();
    match query.visit(&mut counts) {
        ControlFlow::Continue(()) => {
            Ok(counts.relations + counts.subqueries + counts.common_expressions)
        }
        ControlFlow::Break(error) => Err(error),
    }
}

#[derive(Debug, Default)]
struct Counts {
    relations: usize,
    subqueries: usize,
    common_expressions: usize,
    /// How often the expressions that are open are repeated, innermost last.
    times: Vec<usize>,
    /// How often an expression is repeated by the one around it, by its address.
    repeated: HashMap<usize, usize>,
    repetitions: usize,
}

impl Visitor for Counts {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        self.subqueries += 1;
        at_most(self.subqueries, SUBQUERIES_MAX, "subqueries")?;
        self.common_expressions += query.with.as_ref().map_or(0, |with| with.cte_tables.len());
        at_most(self.common_expressions, EXPRESSIONS_MAX, "common table expressions")
    }

    fn pre_visit_table_factor(&mut self, _: &TableFactor) -> ControlFlow<Error> {
        self.relations += 1;
        at_most(self.relations, RELATIONS_MAX, "relations in FROM")
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Error> {
        let GroupByExpr::Expressions(expressions, _) = &select.group_by else {
            return ControlFlow::Continue(());
        };
        at_most(written_out(expressions), GROUPING_MAX, "expressions to group by, written out")
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        let around = self.times.last().copied().unwrap_or(1);
        let own = self.repeated.remove(&address(expr)).unwrap_or(1);
        let times = around.saturating_mul(own);
        self.times.push(times);
        self.repetitions = self.repetitions.saturating_add(times);
        self.mark_repeated(expr);
        at_most(self.repetitions, REPETITIONS_MAX, "expressions, written out")
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<Error> {
        self.times.pop();
        ControlFlow::Continue(())
    }
}

impl Counts {
    /// Notes which parts of an expression the planner writes more than once.
    fn mark_repeated(&mut self, expr: &Expr) {
        match expr {
            Expr::Between { expr, .. } => self.mark(expr, 2),
            Expr::Case { operand: None, conditions, .. } => {
                for when in conditions {
                    self.mark(&when.condition, 2);
                }
            }
            Expr::Function(function) => self.mark_arguments(function),
            _ => {}
        }
    }

    fn mark_arguments(&mut self, function: &Function) {
        let name = function.name.to_string().to_ascii_lowercase();
        // The last of what `coalesce` chooses from is there only once.
        let last_is_once = match name.as_str() {
            "coalesce" | "nvl" | "ifnull" => true,
            "map" | "make_map" => false,
            _ => return,
        };
        let FunctionArguments::List(list) = &function.args else { return };
        let repeated = list.args.len().saturating_sub(usize::from(last_is_once));
        for arg in list.args.iter().take(repeated) {
            if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = arg {
                self.mark(expr, 2);
            }
        }
    }

    fn mark(&mut self, expr: &Expr, times: usize) {
        self.repeated.insert(address(expr), times.max(1));
    }
}

fn address(expr: &Expr) -> usize {
    std::ptr::from_ref(expr).addr()
}

/// The expressions that are grouped by in all sets together.
fn written_out(expressions: &[Expr]) -> usize {
    let (mut sets, mut width) = (1_usize, 0_usize);
    for expr in expressions {
        let (own_sets, own_width) = match expr {
            Expr::Cube(parts) => {
                let sets =
                    u32::try_from(parts.len()).ok().and_then(|bits| 1_usize.checked_shl(bits));
                (sets.unwrap_or(usize::MAX), parts.len())
            }
            Expr::Rollup(parts) => (parts.len() + 1, parts.len()),
            Expr::GroupingSets(parts) => {
                (parts.len(), parts.iter().map(Vec::len).max().unwrap_or(0))
            }
            _ => (1, 1),
        };
        sets = sets.saturating_mul(own_sets);
        width = width.saturating_add(own_width);
    }
    if sets > 1 { sets.saturating_mul(width) } else { 0 }
}

fn at_most(found: usize, allowed: usize, what: &str) -> ControlFlow<Error> {
    if found <= allowed {
        return ControlFlow::Continue(());
    }
    let error = Error::new(ErrorKind::InvalidQuery, format!("the statement has too many {what}"))
        .with_detail(format!("at most {allowed} are allowed"))
        .with_hint("split the statement");
    ControlFlow::Break(error)
}

#[cfg(test)]
mod tests {
    use crate::config::EngineConfig;
    use crate::resolve::Statement;

    fn refusal(sql: &str) -> Option<String> {
        let refused = Statement::parse(sql, &EngineConfig::default()).err();
        refused.map(|error| error.message().to_owned())
    }

    #[test]
    fn relations_are_counted_however_they_are_joined() {
        let comma = |count: usize| {
            let tables: Vec<String> = (0..count).map(|i| format!("t a{i}")).collect();
            format!("SELECT 1 FROM {}", tables.join(", "))
        };
        assert_eq!(refusal(&comma(500)), None);
        let many = "the statement has too many relations in FROM".to_owned();
        assert_eq!(refusal(&comma(501)), Some(many.clone()));
        let nested = format!("SELECT 1 WHERE EXISTS ({})", comma(501));
        assert_eq!(refusal(&nested), Some(many));
        let subqueries = format!("SELECT {} 1", "(SELECT 1), ".repeat(500));
        assert_eq!(refusal(&subqueries), Some("the statement has too many subqueries".to_owned()));
    }

    #[test]
    fn common_table_expressions_are_counted() {
        let chain = |count: usize| {
            let mut sql = "WITH a0 AS (SELECT 1)".to_owned();
            for i in 1..count {
                sql.push_str(&format!(", a{i} AS (SELECT * FROM a{})", i - 1));
            }
            format!("{sql} SELECT * FROM a{}", count - 1)
        };
        assert_eq!(refusal(&chain(100)), None);
        let many = "the statement has too many common table expressions";
        assert_eq!(refusal(&chain(101)), Some(many.to_owned()));
    }

    #[test]
    fn groups_are_counted() {
        let columns =
            |count: usize| (0..count).map(|i| format!("id + {i}")).collect::<Vec<_>>().join(", ");
        let two = format!("CUBE({}), CUBE({})", columns(6), columns(7));
        let many = "the statement has too many expressions to group by, written out".to_owned();
        for (group_by, refused) in [
            (format!("CUBE({})", columns(12)), None),
            (format!("CUBE({})", columns(13)), Some(many.clone())),
            (format!("CUBE({})", columns(30)), Some(many.clone())),
            (format!("CUBE({})", columns(100)), Some(many.clone())),
            (two, Some(many.clone())),
            (format!("ROLLUP({})", columns(200)), None),
            (format!("ROLLUP({})", columns(300)), Some(many)),
            (format!("{}, GROUPING SETS ((id), ())", columns(20)), None),
        ] {
            let sql = format!("SELECT count(*) FROM a.b.c GROUP BY {group_by}");
            assert_eq!(refusal(&sql), refused, "{sql:.60}");
        }
    }

    #[test]
    fn expressions_that_the_planner_repeats_are_counted() {
        let many = Some("the statement has too many expressions, written out".to_owned());
        let nested = |before: &str, after: &str, levels: usize| {
            format!("SELECT {}x{} FROM a.b.c", before.repeat(levels), after.repeat(levels))
        };
        assert_eq!(refusal(&nested("map('k', ", ")", 8)), None);
        assert_eq!(refusal(&nested("map('k', ", ")", 30)), many);
        assert_eq!(refusal(&nested("coalesce(", ", 1)", 30)), many);
        assert_eq!(refusal(&nested("coalesce(1, ", ")", 90)), None);
        assert_eq!(refusal(&nested("(", " BETWEEN 1 AND 2)", 30)), many);
        assert_eq!(refusal(&nested("(", " IN (1, 2, 3))", 30)), None);
    }
}
