//! Masks that show four characters, over columns whose values the contract promises to be short: such values are seen
//! whole, or nearly so.

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::pst::{BinaryOp, Clause, Expr, Literal, UnaryOp};
use cedar_policy::{
    PartialEntities, PartialEntityUid, PartialRequest, Policy, PolicySet, PolicySetError, Schema,
};
use chrono::DateTime;
use samite_engine::authorizer::{AccessRequest, Mask};
use samite_engine::product::{Column, DataProduct, Mesh, OutputPort, Table, ValueLimit};
use samite_engine::session::Principal;

use super::facts::{ColumnFacts, Facts, Undecided};
use super::file::Rule;
use super::schema::RowTypes;
use super::vocabulary::{Verb, Vocabulary, column_id, entity, table_id};
use crate::problems::Finding;

/// Up to this many characters, half of a value and more is seen.
const SHORT: u64 = 8;

/// What a mask shows, in characters.
const SHOWN: u64 = 4;

/// The columns that are looked at for one policy.
const LOOKS_MAX: usize = 1_000;

/// What a policy that may mask a short column so is told, by the file of the policy: of the first such column.
pub(super) fn findings(
    rules: &[Arc<Rule>],
    mesh: &Mesh,
    (words, rows): (&Vocabulary, &RowTypes),
) -> Vec<(String, Finding)> {
    let shows = |rule: &&Arc<Rule>| matches!(rule.mask, Some(Mask::ShowFirst4 | Mask::ShowLast4));
    let showing: Vec<&Arc<Rule>> = rules.iter().filter(shows).collect();
    if showing.is_empty() {
        return Vec::new();
    }
    let short = short_columns(mesh);
    let found = showing.into_iter().filter_map(|rule| {
        let (syntax, file) = (&rule.syntax, rule.source.as_ref()?.file.clone());
        let schema = rows.schema_for(None, &syntax.attributes, &syntax.kinds).ok()?;
        let set = alone(rule).ok()?;
        let asked = Asked { words, set, schema, text: rule.policy.to_string() };
        // What cannot be evaluated here is found out where it is needed.
        let is_it = |column: &&ShortColumn<'_>| asked.may_mask(column).unwrap_or(false);
        let column = asked.different(&short).find(is_it)?;
        Some((file, finding(rule, column)))
    });
    found.collect()
}

fn alone(rule: &Rule) -> Result<PolicySet, Box<PolicySetError>> {
    PolicySet::from_policies([rule.policy.clone()]).map_err(Box::new)
}

fn finding(rule: &Rule, short: &ShortColumn<'_>) -> Finding {
    let (id, table) = (&rule.id, table_id(short.product, short.port, short.table));
    let (column, longest) = (&short.column.name, short.longest);
    let mask = rule.mask.map(Mask::as_str).unwrap_or_default();
    let seen = if longest <= SHOWN { "whole" } else { "half or more" };
    let message = format!(
        "policy \"{id}\": {mask} shows values of column \"{column}\" of {table} {seen}: they have at most {longest} \
         characters"
    );
    let hint = "offer mask-alphanum, sha-256-global or mask-to-fixed-value for short values";
    Finding { line: None, ..Finding::warning(1, "", message).with_hint(hint) }
}

/// A column whose values are short, as its contract promises.
struct ShortColumn<'a> {
    product: &'a DataProduct,
    port: &'a OutputPort,
    table: &'a Table,
    column: &'a Column,
    longest: u64,
}

fn short_columns(mesh: &Mesh) -> Vec<ShortColumn<'_>> {
    let mut short = Vec::new();
    for product in mesh.products() {
        for port in &product.ports {
            for table in &port.contract.tables {
                short.extend(table.columns.iter().filter_map(|column| {
                    let longest = longest(column).filter(|longest| *longest <= SHORT)?;
                    Some(ShortColumn { product, port, table, column, longest })
                }));
            }
        }
    }
    // The shortest are the ones that say most.
    short.sort_by_key(|column| column.longest);
    short
}

fn longest(column: &Column) -> Option<u64> {
    let lengths = column.limits.iter().filter_map(|limit| match limit {
        ValueLimit::LengthAtMost(length) => Some(*length),
        _ => None,
    });
    lengths.min()
}

struct Asked<'a> {
    words: &'a Vocabulary,
    set: PolicySet,
    schema: Schema,
    /// The policy as Cedar writes it.
    text: String,
}

impl Asked<'_> {
    /// Some of the columns: those that the policy names, and of others that are alike in one table, one.
    fn different<'a>(
        &self,
        short: &'a [ShortColumn<'a>],
    ) -> impl Iterator<Item = &'a ShortColumn<'a>> {
        let mut seen = BTreeSet::new();
        let is_new = move |column: &&ShortColumn<'_>| {
            let table = table_id(column.product, column.port, column.table);
            self.names(&column_id(&table, &column.column.name))
                || seen.insert((table, ColumnFacts::of(column.column)))
        };
        short.iter().filter(is_new).take(LOOKS_MAX)
    }

    fn names(&self, id: &str) -> bool {
        self.text.contains(&format!("\"{id}\""))
    }

    /// True if the policy permits masked values of the column to somebody, for some purpose.
    fn may_mask(&self, short: &ShortColumn<'_>) -> Result<bool, Undecided> {
        let nobody = Principal::anonymous();
        let (product, port, table) = (short.product, short.port, short.table);
        let request = AccessRequest {
            principal: &nobody,
            purpose: None,
            now: DateTime::UNIX_EPOCH,
            channel: "",
            product,
            port,
            table,
        };
        let facts = Facts::new(self.words, &request)?;
        let column = entity(&self.words.column, &column_id(&facts.table_id, &short.column.name));
        let told = |error: &dyn ToString| error.to_string();
        let asked = PartialRequest::new(
            PartialEntityUid::new(self.words.user.clone(), None),
            self.words.action(Verb::ReadMasked),
            PartialEntityUid::from_concrete(column.clone()),
            None,
            &self.schema,
        );
        let asked = asked.map_err(|error| told(&error))?;
        for of_column in ColumnFacts::of(short.column) {
            let known = facts.partial_entities_with(&column, &of_column, &self.schema)?;
            let known = PartialEntities::from_partial_entities(known, &self.schema);
            let known = known.map_err(|error| told(&error))?;
            let answer = self.set.tpe(&asked, &known, &self.schema);
            let answer = answer.map_err(|error| told(&error))?;
            let is_sure = answer.true_permits().next().is_some();
            if is_sure || answer.residual_policies().any(|residual| may_hold(&residual)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// True if what is left of a policy can hold for somebody. Cedar folds no constants beside what it does not know.
fn may_hold(residual: &Policy) -> bool {
    let Ok(tree) = residual.to_pst() else { return true };
    tree.body().clauses().iter().all(|clause| match clause {
        Clause::When(condition) => known(condition) != Some(false),
        Clause::Unless(condition) => known(condition) != Some(true),
    })
}

fn known(condition: &Expr) -> Option<bool> {
    match condition {
        Expr::Literal(Literal::Bool(value)) => Some(*value),
        Expr::UnaryOp { op: UnaryOp::Not, expr } => known(expr).map(|value| !value),
        Expr::BinaryOp { op: BinaryOp::And, left, right } => match (known(left), known(right)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), other) | (other, Some(true)) => other,
            (None, None) => None,
        },
        Expr::BinaryOp { op: BinaryOp::Or, left, right } => match (known(left), known(right)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), other) | (other, Some(false)) => other,
            (None, None) => None,
        },
        _ => None,
    }
}
