//! From which columns the columns of a plan come.
//!
//! ```text
//! LogicalPlan ─▶ for each column: table and column that it is made from, and how
//! ```

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result as DataFusionResult, TableReference};
use datafusion::logical_expr::{Distinct, Expr, JoinType, LogicalPlan, TableScan};

/// How a column, or a whole table, is made from another; what tells more stands first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// Its values are those of the other column.
    Direct,
    /// They are computed from them, row by row.
    Derived,
    /// They are computed from those of many rows.
    Aggregated,
    /// Which rows there are depends on them.
    Filter,
    /// Which rows are brought together depends on them.
    Join,
}

impl Way {
    /// The word for it in listings.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Derived => "derived",
            Self::Aggregated => "aggregated",
            Self::Filter => "filter",
            Self::Join => "join",
        }
    }
}

/// A column of a table, and how it is used.
type Use = (TableReference, String, Way);

/// What one column comes from.
#[derive(Debug, Clone, Default)]
struct Origin {
    uses: BTreeSet<Use>,
    /// True if it is a column of a table, on all of its way.
    is_plain: bool,
}

/// Where the columns of a plan come from.
#[derive(Debug, Default)]
pub(crate) struct Lineage {
    /// For each column of the plan, what it is made from.
    pub(crate) columns: Vec<(String, BTreeSet<Use>)>,
    /// What decides which rows there are.
    pub(crate) rows: BTreeSet<Use>,
}

/// Where the columns of a plan come from.
pub(crate) fn lineage(plan: &LogicalPlan) -> Lineage {
    let mut tracer = Tracer::default();
    let origins = tracer.columns(plan);
    let names = plan.schema().fields().iter().map(|field| field.name().clone());
    let columns = names.zip(origins).map(|(name, origin)| (name, origin.uses)).collect();
    Lineage { columns, rows: tracer.rows }
}

/// The columns of a plan that are columns of tables, on all of their way.
pub(super) fn plain_columns(plan: &LogicalPlan) -> BTreeSet<String> {
    let origins = Tracer::default().columns(plan);
    let names = plan.schema().fields().iter().map(|field| field.name().clone());
    names.zip(origins).filter(|(_, origin)| origin.is_plain).map(|(name, _)| name).collect()
}

#[derive(Debug, Default)]
struct Tracer {
    rows: BTreeSet<Use>,
    /// What recursive expressions give, by name, while they are looked into.
    recursive: BTreeMap<String, Vec<Origin>>,
}

impl Tracer {
    /// One origin for each column of the plan.
    fn columns(&mut self, plan: &LogicalPlan) -> Vec<Origin> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::Projection(node) => {
                let inner = self.columns(&node.input);
                node.expr.iter().map(|expr| self.of(expr, node.input.schema(), &inner)).collect()
            }
            LogicalPlan::Filter(node) => {
                let inner = self.columns(&node.input);
                self.decides(&node.predicate, (node.input.schema(), &inner), Way::Filter);
                inner
            }
            LogicalPlan::Aggregate(node) => {
                let inner = self.columns(&node.input);
                let exprs = node.group_expr.iter().flat_map(grouped).chain(&node.aggr_expr);
                let made: Vec<Origin> =
                    exprs.map(|expr| self.of(expr, node.input.schema(), &inner)).collect();
                fitting(made, plan, &inner)
            }
            LogicalPlan::Window(node) => {
                let mut inner = self.columns(&node.input);
                let made: Vec<Origin> = node
                    .window_expr
                    .iter()
                    .map(|expr| self.of(expr, node.input.schema(), &inner))
                    .collect();
                inner.extend(made);
                inner
            }
            LogicalPlan::Join(join) => {
                let left = self.columns(&join.left);
                let right = self.columns(&join.right);
                for (one, other) in &join.on {
                    self.decides(one, (join.left.schema(), &left), Way::Join);
                    self.decides(other, (join.right.schema(), &right), Way::Join);
                }
                if let Some(filter) = &join.filter {
                    self.decides(filter, (join.left.schema(), &left), Way::Join);
                    self.decides(filter, (join.right.schema(), &right), Way::Join);
                }
                joined(join.join_type, left, right)
            }
            LogicalPlan::Union(union) => {
                let branches: Vec<Vec<Origin>> =
                    union.inputs.iter().map(|input| self.columns(input)).collect();
                merged(branches)
            }
            LogicalPlan::SubqueryAlias(node) => self.columns(&node.input),
            LogicalPlan::Sort(node) => self.columns(&node.input),
            LogicalPlan::Limit(node) => self.columns(&node.input),
            LogicalPlan::Repartition(node) => self.columns(&node.input),
            LogicalPlan::Subquery(node) => self.columns(&node.subquery),
            LogicalPlan::RecursiveQuery(node) => {
                let first = self.columns(&node.static_term);
                let derived: Vec<Origin> = first.into_iter().map(derived).collect();
                self.recursive.insert(node.name.clone(), derived.clone());
                let next = self.columns(&node.recursive_term);
                self.recursive.remove(&node.name);
                merged(vec![derived, next.into_iter().map(self::derived).collect()])
            }
            other => {
                let inner: Vec<Origin> =
                    other.inputs().into_iter().flat_map(|input| self.columns(input)).collect();
                match other {
                    LogicalPlan::Distinct(Distinct::All(_)) => inner,
                    _ => fitting(Vec::new(), other, &inner),
                }
            }
        }
    }

    fn scan(&mut self, scan: &TableScan) -> Vec<Origin> {
        let table = &scan.table_name;
        if let TableReference::Bare { table } = table
            && let Some(known) = self.recursive.get(table.as_ref())
        {
            return known.clone();
        }
        let uses = |name: &str| BTreeSet::from([(table.clone(), name.to_owned(), Way::Direct)]);
        let fields = scan.projected_schema.fields().iter();
        fields.map(|field| Origin { uses: uses(field.name()), is_plain: true }).collect()
    }

    /// What an expression over a plan comes from.
    fn of(&mut self, expr: &Expr, schema: &DFSchema, inner: &[Origin]) -> Origin {
        match expr {
            Expr::Alias(alias) => return self.of(&alias.expr, schema, inner),
            Expr::Column(column) => {
                return at(column, schema, inner).cloned().unwrap_or_default();
            }
            _ => {}
        }
        let mut way = Way::Derived;
        let mut uses = BTreeSet::new();
        // What cannot be walked through has no origin that could be told.
        let _: DataFusionResult<TreeNodeRecursion> = expr.apply(|part| {
            match part {
                Expr::AggregateFunction(_) | Expr::WindowFunction(_) => way = Way::Aggregated,
                Expr::Column(column) => {
                    uses.extend(
                        at(column, schema, inner).into_iter().flat_map(|one| one.uses.clone()),
                    );
                }
                Expr::ScalarSubquery(subquery) => uses.extend(self.inside(&subquery.subquery)),
                Expr::InSubquery(found) => uses.extend(self.inside(&found.subquery.subquery)),
                Expr::Exists(exists) => uses.extend(self.inside(&exists.subquery.subquery)),
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        });
        let uses = uses.into_iter().map(|(table, column, was)| (table, column, was.max(way)));
        Origin { uses: uses.collect(), is_plain: false }
    }

    fn inside(&mut self, plan: &LogicalPlan) -> BTreeSet<Use> {
        self.columns(plan).into_iter().flat_map(|origin| origin.uses).collect()
    }

    /// Notes what decides which rows there are.
    fn decides(&mut self, expr: &Expr, (schema, inner): (&DFSchema, &[Origin]), way: Way) {
        let uses = self.of(expr, schema, inner).uses;
        self.rows.extend(uses.into_iter().map(|(table, column, _)| (table, column, way)));
    }
}

fn at<'a>(column: &Column, schema: &DFSchema, origins: &'a [Origin]) -> Option<&'a Origin> {
    origins.get(schema.maybe_index_of_column(column)?)
}

/// The columns of a group: sets of groups list theirs.
fn grouped(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::GroupingSet(sets) => sets.distinct_expr(),
        expr => vec![expr],
    }
}

fn derived(origin: Origin) -> Origin {
    let uses = origin.uses.into_iter();
    let uses = uses.map(|(table, column, way)| (table, column, way.max(Way::Derived))).collect();
    Origin { uses, is_plain: false }
}

fn joined(kind: JoinType, left: Vec<Origin>, right: Vec<Origin>) -> Vec<Origin> {
    match kind {
        JoinType::LeftSemi | JoinType::LeftAnti => left,
        JoinType::RightSemi | JoinType::RightAnti => right,
        JoinType::LeftMark => left.into_iter().chain([Origin::default()]).collect(),
        JoinType::RightMark => right.into_iter().chain([Origin::default()]).collect(),
        JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {
            left.into_iter().chain(right).collect()
        }
    }
}

/// Column by column what several plans give.
fn merged(branches: Vec<Vec<Origin>>) -> Vec<Origin> {
    let mut branches = branches.into_iter();
    let mut all = branches.next().unwrap_or_default();
    for branch in branches {
        for (known, more) in all.iter_mut().zip(branch) {
            known.uses.extend(more.uses);
            known.is_plain &= more.is_plain;
        }
    }
    all
}

/// As many origins as the plan has columns: where nothing tells which comes from which, each comes from
/// all.
fn fitting(made: Vec<Origin>, plan: &LogicalPlan, inner: &[Origin]) -> Vec<Origin> {
    let count = plan.schema().fields().len();
    if made.len() == count {
        return made;
    }
    let all = inner.iter().flat_map(|origin| origin.uses.clone());
    let all: BTreeSet<Use> =
        all.map(|(table, column, way)| (table, column, way.max(Way::Derived))).collect();
    vec![Origin { uses: all, is_plain: false }; count]
}

#[cfg(test)]
mod tests;
