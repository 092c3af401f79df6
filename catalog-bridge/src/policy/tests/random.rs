//! The row filter shows exactly the rows that Cedar permits one by one.

use std::collections::{BTreeMap, HashMap, HashSet};

use cedar_policy::{
    Authorizer as Cedar, Decision as Ruling, Entity, PolicySet, Request, RestrictedExpression,
};
use chrono::TimeDelta;
use samite_engine::authorizer::{Comparison, Obligations, RowPredicate, Value};

use super::*;
use crate::policy::facts::Facts;
use crate::policy::vocabulary::{Verb, Vocabulary, entity, type_name};

/// The same numbers each time (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).expect("small")).expect("small")
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

const COUNTRIES: [&str; 3] = ["CH", "SE", "DE"];
const CITIES: [&str; 3] = ["a\"b", "", "Bern"];

fn numbers() -> Mesh {
    let required =
        |name: &str, logical| Column { is_required: true, ..column(name, logical, None) };
    let columns = vec![
        required("country", LogicalType::String),
        column("city", LogicalType::String, None),
        column("amount", LogicalType::Integer, None),
        Column {
            physical_type: Some("decimal(9,2)".to_owned()),
            ..required("due", LogicalType::Number)
        },
        column("day", LogicalType::Date, None),
        required("flag", LogicalType::Boolean),
    ];
    mesh(vec![product("a", "p", vec![port("x", "1.0.0", vec![table("t", columns)])])])
}

/// A condition over rows, who asks, and what for.
fn condition(random: &mut Random, depth: usize) -> String {
    if depth > 0 && random.below(3) > 0 {
        let left = condition(random, depth - 1);
        return match random.below(4) {
            0 => format!("!({left})"),
            1 => format!("(if principal.clearance > 1 then {left} else {})", leaf(random)),
            2 => format!("({left} && {})", condition(random, depth - 1)),
            _ => format!("({left} || {})", condition(random, depth - 1)),
        };
    }
    leaf(random)
}

fn leaf(random: &mut Random) -> String {
    let compared = random.one(&["==", "!=", "<", "<=", ">", ">="]).to_owned();
    let equal = random.one(&["==", "!="]).to_owned();
    match random.below(14) {
        0 => format!("resource.country {equal} {:?}", random.one(&COUNTRIES)),
        1 => format!("(resource has city && resource.city {equal} {:?})", random.one(&CITIES)),
        2 => {
            format!("!(resource has amount && resource.amount {compared} {})", random.below(4))
        }
        3 => format!("(resource has amount && {} {compared} resource.amount)", random.below(4)),
        4 => {
            let method =
                random.one(&["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"]);
            format!("resource.due.{method}(decimal(\"{}.5\"))", random.below(3))
        }
        5 => format!("resource.due {equal} decimal(\"{}.5\")", random.below(3)),
        6 => {
            let day = 1 + random.below(3);
            format!("(resource has day && resource.day {compared} datetime(\"2026-01-0{day}\"))")
        }
        7 => format!("(resource has day && resource.day {compared} context.now)"),
        8 => "resource.flag".to_owned(),
        9 => format!("[{:?}, principal.kind].contains(resource.country)", random.one(&COUNTRIES)),
        10 => "(principal has country && resource.country == principal.country)".to_owned(),
        11 => random.one(&["resource has city", "resource has country"]).to_owned(),
        12 => random
            .one(&[
                "principal in Mesh::Group::\"dpo\"",
                "context.purpose == \"audit\"",
                "resource in Mesh::Domain::\"a\"",
                "resource has nothing",
            ])
            .to_owned(),
        _ => format!("principal.clearance {compared} {}", random.below(4)),
    }
}

fn policies(random: &mut Random) -> String {
    let mut text = String::new();
    for number in 0..1 + random.below(4) {
        let effect = random.one(&["permit", "forbid"]);
        let scope = random.one(&[
            "resource",
            "resource in Mesh::Product::\"a.p\"",
            "resource is Mesh::Row__a__p__1",
            "resource in Mesh::Domain::\"elsewhere\"",
        ]);
        let clause = random.one(&["when", "unless"]);
        let condition = condition(random, 3);
        text.push_str(&format!(
            "@id(\"global/{number}\") {effect} (principal, action == Mesh::Action::\"readRow\", \
             {scope}) {clause} {{ {condition} }};\n"
        ));
    }
    text.push_str(
        "@id(\"global/all\") permit (principal, action in [Mesh::Action::\"select\", \
         Mesh::Action::\"readRaw\"], resource);",
    );
    text
}

type Row = BTreeMap<&'static str, Value>;

fn row(random: &mut Random) -> Row {
    let text = |text: &str| Value::Text(text.to_owned());
    let day = "2026-01-01T00:00:00Z".parse::<DateTime<Utc>>().expect("a day");
    let mut row = Row::from([
        ("country", text(random.one(&COUNTRIES))),
        ("due", Value::Decimal(5_000 + 10_000 * i64::try_from(random.below(3)).expect("small"))),
        ("flag", Value::Bool(random.below(2) == 0)),
    ]);
    if random.below(3) > 0 {
        row.insert("city", text(random.one(&CITIES)));
    }
    if random.below(3) > 0 {
        row.insert("amount", Value::Integer(i64::try_from(random.below(4)).expect("small")));
    }
    if random.below(3) > 0 {
        let days = i64::try_from(random.below(400)).expect("small");
        row.insert("day", Value::Instant(day + TimeDelta::days(days)));
    }
    row
}

/// What the filter says of a row, with the three values of SQL.
fn seen(filter: &RowPredicate, row: &Row) -> Option<bool> {
    match filter {
        RowPredicate::Constant(value) => Some(*value),
        RowPredicate::IsNull(column) => Some(!row.contains_key(column.as_str())),
        RowPredicate::Not(inner) => seen(inner, row).map(|value| !value),
        RowPredicate::And(items) => {
            let all: Vec<_> = items.iter().map(|item| seen(item, row)).collect();
            if all.contains(&Some(false)) {
                Some(false)
            } else {
                all.into_iter().collect::<Option<Vec<_>>>().map(|_| true)
            }
        }
        RowPredicate::Or(items) => {
            let all: Vec<_> = items.iter().map(|item| seen(item, row)).collect();
            if all.contains(&Some(true)) {
                Some(true)
            } else {
                all.into_iter().collect::<Option<Vec<_>>>().map(|_| false)
            }
        }
        RowPredicate::In { column, values } => {
            row.get(column.as_str()).map(|value| values.contains(value))
        }
        RowPredicate::Compare { column, comparison, value } => {
            let found = row.get(column.as_str())?;
            let order = order(found, value);
            Some(match comparison {
                Comparison::Equal => order.is_eq(),
                Comparison::NotEqual => order.is_ne(),
                Comparison::Less => order.is_lt(),
                Comparison::LessOrEqual => order.is_le(),
                Comparison::Greater => order.is_gt(),
                Comparison::GreaterOrEqual => order.is_ge(),
            })
        }
    }
}

fn order(left: &Value, right: &Value) -> std::cmp::Ordering {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Integer(left), Value::Integer(right))
        | (Value::Decimal(left), Value::Decimal(right)) => left.cmp(right),
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        (Value::Instant(left), Value::Instant(right)) => left.cmp(right),
        (left, right) => panic!("{left:?} beside {right:?}"),
    }
}

fn in_cedar(value: &Value) -> RestrictedExpression {
    match value {
        Value::Bool(value) => RestrictedExpression::new_bool(*value),
        Value::Integer(value) => RestrictedExpression::new_long(*value),
        Value::Decimal(value) => {
            let text = format!("{}.{:04}", value / 10_000, value % 10_000);
            RestrictedExpression::new_decimal(text)
        }
        Value::Text(text) => RestrictedExpression::new_string(text.clone()),
        Value::Instant(time) => {
            RestrictedExpression::new_datetime(crate::policy::agreement::cedar_time(*time))
        }
    }
}

/// What Cedar says of one row.
fn is_permitted(set: &PolicySet, request: &AccessRequest<'_>, row: &Row) -> bool {
    let words = Vocabulary::new().expect("words");
    let facts = Facts::new(&words, request).expect("facts");
    let uid = entity(&type_name("Row__a__p__1").expect("a type"), "row");
    let attributes: HashMap<String, RestrictedExpression> =
        row.iter().map(|(name, value)| ((*name).to_owned(), in_cedar(value))).collect();
    let parents = HashSet::from([facts.table.clone()]);
    let entity = Entity::new(uid.clone(), attributes, parents).expect("a row");
    let entities = facts.entities().expect("entities").add_entities([entity], None);
    let entities = entities.expect("entities");
    let asked = Request::new(
        facts.principal.clone(),
        words.action(Verb::ReadRow),
        uid,
        facts.context.clone(),
        None,
    );
    let asked = asked.expect("a request");
    let response = Cedar::new().is_authorized(&asked, set, &entities);
    let errors: Vec<_> = response.diagnostics().errors().collect();
    assert!(errors.is_empty(), "{errors:?}");
    response.decision() == Ruling::Allow
}

#[test]
fn row_filter_shows_the_rows_that_cedar_permits_one_by_one() {
    let mesh = numbers();
    let mut random = Random(20_261_122);
    let people = [
        principal("ada", &["dpo"], &[("country", "SE"), ("clearance", "3")]),
        principal("bo", &[], &[]),
    ];
    let (mut shown, mut hidden) = (0, 0);
    for _ in 0..120 {
        let text = policies(&mut random);
        let (loaded, problems) = load(&mesh, &[("mesh/policies/global.cedar", &text)]);
        let errors: Vec<_> =
            problems.iter().filter(|problem| problem.to_string().contains(": error: ")).collect();
        assert!(errors.is_empty(), "{errors:?}\n{text}");
        let set: PolicySet = text.parse().expect("policies");
        for who in &people {
            let purpose = Some("audit").filter(|_| random.below(2) == 0);
            let asked = (who, purpose);
            let decision = decide(&loaded, &mesh, ("a", "p"), asked);
            let Decision::Permit(Obligations { row_filter, .. }) = decision else {
                panic!("denied:\n{text}");
            };
            for _ in 0..30 {
                let row = row(&mut random);
                let is_seen =
                    row_filter.as_ref().is_none_or(|filter| seen(filter, &row) == Some(true));
                let expected = with_request(&mesh, ("a", "p"), asked, |request, _| {
                    is_permitted(&set, request, &row)
                });
                assert_eq!(is_seen, expected, "{row:?}\n{row_filter:?}\n{text}");
                if expected { shown += 1 } else { hidden += 1 }
            }
        }
    }
    assert!(shown > 500 && hidden > 500, "{shown} rows shown, {hidden} hidden");
}
