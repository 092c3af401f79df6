//! All rules of a table: those that are written, and those that other words of the contract imply.

use std::borrow::Cow;

use super::formats;
use crate::product::{
    Column, ColumnReference, Expectation, LogicalType, Measure, QualityRule, Relationship,
    RuleKind, RuleValue, Table, ValueLimit,
};

/// A rule, and what it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct TableRule<'a> {
    /// The column, and the way to what lies inside of it; empty for a rule of the table.
    pub(crate) path: Vec<Step<'a>>,
    pub(crate) rule: Cow<'a, QualityRule>,
}

/// A step on the way to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// Into the column, or the field of an object, of this name.
    Name(&'a str),
    /// Into the items of an array.
    Items,
    /// Into the keys of a map.
    Keys,
    /// Into the values of a map.
    Values,
}

impl TableRule<'_> {
    /// The column in words, such as `home.city` or `tags[]`; `None` for a rule of the table.
    pub(crate) fn column_label(&self) -> Option<String> {
        (!self.path.is_empty()).then(|| label(&self.path))
    }
}

/// The way to a value in words.
pub(crate) fn label(path: &[Step<'_>]) -> String {
    let mut label = String::new();
    for step in path {
        match step {
            Step::Name(name) => {
                if !label.is_empty() {
                    label.push('.');
                }
                label.push_str(name);
            }
            Step::Items => label.push_str("[]"),
            Step::Keys => label.push_str("[key]"),
            Step::Values => label.push_str("[value]"),
        }
    }
    label
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
        of_column(column, vec![Step::Name(&column.name)], key.len() == 1, &mut rules);
    }
    for (index, relationship) in table.relationships.iter().enumerate() {
        rules.push(of_relationship(table, relationship, index));
    }
    rules
}

fn of_column<'a>(
    column: &'a Column,
    path: Vec<Step<'a>>,
    is_whole_key: bool,
    rules: &mut Vec<TableRule<'a>>,
) {
    let led = column.relationships.iter().enumerate().map(|(index, relationship)| {
        foreign_key(relationship, format!("relationships[{index}]"), names(&path))
    });
    let implicit = implicit(column, is_whole_key).into_iter().chain(led).map(Cow::Owned);
    for rule in implicit.chain(column.quality.iter().map(Cow::Borrowed)) {
        rules.push(TableRule { path: path.clone(), rule });
    }
    for (index, child) in column.children.iter().enumerate() {
        let step = match (column.logical_type, child.name.as_str(), index) {
            (Some(LogicalType::Map), _, 0) => Step::Keys,
            (Some(LogicalType::Map), _, _) => Step::Values,
            (Some(LogicalType::Array | LogicalType::Vector), _, _) | (_, "", _) => Step::Items,
            (_, name, _) => Step::Name(name),
        };
        let mut path = path.clone();
        path.push(step);
        of_column(child, path, false, rules);
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
        let unchecked = match limit {
            ValueLimit::Format(format) => formats::unchecked(format, column.logical_type),
            _ => None,
        };
        let measure = match unchecked {
            Some(why) => Measure::Nothing(why),
            None => Measure::Beyond(limit.clone()),
        };
        add(limit.as_str(), measure);
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

/// The names on the way to a value; `None` if it lies inside of an array or a map.
fn names(path: &[Step<'_>]) -> Option<Vec<String>> {
    let name = |step: &Step<'_>| match step {
        Step::Name(name) => Some((*name).to_owned()),
        Step::Items | Step::Keys | Step::Values => None,
    };
    path.iter().map(name).collect()
}

/// The rule of a relationship of the table: of its column, if it begins at a single one.
fn of_relationship<'a>(
    table: &'a Table,
    relationship: &'a Relationship,
    index: usize,
) -> TableRule<'a> {
    let here = |reference: &ColumnReference| {
        let is_here = reference.contract.is_none() && reference.names(table);
        reference.columns(table).filter(|_| is_here)
    };
    let from: Option<Vec<Vec<String>>> = relationship.from.iter().map(here).collect();
    let from = from.filter(|from| !from.is_empty());
    let column = from.as_deref().and_then(|from| match from {
        [path] => path.first(),
        _ => None,
    });
    let column = table.columns.iter().find(|known| Some(&known.name) == column);
    let path = match (column, from.as_deref()) {
        (Some(column), Some([path])) if path.len() == 1 => vec![Step::Name(&column.name)],
        _ => Vec::new(),
    };
    let key = format!("table.relationships[{index}]");
    let measure = match from {
        Some(from) => references(relationship, from),
        None => Measure::Impossible("it begins at no column of the table".to_owned()),
    };
    let rule = QualityRule { key, ..of_key(relationship, measure) };
    TableRule { path, rule: Cow::Owned(rule) }
}

/// The rule of a relationship that begins at a column.
fn foreign_key(
    relationship: &Relationship,
    key: String,
    column: Option<Vec<String>>,
) -> QualityRule {
    let measure = match column {
        Some(column) => references(relationship, vec![column]),
        None => Measure::Nothing("where items of arrays and maps lead is not measured".to_owned()),
    };
    QualityRule { key, ..of_key(relationship, measure) }
}

fn references(relationship: &Relationship, from: Vec<Vec<String>>) -> Measure {
    if relationship.to.len() != from.len() {
        let message = "it leads from and to different numbers of columns";
        return Measure::Impossible(message.to_owned());
    }
    Measure::MissingReferences { from, to: relationship.to.clone() }
}

fn of_key(relationship: &Relationship, measure: Measure) -> QualityRule {
    QualityRule {
        name: relationship.name.clone(),
        dimension: Some("consistency".to_owned()),
        ..implied("foreignKey", measure, relationship.line)
    }
}
