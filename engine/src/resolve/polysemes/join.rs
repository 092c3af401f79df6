//! The joins of one statement, written out.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, ExceptSelectItem, ExcludeSelectItem, Expr, Ident, Join, JoinConstraint,
    JoinOperator, ObjectName, Select, SelectItem, TableFactor, TableWithJoins,
    WildcardAdditionalOptions,
};

use super::super::Lookup;
use super::bound::{self, Bound};
use super::mapping::Mapping;
use super::{WrittenOut, call};
use crate::error::{Error, ErrorKind, Result};
use crate::polysemes;

/// Writes out joins.
pub(super) struct Joiner<'a> {
    lookup: &'a Lookup<'a>,
    expressions: BTreeSet<String>,
    written: WrittenOut,
}

/// Which rows a join keeps without a partner, and so whose columns are never without a value that was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeps {
    /// Those of neither side, or of the left one.
    Left,
    Right,
    Both,
    /// The join gives the columns of its left side alone.
    LeftOnly,
    RightOnly,
}

impl<'a> Joiner<'a> {
    pub(super) fn new(lookup: &'a Lookup<'a>, expressions: BTreeSet<String>) -> Self {
        Self { lookup, expressions, written: WrittenOut::default() }
    }

    pub(super) fn into_written(self) -> WrittenOut {
        self.written
    }

    /// Writes out the joins of one SELECT.
    pub(super) fn select(&mut self, select: &mut Select) -> Result<()> {
        let mut added = Vec::new();
        for chain in &mut select.from {
            self.chain(chain, &mut added)?;
        }
        if !added.is_empty() {
            select.projection.iter_mut().for_each(|item| leave_out(item, &added));
        }
        Ok(())
    }

    /// Writes out a chain of joins; the columns that it has to offer to what it is joined with.
    fn chain(&mut self, chain: &mut TableWithJoins, added: &mut Vec<Ident>) -> Result<Vec<Bound>> {
        let mut left = self.relation(&mut chain.relation, added)?;
        for join in &mut chain.joins {
            let mut right = self.relation(&mut join.relation, added)?;
            let Some((condition, keeps)) = constraint(&mut join.join_operator) else {
                left.append(&mut right);
                continue;
            };
            for word in words(condition)? {
                self.join(join, &word, (&mut left, &mut right), added)?;
            }
            match keeps {
                Keeps::LeftOnly => {}
                Keeps::RightOnly => left = right,
                Keeps::Left | Keeps::Right | Keeps::Both => left.append(&mut right),
            }
        }
        Ok(left)
    }

    fn relation(
        &mut self,
        relation: &mut TableFactor,
        added: &mut Vec<Ident>,
    ) -> Result<Vec<Bound>> {
        match relation {
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                self.chain(table_with_joins, added)
            }
            relation => {
                let expressions = &self.expressions;
                let is_expression = |name: &str| expressions.contains(name);
                bound::of_relation(relation, self.lookup, is_expression)
            }
        }
    }

    /// Writes out what one word says of one join.
    fn join(
        &mut self,
        join: &mut Join,
        word: &[String],
        (left, right): (&mut Vec<Bound>, &mut Vec<Bound>),
        added: &mut Vec<Ident>,
    ) -> Result<()> {
        let Some((_, keeps)) = constraint(&mut join.join_operator) else { return Ok(()) };
        let meant = polysemes::meant(self.lookup.mesh, name_of(word))?;
        let (here, there) = match same_definition(left, right, &meant) {
            Some(pair) => pair,
            None => (
                only(left, &meant, "before", name_of(word))?,
                only(right, &meant, "after", name_of(word))?,
            ),
        };
        same_type(&here, &there)?;
        let condition = if here.key == there.key {
            self.written.pairs.push((here.joined.clone(), there.joined.clone()));
            equal(here.expr(), there.expr())
        } else {
            if matches!(keeps, Keeps::Right | Keeps::Both | Keeps::RightOnly) {
                let message = "POLYSEME through a mapping joins INNER or LEFT";
                return Err(Error::new(ErrorKind::Unsupported, message)
                    .with_hint("name the mapping in the statement, and what it is joined on"));
            }
            let mapping =
                Mapping::find(self.lookup, (&here, &there), word.get(1).map(String::as_str))?;
            self.written.added += 1;
            let relation = mapping.relation(self.written.added)?;
            if keeps == Keeps::Left {
                added.extend(relation.columns.clone());
            }
            self.written.pairs.push((here.joined.clone(), mapping.from.clone()));
            self.written.pairs.push((mapping.to.clone(), there.joined.clone()));
            let condition = equal(here.expr(), relation.from.clone());
            let inner = equal(relation.to.clone(), there.expr());
            nest(&mut join.relation, relation.factor, inner);
            condition
        };
        if let Some((constraint, _)) = constraint(&mut join.join_operator) {
            put(constraint, &condition)?;
        }
        match keeps {
            Keeps::Left | Keeps::LeftOnly => right.retain(|bound| bound.joined != there.joined),
            Keeps::Right | Keeps::RightOnly => left.retain(|bound| bound.joined != here.joined),
            Keeps::Both => {}
        }
        Ok(())
    }
}

fn name_of(word: &[String]) -> &str {
    word.first().map_or("", String::as_str)
}

/// The only two columns, one of each side, that are bound to one definition.
fn same_definition(
    left: &[Bound],
    right: &[Bound],
    meant: &BTreeSet<String>,
) -> Option<(Bound, Bound)> {
    let here = left.iter().filter(|bound| meant.contains(&bound.key));
    let mut pairs = here.flat_map(|here| {
        right.iter().filter(|there| there.key == here.key).map(move |there| (here, there))
    });
    let (here, there) = pairs.next().filter(|_| pairs.next().is_none())?;
    Some((here.clone(), there.clone()))
}

/// The one column among those that is bound to what is meant.
fn only(bound: &[Bound], meant: &BTreeSet<String>, side: &str, word: &str) -> Result<Bound> {
    let found: Vec<&Bound> = bound.iter().filter(|bound| meant.contains(&bound.key)).collect();
    let error = |message: String| Error::new(ErrorKind::InvalidQuery, message);
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(error(format!("no column {side} this JOIN is bound to \"{word}\"")).with_hint(
            "see mesh.discovery.polysemes; only tables of products that are named in FROM count",
        )),
        several => {
            let names: Vec<String> = several.iter().map(|bound| bound.shown()).collect();
            Err(error(format!("several columns {side} this JOIN are bound to \"{word}\""))
                .with_detail(names.join(", "))
                .with_hint("write which of them are equal: ON a.x = b.y"))
        }
    }
}

/// Numbers are no texts: `7` and `'007'` would be joined, or would not, by chance.
fn same_type(here: &Bound, there: &Bound) -> Result<()> {
    match (here.logical_type, there.logical_type) {
        (Some(one), Some(other)) if one != other => {
            let message = format!(
                "{} is a {} and {} a {}",
                here.shown(),
                one.as_str(),
                there.shown(),
                other.as_str()
            );
            Err(Error::new(ErrorKind::ContractViolated, message)
                .with_detail("they are bound to one definition, and have different types")
                .with_hint("write how they are to be compared: ON CAST(a.x AS TEXT) = b.y"))
        }
        _ => Ok(()),
    }
}

/// The condition of a join, and what the join keeps; `None` for one without.
fn constraint(operator: &mut JoinOperator) -> Option<(&mut JoinConstraint, Keeps)> {
    Some(match operator {
        JoinOperator::Join(on)
        | JoinOperator::Inner(on)
        | JoinOperator::StraightJoin(on)
        | JoinOperator::Left(on)
        | JoinOperator::LeftOuter(on) => (on, Keeps::Left),
        JoinOperator::Right(on) | JoinOperator::RightOuter(on) => (on, Keeps::Right),
        JoinOperator::FullOuter(on) => (on, Keeps::Both),
        JoinOperator::Semi(on)
        | JoinOperator::LeftSemi(on)
        | JoinOperator::Anti(on)
        | JoinOperator::LeftAnti(on) => (on, Keeps::LeftOnly),
        JoinOperator::RightSemi(on) | JoinOperator::RightAnti(on) => (on, Keeps::RightOnly),
        JoinOperator::CrossJoin(_)
        | JoinOperator::CrossApply
        | JoinOperator::OuterApply
        | JoinOperator::AsOf { .. }
        | JoinOperator::ArrayJoin
        | JoinOperator::LeftArrayJoin
        | JoinOperator::InnerArrayJoin => return None,
    })
}

/// The calls among the terms of a condition, each with its arguments.
fn words(constraint: &JoinConstraint) -> Result<Vec<Vec<String>>> {
    let JoinConstraint::On(expr) = constraint else { return Ok(Vec::new()) };
    let mut words = Vec::new();
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        match expr {
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                open.extend([right.as_ref(), left.as_ref()]);
            }
            Expr::Nested(inner) => open.push(inner),
            expr => words.extend(call(expr)?),
        }
    }
    Ok(words)
}

/// Puts a condition in the place of the first call.
fn put(constraint: &mut JoinConstraint, condition: &Expr) -> Result<()> {
    let JoinConstraint::On(expr) = constraint else { return Ok(()) };
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        match expr {
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                open.extend([right.as_mut(), left.as_mut()]);
            }
            Expr::Nested(inner) => open.push(inner),
            expr => {
                if call(expr)?.is_some() {
                    *expr = condition.clone();
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

pub(super) fn equal(left: Expr, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op: BinaryOperator::Eq, right: Box::new(right) }
}

/// `b` becomes `(mapping JOIN b ON condition)`.
fn nest(relation: &mut TableFactor, mapping: TableFactor, condition: Expr) {
    let chain = TableWithJoins { relation: mapping, joins: Vec::new() };
    let nested = TableFactor::NestedJoin { table_with_joins: Box::new(chain), alias: None };
    let inner = std::mem::replace(relation, nested);
    if let TableFactor::NestedJoin { table_with_joins, .. } = relation {
        table_with_joins.joins.push(Join {
            relation: inner,
            global: false,
            join_operator: JoinOperator::Inner(JoinConstraint::On(condition)),
        });
    }
}

/// Leaves the columns that were added out of `*`.
fn leave_out(item: &mut SelectItem, added: &[Ident]) {
    let SelectItem::Wildcard(options) = item else { return };
    let WildcardAdditionalOptions { opt_exclude, opt_except, .. } = options;
    let mut names = added.to_vec();
    match (opt_exclude, opt_except) {
        (Some(exclude), _) => {
            let mut all = match exclude {
                ExcludeSelectItem::Single(name) => vec![name.clone()],
                ExcludeSelectItem::Multiple(names) => names.clone(),
            };
            all.extend(names.into_iter().map(ObjectName::from));
            *exclude = ExcludeSelectItem::Multiple(all);
        }
        (None, Some(except)) => except.additional_elements.append(&mut names),
        (None, except) => {
            let first = names.remove(0);
            *except = Some(ExceptSelectItem { first_element: first, additional_elements: names });
        }
    }
}
