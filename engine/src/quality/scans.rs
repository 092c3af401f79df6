//! The queries that measure what the rules of a table count.
//!
//! ```text
//! SELECT count(*), count(*) FILTER (WHERE ..), ..  FROM table              rules that count rows: one scan
//! SELECT count(*) FROM (SELECT .. GROUP BY key HAVING count(*) > 1)        keys that occur twice: one each
//! SELECT count(*) FROM keys LEFT ANTI JOIN keys of the other table         keys that lead nowhere: one each
//! ```

use super::expression::Counted;
use super::place::quoted;
use crate::product::TableName;

/// Rules of one scan, and the length of its text in bytes: a very wide table is scanned a few times.
const RULES_MAX: usize = 300;
const TEXT_BYTES_MAX: usize = 128 << 10;

/// A query whose first column is the number of all rows, and each other the number of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scan {
    pub(super) sql: String,
    /// The rules, in the order of the columns.
    pub(super) rules: Vec<usize>,
}

/// The full name of a table as SQL.
pub(super) fn full_name(name: &TableName) -> String {
    let parts = [&name.domain, &name.product.to_string(), &name.table].map(|part| quoted(part));
    parts.join(".")
}

/// The scans that count rows for these rules.
pub(super) fn scans(table: &str, rules: &[(usize, Counted)]) -> Vec<Scan> {
    let mut scans: Vec<Scan> = Vec::new();
    let mut open: Option<Scan> = None;
    for (index, counted) in rules {
        let Some(term) = term(counted) else { continue };
        let is_full = open.as_ref().is_some_and(|scan| {
            scan.rules.len() >= RULES_MAX || scan.sql.len() + term.len() > TEXT_BYTES_MAX
        });
        if is_full {
            scans.extend(open.take());
        }
        let scan = open.get_or_insert_with(|| Scan {
            sql: "SELECT count(*) AS \"rows\"".to_owned(),
            rules: Vec::new(),
        });
        scan.sql.push_str(&format!(", {term} AS \"rule {index}\""));
        scan.rules.push(*index);
    }
    scans.extend(open);
    for scan in &mut scans {
        scan.sql.push_str(&format!(" FROM {table}"));
    }
    scans
}

fn term(counted: &Counted) -> Option<String> {
    match counted {
        Counted::Rows => Some("count(*)".to_owned()),
        Counted::RowsWhere(condition) => Some(format!("count(*) FILTER (WHERE {condition})")),
        Counted::SharedKeys(_) | Counted::LostKeys(..) => None,
    }
}

/// The query that counts the keys which several rows have. A key with a NULL in it is none, as in `UNIQUE`.
pub(super) fn shared_keys(table: &str, keys: &[String]) -> String {
    let known: Vec<String> = keys.iter().map(|key| format!("{key} IS NOT NULL")).collect();
    let (known, keys) = (known.join(" AND "), keys.join(", "));
    format!(
        "SELECT count(*) AS \"keys\" FROM (SELECT count(*) AS \"rows\" FROM {table} WHERE {known} \
         GROUP BY {keys} HAVING count(*) > 1) AS \"shared\""
    )
}

/// The query that counts the rows of a table whose key another table does not have. A key with a NULL in it leads
/// nowhere on purpose.
pub(super) fn lost_keys(
    (table, keys): (&str, &[String]),
    (other, known): (&str, &[String]),
) -> String {
    let named = |keys: &[String]| {
        let keys = keys.iter().enumerate().map(|(at, key)| format!("{key} AS \"key {at}\""));
        keys.collect::<Vec<_>>().join(", ")
    };
    let each =
        |term: fn(usize) -> String| (0..keys.len()).map(term).collect::<Vec<_>>().join(" AND ");
    let equal = each(|at| format!("\"leading\".\"key {at}\" = \"known\".\"key {at}\""));
    let given = each(|at| format!("\"leading\".\"key {at}\" IS NOT NULL"));
    format!(
        "SELECT count(*) AS \"rows\" FROM (SELECT {} FROM {table}) AS \"leading\" \
         LEFT ANTI JOIN (SELECT {} FROM {other}) AS \"known\" ON {equal} WHERE {given}",
        named(keys),
        named(known),
    )
}
