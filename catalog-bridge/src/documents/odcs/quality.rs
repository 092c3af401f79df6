//! `quality[]` of a contract: rules for tables and columns.

use super::shared::{custom_properties, definitions, id};
use crate::documents::check::Check;
use crate::documents::node::Node;
use crate::documents::shape::{Field, List, Shape, text, texts, word};

/// The rules of a table or a column.
pub(super) static RULES: List = List::of(Shape::Special(check_rule));

static COMMON: &[Field] = &[
    id(),
    definitions(),
    text("businessImpact"),
    custom_properties(),
    text("description"),
    word(
        "dimension",
        &[
            "accuracy",
            "completeness",
            "conformity",
            "consistency",
            "coverage",
            "timeliness",
            "uniqueness",
        ],
    ),
    text("method"),
    text("name"),
    text("schedule"),
    text("scheduler"),
    text("severity"),
    texts("tags"),
    word("type", &["text", "library", "sql", "custom"]),
    text("unit"),
];

static LIBRARY: &[Field] = &[
    word(
        "metric",
        &["nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount"],
    )
    .required(),
    text("rule"),
    Field::new("arguments", Shape::Mapping),
];

static SQL: &[Field] = &[text("query").required()];

static CUSTOM: &[Field] =
    &[text("engine").required(), Field::new("implementation", Shape::TextOrMapping).required()];

/// What a value is held against: exactly one of them.
static OPERATORS: &[Field] = &[
    Field::new("mustBe", Shape::Any),
    Field::new("mustNotBe", Shape::Any),
    Field::new("mustBeGreaterThan", Shape::Number),
    Field::new("mustBeGreaterOrEqualTo", Shape::Number),
    Field::new("mustBeLessThan", Shape::Number),
    Field::new("mustBeLessOrEqualTo", Shape::Number),
    Field::new("mustBeBetween", Shape::List(&BOUNDS)),
    Field::new("mustNotBeBetween", Shape::List(&BOUNDS)),
];

static BOUNDS: List = List { item: Shape::Number, count: (2, 2), is_unique: true };

/// The type of a rule decides what else it has; a metric makes it one of the library.
fn check_rule<'a>(check: &mut Check<'a>, node: &'a Node) {
    let rule_type = node.text_of("type");
    let is_library = rule_type == Some("library") || node.text_of("metric").is_some();
    let is_sql = rule_type == Some("sql");
    let mut tables = vec![COMMON];
    if is_library {
        tables.push(LIBRARY);
    }
    if is_sql {
        tables.push(SQL);
    }
    if rule_type == Some("custom") {
        tables.push(CUSTOM);
    }
    let has_operator = is_library || is_sql;
    if has_operator {
        tables.push(OPERATORS);
    }
    check.keys(node, "quality rule", &tables);
    if has_operator {
        check_operator(check, node);
    }
}

fn check_operator<'a>(check: &mut Check<'a>, node: &'a Node) {
    let used: Vec<_> =
        OPERATORS.iter().map(|field| field.key).filter(|key| node.get(key).is_some()).collect();
    if used.len() == 1 {
        return;
    }
    let message = match used.as_slice() {
        [] => "the rule compares with nothing".to_owned(),
        several => format!("the rule has {} comparisons: {}", several.len(), several.join(", ")),
    };
    let all: Vec<_> = OPERATORS.iter().map(|field| field.key).collect();
    check.report(node.line, message, format!("expected exactly one of {}", all.join(", ")));
}
