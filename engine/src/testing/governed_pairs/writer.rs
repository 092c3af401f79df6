//! Writes the parts of queries: columns, literals and predicates.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::DataType;

use super::cells::{Family, any_day, any_text, family};
use super::dice::Dice;
use super::world::{MadeTable, SeenColumn, World};

const COMPARED: [&str; 6] = ["=", "<>", "<", "<=", ">", ">="];

/// What masked texts begin with.
const FIXED: &str = concat!("XX", "XX");

const ALIASES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// Writes one query.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    pub(super) dice: &'a mut Dice,
    world: &'a World,
    /// What of this query fails on some values.
    pub(super) atoms: Vec<Atom>,
    /// True if some of it is asked of each value of a dictionary, and of more values than rows have.
    pub(super) asks_dictionaries: bool,
    /// The tables that the query names.
    pub(super) used: BTreeSet<usize>,
    aliases: usize,
}

/// A part of a query that fails on some values.
#[derive(Debug)]
pub(super) struct Atom {
    /// A query that fails where this part does, over all that is seen of its table.
    pub(super) sql: String,
    /// The table, by its place.
    pub(super) place: usize,
}

/// A table in a query.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) table: &'a MadeTable,
    place: usize,
    pub(super) alias: &'static str,
}

impl Scope<'_> {
    /// The table with its alias.
    pub(super) fn clause(&self) -> String {
        format!("d.p.{} {}", self.table.name, self.alias)
    }

    /// A column that no two rows share; `None` if it is not seen as it is.
    pub(super) fn key(&self) -> Option<String> {
        let is_raw = !self.table.obligations.masks.contains_key("id");
        let is_there = self.table.columns.iter().any(|column| column.name == "id");
        (is_raw && is_there).then(|| format!("{}.id", self.alias))
    }

    pub(super) fn of(&self, column: &SeenColumn) -> String {
        format!("{}.{}", self.alias, column.name)
    }
}

impl<'a> Writer<'a> {
    pub(super) fn new(dice: &'a mut Dice, world: &'a World) -> Self {
        Self {
            dice,
            world,
            atoms: Vec::new(),
            asks_dictionaries: false,
            used: BTreeSet::new(),
            aliases: 0,
        }
    }

    /// One of the tables, by an alias of its own.
    pub(super) fn scope(&mut self) -> Option<Scope<'a>> {
        let place = self.dice.roll(self.world.tables.len());
        self.used.insert(place);
        let alias = ALIASES.get(self.aliases).copied()?;
        self.aliases += 1;
        Some(Scope { table: self.world.tables.get(place)?, place, alias })
    }

    /// Tries to find a column of these families whose values can be told.
    pub(super) fn column(&mut self, scope: Scope<'a>, of: &[Family]) -> Option<&'a SeenColumn> {
        let fitting: Vec<&SeenColumn> = scope
            .table
            .columns
            .iter()
            .filter(|column| !column.is_salted && of.contains(&family(&column.data_type)))
            .collect();
        self.dice.one(&fitting).copied()
    }

    /// A column to group or to join by: its values may be salted, if they do not meet by chance.
    pub(super) fn equal_column(&mut self, scope: Scope<'a>) -> Option<&'a SeenColumn> {
        let is_wide = |column: &SeenColumn| match family(&column.data_type) {
            Family::Whole => column.data_type.primitive_width().is_some_and(|width| width >= 4),
            other => other != Family::Nested,
        };
        let fitting = |column: &&SeenColumn| {
            family(&column.data_type) != Family::Nested && (!column.is_salted || is_wide(column))
        };
        let fitting: Vec<&SeenColumn> = scope.table.columns.iter().filter(fitting).collect();
        self.dice.one(&fitting).copied()
    }

    /// Two columns of one type, to join by.
    pub(super) fn pair(&mut self, left: Scope<'a>, right: Scope<'a>) -> Option<(String, String)> {
        let column = self.equal_column(left)?;
        let is_alike = |other: &&SeenColumn| {
            other.data_type == column.data_type && other.is_salted == column.is_salted
        };
        let alike: Vec<&SeenColumn> = right.table.columns.iter().filter(is_alike).collect();
        let other = self.dice.one(&alike).copied()?;
        Some((left.of(column), right.of(other)))
    }

    /// An expression that is the same however it is run.
    pub(super) fn output(&mut self, scope: Scope<'a>) -> String {
        let Some(column) = self.dice.one(&scope.table.columns) else { return "1".to_owned() };
        self.shown(scope, column)
    }

    /// A column, or what can be told of it.
    pub(super) fn shown(&mut self, scope: Scope<'a>, column: &SeenColumn) -> String {
        let name = scope.of(column);
        let of = family(&column.data_type);
        if column.is_salted {
            return match of {
                Family::Text => format!("length({name})"),
                _ => format!("{name} IS NULL"),
            };
        }
        if !self.dice.once_in(4) {
            return name;
        }
        match (of, &column.data_type) {
            (Family::Whole, _) => format!("{name} % 7"),
            (Family::Text, _) => match self.dice.roll(5) {
                0 => format!("upper({name})"),
                1 => format!("substr({name}, 2, 3)"),
                2 => format!("length({name})"),
                3 => format!("md5({name})"),
                _ => format!("coalesce({name}, 'none')"),
            },
            (Family::Day | Family::Instant, _) => match self.dice.roll(3) {
                0 => format!("extract(year FROM {name})"),
                1 => format!("date_trunc('month', {name})"),
                _ => format!("arrow_typeof({name})"),
            },
            (Family::Nested, DataType::List(_)) => format!("{name}[1]"),
            (Family::Nested, _) => format!("{name}['a']"),
            _ => format!("coalesce({name}, {name})"),
        }
    }

    /// A literal that a column of this type can be compared with.
    fn literal(&mut self, data_type: &DataType) -> Option<String> {
        let number = self.dice.between(-10, 40);
        Some(match family(data_type) {
            Family::Whole if self.dice.once_in(3) => {
                format!("arrow_cast({}, '{data_type}')", number.abs())
            }
            Family::Whole => number.to_string(),
            Family::Exact if self.dice.once_in(2) => {
                format!("arrow_cast('{number}.25', '{data_type}')")
            }
            Family::Exact | Family::Float => format!("{number}.5"),
            Family::Text => {
                let known = any_text(self.dice, &self.world.texts);
                let covered = self.dice.word(&["xx", "xn", "x", "n", "", "xxxx", FIXED]);
                let text = if self.dice.once_in(3) { covered.to_owned() } else { known };
                format!("'{text}'")
            }
            Family::Bool => self.dice.word(&["true", "false"]).to_owned(),
            Family::Day => format!("DATE '{}'", self.day()),
            Family::Instant => format!("TIMESTAMP '{} 06:00:00'", self.day()),
            Family::Plain | Family::Nested => return None,
        })
    }

    fn day(&mut self) -> String {
        let day = any_day(self.dice);
        let date = chrono::DateTime::from_timestamp(i64::from(day) * 86_400, 0);
        date.map_or_else(|| "1970-01-01".to_owned(), |date| date.date_naive().to_string())
    }

    /// A predicate that cannot fail.
    pub(super) fn safe(&mut self, scope: Scope<'a>, depth: usize) -> String {
        match self.dice.roll(if depth == 0 { 8 } else { 12 }) {
            8 => format!("NOT ({})", self.safe(scope, depth - 1)),
            9..=11 => {
                let connective = self.dice.word(&["AND", "OR"]);
                let left = self.safe(scope, depth - 1);
                format!("({left} {connective} {})", self.safe(scope, depth - 1))
            }
            _ => self.comparison(scope),
        }
    }

    fn comparison(&mut self, scope: Scope<'a>) -> String {
        let Some(column) = self.dice.one(&scope.table.columns) else { return "true".to_owned() };
        let name = scope.of(column);
        let is_null = format!("{name} IS {}NULL", self.dice.word(&["", "NOT "]));
        if column.is_salted || self.dice.once_in(8) {
            return is_null;
        }
        let compared = self.dice.word(&COMPARED);
        let Some(literal) = self.literal(&column.data_type) else { return is_null };
        match (family(&column.data_type), self.dice.roll(9)) {
            (Family::Bool, 0..=3) => name,
            (Family::Text, 0) => {
                format!("{name} LIKE '{}%'", self.dice.word(&["x", "A", "XX", "4"]))
            }
            (Family::Text, 1) => format!("{name} ILIKE '%{}_%'", self.dice.word(&["x", "n", "b"])),
            (Family::Text, 2) => format!("{name} ~ '{}'", self.dice.word(&["^x", "n$", "[0-9]"])),
            (Family::Text, 3) => format!("length({name}) {compared} {}", self.dice.roll(9)),
            (Family::Text, 4) => format!("coalesce({name}, 'x') {compared} {literal}"),
            (Family::Whole, 0) => format!("{name} % 3 = {}", self.dice.roll(3)),
            (Family::Whole, 1) => format!("nullif({name}, {literal}) {compared} 3"),
            (Family::Whole, 2) => format!("CASE WHEN {name} > 5 THEN true ELSE {is_null} END"),
            (_, 5) => format!("{name} IS DISTINCT FROM {literal}"),
            (_, 6) => self.among(&name, &column.data_type, literal),
            (_, 7) => {
                let most = self.literal(&column.data_type).unwrap_or_default();
                format!("{name} BETWEEN {literal} AND {most}")
            }
            _ if self.dice.once_in(4) => format!("{literal} {compared} {name}"),
            _ => format!("{name} {compared} {literal}"),
        }
    }

    fn among(&mut self, name: &str, data_type: &DataType, literal: String) -> String {
        let mut values = vec![literal];
        for _ in 0..self.dice.roll(5) {
            values.extend(self.literal(data_type));
        }
        if self.dice.once_in(6) {
            values.push("NULL".to_owned());
        }
        let not = self.dice.word(&["", "NOT "]);
        format!("{name} {not}IN ({})", values.join(", "))
    }

    /// An expression that fails on some values, and its name among the atoms.
    pub(super) fn failing(&mut self, scope: Scope<'a>) -> Option<String> {
        let of = [Family::Whole, Family::Text, Family::Exact, Family::Float];
        let column = self.column(scope, &of)?;
        let name = scope.of(column);
        let number = self.dice.between(0, 40);
        let failing = match (family(&column.data_type), self.dice.roll(4)) {
            (Family::Text, 0) => format!("CAST({name} AS INT)"),
            (Family::Text, 1) => format!("CAST(substr({name}, 1, 1) AS BIGINT)"),
            (Family::Text, 2) => format!("length(CAST(CAST({name} AS DATE) AS VARCHAR))"),
            (Family::Text, _) => format!("CAST({name} AS DECIMAL(5, 1))"),
            (Family::Whole, 0) => format!("100 % ({name} - {number})"),
            (Family::Whole, 1) => format!("CAST({name} + 110 AS TINYINT)"),
            (Family::Whole, _) => format!("100 / ({name} - {number})"),
            (Family::Exact, _) => format!("CAST({name} * 4 AS TINYINT)"),
            _ => format!("CAST({name} * 16 AS TINYINT)"),
        };
        self.asks_dictionaries |= column.is_dictionary();
        // An aggregate of it is asked of each row; whether it is NULL is known beforehand of some.
        let sql = format!("SELECT max({failing}) FROM {}", scope.clause());
        self.atoms.push(Atom { sql, place: scope.place });
        Some(failing)
    }

    /// A predicate, of which some parts may fail.
    pub(super) fn condition(&mut self, scope: Scope<'a>) -> String {
        let safe = self.safe(scope, 2);
        if !self.dice.once_in(5) {
            return safe;
        }
        let Some(failing) = self.failing(scope) else { return safe };
        let failing = format!("{failing} <> 3");
        match self.dice.roll(4) {
            0 => failing,
            1 => format!("{safe} AND {failing}"),
            2 => format!("{failing} OR {safe}"),
            _ => format!("CASE WHEN {safe} THEN {failing} ELSE false END"),
        }
    }
}
