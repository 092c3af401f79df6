//! All rules of a table: those that are written, and those that other words of the contract imply.

use std::borrow::Cow;

use crate::product::{
    Column, Expectation, LogicalType, Measure, QualityRule, RuleKind, RuleValue, Table,
};

/// A rule, and what it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct TableRule<'a> {
    /// The column, below the objects that it lies in; empty for a rule of the table.
    pub(crate) path: Vec<&'a str>,
    pub(crate) rule: Cow<'a, QualityRule>,
}

impl TableRule<'_> {
    /// The column in words; `None` for a rule of the table.
    pub(crate) fn column_label(&self) -> Option<String> {
        (!self.path.is_empty()).then(|| self.path.join("."))
    }
}

/// All rules of a table.
pub(crate) fn rules(table: &Table) -> Vec<TableRule<'_>> {
    let of_table = |rule| TableRule { path: Vec::new(), rule };
    let mut rules: Vec<TableRule<'_>> =
        table.quality.iter().map(|rule| of_table(Cow::Borrowed(rule))).collect();
    let key = table.primary_key();
    if key.len() > 1 {
        let columns = key.iter().map(|name| (*name).to_owned()).collect();
        let measure = Measure::DuplicateValues(columns);
        rules.push(of_table(Cow::Owned(implied("primaryKey", measure, table.line))));
    }
    for column in &table.columns {
        let place = Place { path: vec![&column.name], is_countable: true };
        of_column(column, place, key.len() == 1, &mut rules);
    }
    rules
}

/// Where a column lies.
#[derive(Clone)]
struct Place<'a> {
    path: Vec<&'a str>,
    /// False inside arrays and maps, whose items are no rows.
    is_countable: bool,
}

fn of_column<'a>(
    column: &'a Column,
    place: Place<'a>,
    is_whole_key: bool,
    rules: &mut Vec<TableRule<'a>>,
) {
    let implicit = implicit(column, is_whole_key).into_iter().map(Cow::Owned);
    for rule in implicit.chain(column.quality.iter().map(Cow::Borrowed)) {
        let rule = if place.is_countable { rule } else { Cow::Owned(uncountable(rule)) };
        rules.push(TableRule { path: place.path.clone(), rule });
    }
    let is_object = matches!(column.logical_type, Some(LogicalType::Object) | None);
    for (index, child) in column.children.iter().enumerate() {
        let name = match (child.name.as_str(), index) {
            ("", 0) => "[]",
            ("", _) => "[value]",
            (name, _) => name,
        };
        let mut path = place.path.clone();
        path.push(name);
        let is_countable = place.is_countable && is_object && !child.name.is_empty();
        of_column(child, Place { path, is_countable }, false, rules);
    }
}

/// What the words of a column imply.
fn implicit(column: &Column, is_whole_key: bool) -> Vec<QualityRule> {
    let is_key = column.primary_key_position.is_some();
    let mut rules = Vec::new();
    let mut add = |key: &str, measure| rules.push(implied(key, measure, column.line));
    if column.is_required {
        add("required", Measure::NullValues);
    } else if is_key {
        add("primaryKey", Measure::NullValues);
    }
    if column.is_unique {
        add("unique", Measure::DuplicateValues(Vec::new()));
    } else if is_key && is_whole_key {
        add("primaryKey.unique", Measure::DuplicateValues(Vec::new()));
    }
    for limit in &column.limits {
        add(limit.as_str(), Measure::Beyond(limit.clone()));
    }
    rules
}

fn implied(key: &str, measure: Measure, line: u64) -> QualityRule {
    let dimension = match measure {
        Measure::NullValues => "completeness",
        Measure::DuplicateValues(_) => "uniqueness",
        _ => "conformity",
    };
    QualityRule {
        key: key.to_owned(),
        name: key.to_owned(),
        description: None,
        kind: RuleKind::Implicit,
        dimension: Some(dimension.to_owned()),
        severity: None,
        measure,
        expectation: Some(Expectation::Is(RuleValue::Whole(0))),
        is_percent: false,
        schedule: None,
        line,
    }
}

/// The same rule, of which is said that it is not run.
fn uncountable(rule: Cow<'_, QualityRule>) -> QualityRule {
    let why = "what is inside arrays and maps is not measured";
    QualityRule { measure: Measure::Nothing(why.to_owned()), ..rule.into_owned() }
}
