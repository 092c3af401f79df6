//! Completes keywords, and the names of products, tables and columns.

use std::collections::BTreeSet;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::record_batch::RecordBatch;
use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};
use samite_engine::Result;

use super::connection::Connection;
use super::statements::{command_of, is_complete};

/// Columns of the mesh beyond these are not offered.
const COLUMNS_MAX: usize = 50_000;

/// More candidates than these help nobody.
const CANDIDATES_MAX: usize = 200;

const KEYWORDS: [&str; 64] = [
    "ALL",
    "AND",
    "ANTI",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "COUNT",
    "CROSS",
    "DATE",
    "DESC",
    "DESCRIBE",
    "DISTINCT",
    "ELSE",
    "END",
    "EXCEPT",
    "EXISTS",
    "EXPLAIN",
    "EXPLAIN ANALYZE",
    "EXTRACT",
    "FALSE",
    "FILTER",
    "FIRST",
    "FROM",
    "FULL",
    "GROUP BY",
    "HAVING",
    "ILIKE",
    "IN",
    "INNER",
    "INTERSECT",
    "INTERVAL",
    "IS",
    "JOIN",
    "LAST",
    "LEFT",
    "LIKE",
    "LIMIT",
    "NOT",
    "NULL",
    "NULLS",
    "OFFSET",
    "ON",
    "OR",
    "ORDER BY",
    "OUTER",
    "OVER",
    "PARTITION BY",
    "RESET",
    "RIGHT",
    "SELECT",
    "SET",
    "SHOW TABLES",
    "SUM",
    "THEN",
    "TIMESTAMP",
    "TRUE",
    "UNION",
    "USING",
    "WHEN",
    "WHERE",
    "WITH",
];

/// What the line editor asks while somebody types.
#[derive(Default)]
pub(super) struct Completion {
    names: BTreeSet<String>,
}

impl Completion {
    /// Learns the names of the mesh; without names if the mesh does not tell them.
    pub(super) async fn learn(connection: &mut Connection) -> Self {
        Self { names: names(connection).await.unwrap_or_default() }
    }

    /// Where the word before `position` begins, and what it can become.
    fn candidates(&self, line: &str, position: usize) -> (usize, Vec<String>) {
        let before = line.get(..position).unwrap_or(line);
        let begin = before
            .char_indices()
            .rev()
            .find(|(_, letter)| letter.is_whitespace() || "(),;=<>+-*/".contains(*letter))
            .map_or(0, |(at, letter)| at + letter.len_utf8());
        let word = before.get(begin..).unwrap_or_default();
        if word.is_empty() {
            return (begin, Vec::new());
        }
        let lower = word.to_ascii_lowercase();
        let names = self.names.range(lower.clone()..).take_while(|name| name.starts_with(&lower));
        let is_lower = word.chars().all(|letter| !letter.is_ascii_uppercase());
        let keywords =
            KEYWORDS.iter().filter(|keyword| keyword.to_ascii_lowercase().starts_with(&lower)).map(
                |keyword| {
                    if is_lower { keyword.to_ascii_lowercase() } else { (*keyword).to_owned() }
                },
            );
        (begin, names.cloned().chain(keywords).take(CANDIDATES_MAX).collect())
    }
}

async fn names(connection: &mut Connection) -> Result<BTreeSet<String>> {
    let answer = connection
        .ask(&format!(
            "SELECT table_catalog, table_schema, table_name, column_name \
             FROM information_schema.columns LIMIT {COLUMNS_MAX}"
        ))
        .await?;
    let mut names = BTreeSet::new();
    for batch in answer.collect().await? {
        for row in texts(&batch)? {
            let [domain, product, table, column] = row;
            let (product, table) = (identifier(&product), identifier(&table));
            names.insert(domain.clone());
            names.insert(format!("{domain}.{product}"));
            names.insert(format!("{domain}.{product}.{table}"));
            names.insert(identifier(&column));
        }
    }
    Ok(names)
}

/// The first four columns as texts.
fn texts(batch: &RecordBatch) -> Result<Vec<[String; 4]>> {
    let columns = batch
        .columns()
        .iter()
        .map(|column| cast(column, &DataType::Utf8))
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(datafusion::error::DataFusionError::from)?;
    let [first, second, third, fourth] = columns.as_slice() else { return Ok(Vec::new()) };
    let text = |column: &dyn Array, row| column.as_string::<i32>().value(row).to_owned();
    let rows = (0..batch.num_rows())
        .map(|row| [text(first, row), text(second, row), text(third, row), text(fourth, row)]);
    Ok(rows.collect())
}

/// The name as SQL writes it: quoted if it must be.
fn identifier(name: &str) -> String {
    let is_plain = name.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '_')
        && name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

impl Completer for Completion {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.candidates(line, position))
    }
}

impl Validator for Completion {
    /// Goes on to the next line until there is a semicolon; a command with a backslash is one line.
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let input = context.input();
        let is_whole = command_of(input).is_some() || is_complete(input);
        Ok(if is_whole { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Hinter for Completion {
    type Hint = String;
}

impl Highlighter for Completion {}

impl Helper for Completion {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_becomes_a_keyword_or_a_name() {
        let names = ["artists", "artists.profiles", "artists.profiles.artists", "payments"];
        let completion = Completion { names: names.map(str::to_owned).into() };
        let complete = |line: &str| completion.candidates(line, line.len());
        assert_eq!(complete("sel"), (0, vec!["select".to_owned()]));
        assert_eq!(complete("SEL"), (0, vec!["SELECT".to_owned()]));
        assert_eq!(complete("select * from pay"), (14, vec!["payments".to_owned()]));
        assert_eq!(
            complete("from artists.pro").1,
            ["artists.profiles", "artists.profiles.artists"]
        );
        assert_eq!(complete("select ").1, Vec::<String>::new());
        assert_eq!(complete("où pay"), (4, vec!["payments".to_owned()]));
    }

    #[test]
    fn name_with_a_version_is_quoted() {
        assert_eq!(identifier("play_events"), "play_events");
        assert_eq!(identifier("play_events@1"), "\"play_events@1\"");
        assert_eq!(identifier("Plays"), "\"Plays\"");
    }
}
