//! `quality[]`, `enum` and `logicalTypeOptions` of a contract: what its data are held to.
//!
//! A rule that cannot be run stays, and says why.

use std::collections::BTreeMap;

use samite_engine::product::{
    Expectation, Measure, QualityRule, QueryPart, RuleKind, RuleValue, ValueLimit,
};
use samite_engine::quality::check_schedule;

use super::extensions;
use super::variables::expand;
use crate::documents::{Amount, Edition, Node, Value};
use crate::problems::Finding;

/// What stands for the table in a query, and what for the column.
const TABLE_WORDS: [&str; 4] = ["object", "model", "table", "schema"];
const COLUMN_WORDS: [&str; 3] = ["property", "column", "field"];

/// What a rule belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Table,
    Column,
}

/// The rules of a table or a column.
pub(super) fn rules(
    node: &Node,
    owner: Owner,
    (edition, variables): (Edition, &BTreeMap<String, String>),
) -> Vec<QualityRule> {
    let rules = node.items_of("quality").iter().enumerate();
    rules.map(|(index, node)| Reader { node, owner, edition, variables }.rule(index)).collect()
}

/// What the values of a column are held to.
pub(super) fn limits(node: &Node) -> Vec<ValueLimit> {
    let mut limits = Vec::new();
    let listed = node.items_of("enum");
    if !listed.is_empty() {
        let values = listed.iter().filter_map(|entry| value_of(entry.get("value")?));
        limits.push(ValueLimit::OneOf(values.collect()));
    }
    let Some(options) = node.get("logicalTypeOptions") else { return limits };
    let value = |key: &str| value_of(options.get(key)?);
    let size = |key: &str| u64::try_from(options.get(key)?.whole()?).ok();
    limits.extend(value("minimum").map(ValueLimit::AtLeast));
    limits.extend(value("exclusiveMinimum").filter(is_bound).map(ValueLimit::Above));
    limits.extend(value("maximum").map(ValueLimit::AtMost));
    limits.extend(value("exclusiveMaximum").filter(is_bound).map(ValueLimit::Below));
    limits.extend(value("multipleOf").map(ValueLimit::MultipleOf));
    limits.extend(size("minLength").map(ValueLimit::LengthAtLeast));
    limits.extend(size("maxLength").map(ValueLimit::LengthAtMost));
    let pattern = options.text_of("pattern").map(str::to_owned);
    limits.extend(pattern.map(ValueLimit::Matches));
    limits.extend(size("minItems").map(ValueLimit::ItemsAtLeast));
    limits.extend(size("maxItems").map(ValueLimit::ItemsAtMost));
    if options.is_true("uniqueItems") {
        limits.push(ValueLimit::ItemsUnique);
    }
    limits.extend(size("minProperties").map(ValueLimit::FieldsAtLeast));
    limits.extend(size("maxProperties").map(ValueLimit::FieldsAtMost));
    let format = options.text_of("format").map(str::to_owned);
    limits.extend(format.map(ValueLimit::Format));
    limits
}

/// The problem of a rule whose schedule is for cron and cannot be read: it is checked with all others only.
pub(super) fn unreadable_schedule(node: &Node, path: &str) -> Option<Finding> {
    let scheduler = node.text_of("scheduler").unwrap_or("cron");
    let schedule = node.get("schedule").filter(|_| scheduler.eq_ignore_ascii_case("cron"))?;
    let why = check_schedule(schedule.text()?).err()?;
    let message = format!("found {}: {why}", schedule.describe());
    let finding = Finding::warning(schedule.line, format!("{path}.schedule"), message);
    Some(finding.with_hint("expected five fields of cron, for instance 0 6 * * 1-5"))
}

fn is_bound(value: &RuleValue) -> bool {
    !matches!(value, RuleValue::Boolean(_))
}

/// One rule.
#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    owner: Owner,
    edition: Edition,
    variables: &'a BTreeMap<String, String>,
}

impl Reader<'_> {
    fn rule(self, index: usize) -> QualityRule {
        let text = |key: &str| self.node.text_of(key).map(str::to_owned);
        let kind = match self.node.text_of("type") {
            _ if self.node.text_of("metric").is_some() => RuleKind::Library,
            Some("sql") => RuleKind::Sql,
            Some("custom") => RuleKind::Custom,
            Some("text") => RuleKind::Text,
            _ => RuleKind::Library,
        };
        let unit = self.node.text_of("unit").unwrap_or_default().trim().to_ascii_lowercase();
        let is_percent = matches!(unit.as_str(), "percent" | "percentage" | "%");
        let measure = match kind {
            RuleKind::Library => self.library(is_percent),
            RuleKind::Sql => self.query(),
            RuleKind::Custom => {
                let engine = self.node.text_of("engine").unwrap_or("another program");
                Measure::Nothing(format!("it is for {engine}"))
            }
            RuleKind::Text | RuleKind::Implicit => Measure::Nothing("it is prose".to_owned()),
        };
        let metric = || text("metric").unwrap_or_else(|| kind.as_str().to_owned());
        QualityRule {
            key: format!("quality[{index}]"),
            name: text("id").or_else(|| text("name")).unwrap_or_else(metric),
            description: text("description"),
            kind,
            dimension: text("dimension"),
            severity: text("severity"),
            measure,
            expectation: self.expectation(),
            is_percent,
            schedule: text("schedule"),
            line: self.node.line,
        }
    }

    fn library(self, is_percent: bool) -> Measure {
        let metric = self.node.text_of("metric").unwrap_or_default();
        let is_of_table = self.owner == Owner::Table;
        let misplaced = match metric {
            "rowCount" if !is_of_table => Some("a table"),
            "nullValues" | "missingValues" | "invalidValues" if is_of_table => Some("a column"),
            _ => None,
        };
        if let Some(place) = misplaced {
            return Measure::Impossible(format!("{metric} is measured of {place}"));
        }
        if is_percent && matches!(metric, "rowCount" | "duplicateValues") {
            return Measure::Impossible(format!("{metric} is not measured in percent"));
        }
        let arguments = self.node.get("arguments");
        let list = |key: &str| arguments?.get(key).filter(|list| is_list(list));
        let values = |list: &Node| list.items().iter().filter_map(value_of).collect::<Vec<_>>();
        match metric {
            "rowCount" => Measure::RowCount,
            "nullValues" => Measure::NullValues,
            "missingValues" => {
                Measure::MissingValues(list("missingValues").map(values).unwrap_or_default())
            }
            "invalidValues" => {
                let valid = list("validValues").map(values);
                let pattern = arguments.and_then(|it| it.text_of("pattern")).map(str::to_owned);
                if valid.is_none() && pattern.is_none() {
                    let message = "invalidValues needs validValues or a pattern";
                    return Measure::Impossible(message.to_owned());
                }
                Measure::InvalidValues { valid, pattern }
            }
            "duplicateValues" => {
                let columns: Vec<String> = list("properties").map_or_else(Vec::new, |list| {
                    list.items().iter().filter_map(|item| item.text().map(str::to_owned)).collect()
                });
                if is_of_table && columns.is_empty() {
                    let message = "duplicateValues of a table needs the argument properties";
                    return Measure::Impossible(message.to_owned());
                }
                Measure::DuplicateValues(if is_of_table { columns } else { Vec::new() })
            }
            "" => Measure::Impossible("the rule has no metric".to_owned()),
            other => Measure::Impossible(format!("there is no metric \"{other}\"")),
        }
    }

    fn query(self) -> Measure {
        let query = self.node.text_of("query").unwrap_or_default();
        let dialect = extensions::value(self.node, "sqlDialect", self.edition);
        let dialect = dialect.and_then(Node::text).map(str::to_owned);
        let mut parts = Vec::new();
        for part in cut(query) {
            parts.push(match part {
                QueryPart::Text(text) => match expand(&text, self.variables) {
                    Ok(text) => QueryPart::Text(text),
                    Err(unset) => {
                        return Measure::Impossible(format!(
                            "variable \"{}\" of its query is not set",
                            unset.0
                        ));
                    }
                },
                QueryPart::Column if self.owner == Owner::Table => {
                    let message = "its query names a column, and it is a rule of the table";
                    return Measure::Impossible(message.to_owned());
                }
                name => name,
            });
        }
        Measure::Query { parts, dialect }
    }

    fn expectation(self) -> Option<Expectation> {
        let value = |key: &str| value_of(self.node.get(key)?);
        let pair = |key: &str| match self.node.items_of(key) {
            [low, high] => Some((value_of(low)?, value_of(high)?)),
            _ => None,
        };
        value("mustBe")
            .map(Expectation::Is)
            .or_else(|| value("mustNotBe").map(Expectation::IsNot))
            .or_else(|| value("mustBeGreaterThan").map(Expectation::Above))
            .or_else(|| value("mustBeGreaterOrEqualTo").map(Expectation::AtLeast))
            .or_else(|| value("mustBeLessThan").map(Expectation::Below))
            .or_else(|| value("mustBeLessOrEqualTo").map(Expectation::AtMost))
            .or_else(|| pair("mustBeBetween").map(|(a, b)| Expectation::Between(a, b)))
            .or_else(|| pair("mustNotBeBetween").map(|(a, b)| Expectation::NotBetween(a, b)))
    }
}

fn is_list(node: &Node) -> bool {
    matches!(node.value, Value::List(_))
}

/// A value; `None` for nothing, lists and mappings.
fn value_of(node: &Node) -> Option<RuleValue> {
    Some(match &node.value {
        Value::Boolean(value) => RuleValue::Boolean(*value),
        Value::Text(text) => RuleValue::Text(text.clone()),
        Value::Number(number) => match number.amount {
            Amount::Whole(value) => RuleValue::Whole(value),
            Amount::Float(value) => RuleValue::Float(value),
        },
        Value::Null | Value::List(_) | Value::Map(_) => return None,
    })
}

/// Cuts a query where `{object}`, `{property}` and their likes stand, with or without `$` and quotes around
/// them.
fn cut(query: &str) -> Vec<QueryPart> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = query;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let word = after.split_once('}').map(|(word, behind)| (part(word), behind));
        let Some((Some(part), behind)) = word else {
            text.push('{');
            rest = after;
            continue;
        };
        if text.ends_with('$') {
            text.pop();
        }
        let quote = text.chars().last().filter(|sign| matches!(sign, '"' | '\'' | '`'));
        rest = behind;
        if let Some(quote) = quote
            && let Some(behind) = behind.strip_prefix(quote)
        {
            text.pop();
            rest = behind;
        }
        if !text.is_empty() {
            parts.push(QueryPart::Text(std::mem::take(&mut text)));
        }
        parts.push(part);
    }
    text.push_str(rest);
    if !text.is_empty() {
        parts.push(QueryPart::Text(text));
    }
    parts
}

fn part(word: &str) -> Option<QueryPart> {
    match word {
        word if TABLE_WORDS.contains(&word) => Some(QueryPart::Table),
        word if COLUMN_WORDS.contains(&word) => Some(QueryPart::Column),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::yaml;

    fn read(text: &str, owner: Owner) -> Vec<QualityRule> {
        let root = yaml::parse(text.as_bytes()).unwrap();
        let variables = BTreeMap::from([("DAY".to_owned(), "{object}".to_owned())]);
        rules(&root, owner, (Edition::Newer, &variables))
    }

    fn text(text: &str) -> QueryPart {
        QueryPart::Text(text.to_owned())
    }

    #[test]
    fn query_is_cut_where_names_are_put_in() {
        use QueryPart::{Column, Table};
        for (query, expected) in [
            ("SELECT 1", vec![text("SELECT 1")]),
            ("FROM {object} x", vec![text("FROM "), Table, text(" x")]),
            ("FROM ${model}", vec![text("FROM "), Table]),
            ("a \"{property}\" b", vec![text("a "), Column, text(" b")]),
            ("a `${column}`", vec![text("a "), Column]),
            ("'{table} x'", vec![text("'"), Table, text(" x'")]),
            ("{other} {", vec![text("{other} {")]),
            ("{{field}}", vec![text("{"), Column, text("}")]),
            ("${VAR}", vec![text("${VAR}")]),
        ] {
            assert_eq!(cut(query), expected, "{query}");
        }
    }

    #[test]
    fn each_kind_of_rule_is_read() {
        let yaml = "quality:\n\
            - {metric: rowCount, mustBeGreaterThan: 5, id: some_rows}\n\
            - {type: sql, query: 'SELECT ${DAY} FROM {object}', mustBeBetween: [0.5, 2], unit: rows}\n\
            - {type: text, description: all is well}\n\
            - {type: custom, engine: soda, implementation: x}\n\
            - {metric: nullValues, mustBe: 0}\n\
            - {type: sql, query: '${SECRET}', mustBe: true}\n\
            - {metric: duplicateValues, mustBe: 0, arguments: {properties: [a, b]}, severity: low}\n\
            - {metric: rowCount, mustBe: 1, unit: percent}\n";
        let rules = read(yaml, Owner::Table);
        let measures: Vec<_> = rules.iter().map(|rule| rule.measure.clone()).collect();
        let impossible = |why: &str| Measure::Impossible(why.to_owned());
        assert_eq!(
            measures,
            [
                Measure::RowCount,
                Measure::Query {
                    parts: vec![text("SELECT {object} FROM "), QueryPart::Table],
                    dialect: None
                },
                Measure::Nothing("it is prose".to_owned()),
                Measure::Nothing("it is for soda".to_owned()),
                impossible("nullValues is measured of a column"),
                impossible("variable \"SECRET\" of its query is not set"),
                Measure::DuplicateValues(vec!["a".to_owned(), "b".to_owned()]),
                impossible("rowCount is not measured in percent"),
            ]
        );
        let expected: Vec<_> =
            rules.iter().map(|rule| rule.expectation.as_ref().map(ToString::to_string)).collect();
        let expected: Vec<_> = expected.iter().map(Option::as_deref).collect();
        assert_eq!(
            expected,
            [
                Some("> 5"),
                Some("between 0.5 and 2"),
                None,
                None,
                Some("= 0"),
                Some("= true"),
                Some("= 0"),
                Some("= 1")
            ]
        );
        let named: Vec<_> = rules.iter().map(|rule| (rule.name.as_str(), rule.line)).collect();
        assert_eq!(named[0], ("some_rows", 2));
        assert_eq!(named[4], ("nullValues", 6));
        assert!(rules[7].is_percent && !rules[1].is_percent);
    }

    #[test]
    fn schedule_that_cron_does_not_read_is_told_by_its_line() {
        for (rule, expected) in [
            ("{schedule: 0 6 * * 1-5}", None),
            ("{schedule: 'at six'}", Some((2, "quality[0].schedule"))),
            ("{schedule: '0 25 * * *', scheduler: Cron}", Some((2, "quality[0].schedule"))),
            ("{schedule: nightly, scheduler: airflow}", None),
            ("{scheduler: cron}", None),
        ] {
            let root = yaml::parse(format!("rule:\n  {rule}\n").as_bytes()).unwrap();
            let found = unreadable_schedule(root.get("rule").unwrap(), "quality[0]");
            let place = found.as_ref().and_then(|it| Some((it.line?, it.path.as_str())));
            assert_eq!(place, expected, "{rule}");
        }
    }

    #[test]
    fn limits_of_a_column_are_read() {
        let root = yaml::parse(
            b"enum: [{value: a}, {value: 2}, {value: null}]\n\
             logicalTypeOptions: {minimum: 1, exclusiveMaximum: 2.5, pattern: '^a', maxLength: 3, uniqueItems: true,\n\
             \x20 maxProperties: 2, format: uuid}\n",
        )
        .unwrap();
        let words: Vec<_> = limits(&root).iter().map(ValueLimit::as_str).collect();
        assert_eq!(
            words,
            [
                "enum",
                "minimum",
                "exclusiveMaximum",
                "maxLength",
                "pattern",
                "uniqueItems",
                "maxProperties",
                "format"
            ]
        );
        let values = vec![RuleValue::Text("a".to_owned()), RuleValue::Whole(2)];
        assert_eq!(limits(&root)[0], ValueLimit::OneOf(values));
    }
}
