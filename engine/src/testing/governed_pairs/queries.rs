//! Queries that are made up.
//!
//! Only those of one table have predicates that fail: a join carries a predicate of one side to the other.

use super::cells::Family;
use super::dice::Dice;
use super::world::World;
use super::writer::{Atom, Scope, Writer};

/// What can be put into an order.
const ORDERED: [Family; 8] = [
    Family::Whole,
    Family::Exact,
    Family::Float,
    Family::Text,
    Family::Bool,
    Family::Day,
    Family::Instant,
    Family::Plain,
];

/// A query and how its answers are compared.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) sql: String,
    pub(super) order: Order,
    /// What of it fails on some values. A query with some may fail in one plan and not in another.
    pub(super) atoms: Vec<Atom>,
    /// True if no plan can make a difference: it fails or it does not.
    pub(super) is_strict: bool,
    /// The tables that it names, by their place.
    pub(super) tables: Vec<usize>,
}

/// What is said of the order of the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// Nothing.
    Any,
    /// They come in just this order.
    Given,
    /// Any so many of the rows that this query gives.
    SomeOf(String),
}

/// A query with its order; `None` if these tables have no such query.
type Form = Option<(String, Order)>;

/// Makes up one query.
pub(super) fn any_question(dice: &mut Dice, world: &World) -> Question {
    loop {
        let form = dice.roll(24);
        let mut writer = Writer::new(dice, world);
        let (made, is_strict) = match form {
            0..=2 => (writer.rows(), false),
            3 => (writer.grouped(), false),
            4 => (writer.counted(), false),
            5 => (writer.top(), false),
            6 => (writer.some(), false),
            7..=8 => (writer.joined(), false),
            9 => (writer.top_of_join(), false),
            10 => (writer.half_joined(), false),
            11 => (writer.with_scalar(), false),
            12 => (writer.windowed(), false),
            13 => (writer.united(), false),
            14 => (writer.distinct(), false),
            15 => (writer.recursive(), false),
            16 => (writer.rolled_up(), false),
            17 => (writer.lateral(), false),
            18 => (writer.with_values(), false),
            19 => (writer.aggregated_in_order(), false),
            20 => (writer.wrong_name(), true),
            21 => (writer.described(), true),
            22 => (writer.failing_rows(), true),
            _ => (writer.failing_filter(), true),
        };
        if let Some((sql, order)) = made {
            let is_strict = is_strict && !writer.asks_dictionaries;
            let (atoms, tables) = (writer.atoms, writer.used.into_iter().collect());
            return Question { sql, order, atoms, is_strict, tables };
        }
    }
}

impl<'a> Writer<'a> {
    fn outputs(&mut self, scope: Scope<'a>, most: usize) -> Vec<String> {
        (0..=self.dice.roll(most)).map(|_| self.output(scope)).collect()
    }

    /// `expression AS o1`: names that no two share.
    fn named(outputs: &[String]) -> String {
        let named =
            outputs.iter().enumerate().map(|(place, output)| format!("{output} AS o{place}"));
        named.collect::<Vec<_>>().join(", ")
    }

    fn rows(&mut self) -> Form {
        let scope = self.scope()?;
        let is_all = scope.table.columns.iter().all(|column| !column.is_salted);
        let list = match is_all && self.dice.once_in(2) {
            true => "*".to_owned(),
            false => Self::named(&self.outputs(scope, 4)),
        };
        let condition = self.condition(scope);
        let sql = format!("SELECT {list} FROM {} WHERE {condition}", scope.clause());
        Some(match self.dice.roll(4) {
            0 => (format!("WITH r AS ({sql}) SELECT * FROM r"), Order::Any),
            1 => (format!("SELECT * FROM ({sql}) r"), Order::Any),
            _ => (sql, Order::Any),
        })
    }

    fn aggregate(&mut self, scope: Scope<'a>) -> String {
        let condition = self.safe(scope, 1);
        let Some(column) = self.dice.one(&scope.table.columns) else {
            return "count(*)".to_owned();
        };
        let name = scope.of(column);
        let of = super::cells::family(&column.data_type);
        if column.is_salted || of == Family::Nested {
            return format!("count({name})");
        }
        match (of, self.dice.roll(7)) {
            (_, 0) => "count(*)".to_owned(),
            (_, 1) => format!("count(DISTINCT {name})"),
            (_, 2) => format!("count({name}) FILTER (WHERE {condition})"),
            (Family::Whole, 3..=4) => format!("sum({name} % 1000)"),
            (Family::Exact | Family::Float, 3) => format!("sum({name})"),
            (Family::Exact | Family::Float, 4) => format!("avg({name})"),
            (Family::Bool, _) => format!("bool_or({name}), bool_and({name})"),
            // Of a dictionary it is not known.
            (Family::Text | Family::Whole, 5) if !column.is_dictionary() => {
                format!("approx_distinct({name})")
            }
            _ => format!("min({name}), max({name})"),
        }
    }

    fn grouped(&mut self) -> Form {
        let scope = self.scope()?;
        let key = self.equal_column(scope)?;
        let (name, shown) = (scope.of(key), self.shown(scope, key));
        let list = if key.is_salted { String::new() } else { format!("{name}, ") };
        let (one, other) = (self.aggregate(scope), self.aggregate(scope));
        let condition = self.condition(scope);
        let more = self.dice.word(&["", " HAVING count(*) > 1", " HAVING count(*) = 1"]);
        let by =
            if self.dice.once_in(4) && !key.is_salted { format!("{name}, {shown}") } else { name };
        let sql = format!(
            "SELECT {list}{one}, {other} FROM {} WHERE {condition} GROUP BY {by}{more}",
            scope.clause()
        );
        Some((sql, Order::Any))
    }

    fn counted(&mut self) -> Form {
        let scope = self.scope()?;
        let all: Vec<String> = (0..3).map(|_| self.aggregate(scope)).collect();
        let condition =
            if self.dice.once_in(3) { "true".to_owned() } else { self.condition(scope) };
        let sql = format!("SELECT {} FROM {} WHERE {condition}", all.join(", "), scope.clause());
        Some((sql, Order::Any))
    }

    fn direction(&mut self) -> &'static str {
        self.dice.word(&["", " DESC", " NULLS FIRST", " DESC NULLS LAST"])
    }

    fn top(&mut self) -> Form {
        let scope = self.scope()?;
        let key = scope.key()?;
        let by = self.column(scope, &ORDERED)?;
        let (by, direction) = (scope.of(by), self.direction());
        let list = Self::named(&self.outputs(scope, 3));
        let condition = self.condition(scope);
        let (limit, offset) = (self.dice.roll(12), self.dice.roll(4));
        let sql = format!(
            "SELECT {list} FROM {} WHERE {condition} ORDER BY {by}{direction}, {key} LIMIT {limit} OFFSET {offset}",
            scope.clause()
        );
        Some((sql, Order::Given))
    }

    fn some(&mut self) -> Form {
        let scope = self.scope()?;
        let list = Self::named(&self.outputs(scope, 3));
        let condition = self.condition(scope);
        let whole = format!("SELECT {list} FROM {} WHERE {condition}", scope.clause());
        let limited = format!("{whole} LIMIT {}", self.dice.roll(15));
        Some((limited, Order::SomeOf(whole)))
    }

    fn join(&mut self) -> Option<(Scope<'a>, Scope<'a>, String)> {
        let (left, right) = (self.scope()?, self.scope()?);
        let (one, other) = self.pair(left, right)?;
        let kind = self.dice.word(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
        let more = match self.dice.roll(3) {
            0 => format!(" AND {}", self.safe(right, 1)),
            _ => String::new(),
        };
        let from = format!("{} {kind} {} ON {one} = {other}{more}", left.clause(), right.clause());
        Some((left, right, from))
    }

    fn joined(&mut self) -> Form {
        let (left, right, from) = self.join()?;
        let condition = format!("{} AND {}", self.safe(left, 2), self.safe(right, 1));
        let mut list = self.outputs(left, 2);
        list.extend(self.outputs(right, 2));
        let list = match self.dice.roll(3) {
            0 => format!("{}, {}", self.aggregate(left), self.aggregate(right)),
            _ => Self::named(&list),
        };
        let condition = if self.dice.once_in(3) { "true".to_owned() } else { condition };
        Some((format!("SELECT {list} FROM {from} WHERE {condition}"), Order::Any))
    }

    /// A join whose filter and a sort whose limit a plan sends down to what it reads.
    fn top_of_join(&mut self) -> Form {
        let (left, right, from) = self.join()?;
        let (one, other) = (left.key()?, right.key()?);
        let by = self.column(right, &ORDERED)?;
        let (by, direction) = (right.of(by), self.direction());
        let mut list = self.outputs(left, 1);
        list.extend(self.outputs(right, 1));
        let (list, limit) = (Self::named(&list), self.dice.roll(9));
        let condition = self.safe(left, 1);
        let sql = format!(
            "SELECT {list} FROM {from} WHERE {condition} ORDER BY {by}{direction}, {one}, {other} LIMIT {limit}"
        );
        Some((sql, Order::Given))
    }

    fn half_joined(&mut self) -> Form {
        let (left, right) = (self.scope()?, self.scope()?);
        let (one, other) = self.pair(left, right)?;
        let list = Self::named(&self.outputs(left, 3));
        let (condition, within) = (self.safe(left, 2), self.safe(right, 2));
        let (from, inner) = (left.clause(), right.clause());
        let not = self.dice.word(&["", "NOT "]);
        let half = match self.dice.roll(2) {
            0 => format!("{one} {not}IN (SELECT {other} FROM {inner} WHERE {within})"),
            _ => format!("{not}EXISTS (SELECT 1 FROM {inner} WHERE {one} = {other} AND {within})"),
        };
        let connective = if self.dice.once_in(4) { "OR" } else { "AND" };
        Some((
            format!("SELECT {list} FROM {from} WHERE ({condition}) {connective} {half}"),
            Order::Any,
        ))
    }

    fn with_scalar(&mut self) -> Form {
        let (left, right) = (self.scope()?, self.scope()?);
        let (one, other) = self.pair(left, right)?;
        let list = Self::named(&self.outputs(left, 2));
        let condition = self.safe(left, 1);
        let of = self.column(right, &ORDERED)?;
        let (from, inner, of) = (left.clause(), right.clause(), right.of(of));
        let correlated = self.dice.once_in(2);
        let within = if correlated { format!("{one} = {other}") } else { self.safe(right, 1) };
        let scalar = format!(
            "(SELECT {}({of}) FROM {inner} WHERE {within})",
            self.dice.word(&["min", "max", "count"])
        );
        Some((format!("SELECT {list}, {scalar} AS s FROM {from} WHERE {condition}"), Order::Any))
    }

    fn windowed(&mut self) -> Form {
        let scope = self.scope()?;
        let key = scope.key()?;
        let group = self.equal_column(scope)?;
        let by = self.column(scope, &ORDERED)?;
        let (group, by, direction) = (scope.of(group), scope.of(by), self.direction());
        let output = self.output(scope);
        let over = format!("OVER (PARTITION BY {group} ORDER BY {by}{direction}, {key}");
        let window = match self.dice.roll(5) {
            0 => format!("row_number() {over})"),
            1 => format!("rank() OVER (PARTITION BY {group} ORDER BY {by}{direction})"),
            2 => format!("lag({output}) {over})"),
            3 => format!("count(*) {over} ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)"),
            _ => format!("first_value({output}) {over})"),
        };
        let condition = self.condition(scope);
        let from = scope.clause();
        Some(match self.dice.roll(2) {
            0 => (
                format!("SELECT {key}, {window} AS w FROM {from} WHERE {condition} ORDER BY {key}"),
                Order::Given,
            ),
            _ => (
                format!(
                    "SELECT w, count(*) FROM (SELECT {window} AS w FROM {from} WHERE {condition}) GROUP BY w"
                ),
                Order::Any,
            ),
        })
    }

    fn united(&mut self) -> Form {
        let (left, right) = (self.scope()?, self.scope()?);
        let flat = [Family::Whole, Family::Exact, Family::Text, Family::Bool, Family::Day];
        let (one, other) = (self.column(left, &flat)?, self.column(right, &flat)?);
        let all = self.dice.word(&["UNION", "UNION ALL", "EXCEPT", "INTERSECT", "EXCEPT ALL"]);
        let (first, second) = (self.condition(left), self.safe(right, 2));
        Some((
            format!(
                "SELECT CAST({} AS VARCHAR) AS u FROM {} WHERE {first} {all} SELECT CAST({} AS VARCHAR) FROM {} WHERE {second}",
                left.of(one),
                left.clause(),
                right.of(other),
                right.clause()
            ),
            Order::Any,
        ))
    }

    fn distinct(&mut self) -> Form {
        let scope = self.scope()?;
        let column = self.column(scope, &ORDERED)?;
        let condition = self.condition(scope);
        let (name, from) = (scope.of(column), scope.clause());
        Some((
            format!("SELECT DISTINCT {name} FROM {from} WHERE {condition} ORDER BY {name}"),
            Order::Given,
        ))
    }

    fn recursive(&mut self) -> Form {
        let (first, next) = (self.scope()?, self.scope()?);
        let (start, key) = (first.key()?, next.key()?);
        let (begin, step) = (self.dice.between(1, 40), self.dice.between(1, 3));
        let condition = self.safe(next, 1);
        Some((
            format!(
                "WITH RECURSIVE r(id, n) AS (SELECT {start}, 0 FROM {} WHERE {start} = {begin} UNION ALL \
                 SELECT {key}, r.n + 1 FROM {} JOIN r ON {key} = r.id + {step} WHERE r.n < 6 AND {condition}) \
                 SELECT * FROM r",
                first.clause(),
                next.clause()
            ),
            Order::Any,
        ))
    }

    fn rolled_up(&mut self) -> Form {
        let scope = self.scope()?;
        let (one, other) = (self.column(scope, &ORDERED)?, self.column(scope, &ORDERED)?);
        if one.name == other.name {
            return None;
        }
        let (one, other) = (scope.of(one), scope.of(other));
        let sets = match self.dice.roll(3) {
            0 => format!("ROLLUP ({one}, {other})"),
            1 => format!("CUBE ({one}, {other})"),
            _ => format!("GROUPING SETS (({one}), ({other}), ())"),
        };
        let (aggregate, condition) = (self.aggregate(scope), self.condition(scope));
        Some((
            format!(
                "SELECT {one}, {other}, {aggregate} FROM {} WHERE {condition} GROUP BY {sets}",
                scope.clause()
            ),
            Order::Any,
        ))
    }

    fn lateral(&mut self) -> Form {
        let (left, right) = (self.scope()?, self.scope()?);
        let (one, other) = self.pair(left, right)?;
        let (list, shown) = (Self::named(&self.outputs(left, 1)), self.output(right));
        let (condition, within) = (self.safe(left, 2), self.safe(right, 1));
        Some((
            format!(
                "SELECT {list}, l.x FROM {}, LATERAL (SELECT {shown} AS x FROM {} WHERE {one} = {other} AND {within}) l WHERE {condition}",
                left.clause(),
                right.clause()
            ),
            Order::Any,
        ))
    }

    fn with_values(&mut self) -> Form {
        let scope = self.scope()?;
        let key = scope.key()?;
        let kind = self.dice.word(&["JOIN", "LEFT JOIN", "RIGHT JOIN"]);
        let values: Vec<String> =
            (0..=self.dice.roll(6)).map(|_| format!("({})", self.dice.between(1, 60))).collect();
        let list = Self::named(&self.outputs(scope, 2));
        let condition = if kind == "JOIN" { self.safe(scope, 2) } else { "true".to_owned() };
        Some((
            format!(
                "SELECT v.n, {list} FROM (VALUES {}) v(n) {kind} {} ON v.n = {key} WHERE {condition}",
                values.join(", "),
                scope.clause()
            ),
            Order::Any,
        ))
    }

    fn aggregated_in_order(&mut self) -> Form {
        let scope = self.scope()?;
        let key = scope.key()?;
        let column = self.column(scope, &ORDERED)?;
        let (name, direction, condition) =
            (scope.of(column), self.direction(), self.condition(scope));
        // Nothing comes after a key: an aggregate of several partitions takes it ill. The first value by a
        // constant fails an assertion of a debug build.
        let next = if name == key { String::new() } else { format!(", {key}") };
        let order = format!("ORDER BY {name}{direction}{next}");
        let aggregate = match self.dice.roll(2) {
            0 => format!("array_agg({name} {order})"),
            _ => format!("string_agg(CAST({key} AS VARCHAR), ',' {order})"),
        };
        Some((format!("SELECT {aggregate} FROM {} WHERE {condition}", scope.clause()), Order::Any))
    }

    /// A column that is not there, because of a policy or at all.
    fn wrong_name(&mut self) -> Form {
        let scope = self.scope()?;
        let absent = self.dice.one(&scope.table.absent).cloned();
        let name = absent.unwrap_or_else(|| "c99".to_owned());
        let from = scope.clause();
        Some((
            match self.dice.roll(3) {
                0 => format!("SELECT {name} FROM {from}"),
                1 => format!("SELECT 1 FROM {from} WHERE {}.{name} IS NULL", scope.alias),
                _ => format!("SELECT count(*) FROM {from} GROUP BY {}.{name}", scope.alias),
            },
            Order::Any,
        ))
    }

    fn described(&mut self) -> Form {
        let scope = self.scope()?;
        Some((format!("DESCRIBE d.p.{}", scope.table.name), Order::Given))
    }

    /// What fails stands where every row that is left passes, however the query is planned.
    fn failing_rows(&mut self) -> Form {
        let scope = self.scope()?;
        let (failing, safe) = (self.failing(scope)?, self.safe(scope, 2));
        let from = scope.clause();
        Some(match self.dice.roll(3) {
            0 => (format!("SELECT {failing} AS f FROM {from} WHERE {safe}"), Order::Any),
            1 => {
                (format!("SELECT count({failing}), count(*) FROM {from} WHERE {safe}"), Order::Any)
            }
            _ => (format!("SELECT DISTINCT {failing} AS f FROM {from}"), Order::Any),
        })
    }

    fn failing_filter(&mut self) -> Form {
        let scope = self.scope()?;
        let (failing, shown) = (self.failing(scope)?, Self::named(&self.outputs(scope, 3)));
        let from = scope.clause();
        Some((format!("SELECT {shown} FROM {from} WHERE {failing} <> 3"), Order::Any))
    }
}
