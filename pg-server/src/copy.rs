//! `COPY ... TO STDOUT`: what is sent, and how it is written
//! (<https://www.postgresql.org/docs/current/sql-copy.html>).
//!
//! ```text
//! COPY (query) TO STDOUT (FORMAT csv, HEADER)  ─▶ the query, and its layout
//! COPY table (a, b) TO STDOUT WITH CSV         ─▶ the same, as it was written before 9.0
//! ```
//!
//! Samite only reads: `COPY ... FROM`, files and programs of the server are refused.

mod options;

use datafusion::sql::sqlparser::tokenizer::Token;
use samite_engine::{Error, ErrorKind, Result};

use crate::words::{Words, is_word};
pub(crate) use options::{CopyFormat, CopyOptions, Forced};

/// What is sent as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Copy {
    /// What gives the rows.
    pub(crate) query: String,
    /// How they are written.
    pub(crate) options: CopyOptions,
}

impl Copy {
    /// Reads a COPY.
    ///
    /// # Errors
    ///
    /// When it is none, takes rows in, names a file, or has options that contradict each other.
    pub(crate) fn parse(sql: &str) -> Result<Self> {
        let mut words = Words::new(sql)?;
        let start = words.next().map_or(0, |(_, end)| end);
        let query = match words.skip_token(&Token::LParen) {
            true => words.query(start)?,
            false => words.table(start)?,
        };
        words.standard_output()?;
        words.skip("WITH");
        let options = CopyOptions::read(&mut words)?;
        Ok(Self { query, options })
    }
}

impl Words<'_> {
    /// The query between parentheses, of which the first is read already.
    fn query(&mut self, start: usize) -> Result<String> {
        let text = self.parenthesised(start)?;
        let query = text.trim_start().strip_prefix('(').unwrap_or_default().trim();
        match query.is_empty() {
            true => Err(syntax("COPY takes a query or a table")),
            false => Ok(query.to_owned()),
        }
    }

    /// The text from `start` to the parenthesis that closes the one that was just read, without it.
    fn parenthesised(&mut self, start: usize) -> Result<String> {
        let mut open = 1;
        while let Some((token, end)) = self.next() {
            match token {
                Token::LParen => open += 1,
                Token::RParen => open -= 1,
                _ => {}
            }
            if open == 0 {
                // A parenthesis is one byte.
                return Ok(self.between(start, end.saturating_sub(1)).to_owned());
            }
        }
        Err(syntax("a parenthesis is not closed"))
    }

    /// The query of `table [(column, ...)]`, whose rows are all sent.
    fn table(&mut self, start: usize) -> Result<String> {
        let mut end = start;
        while let Some(Token::Word(_) | Token::Period) = self.peek() {
            if self.peek().is_some_and(|token| is_word(token, "TO") || is_word(token, "FROM")) {
                break;
            }
            end = self.next().map_or(end, |(_, end)| end);
        }
        let table = self.between(start, end).to_owned();
        if table.is_empty() {
            return Err(syntax("COPY takes a query or a table"));
        }
        let mut columns = "*".to_owned();
        if self.skip_token(&Token::LParen) {
            let list = self.parenthesised(end)?;
            columns = list.trim_start().strip_prefix('(').unwrap_or_default().trim().to_owned();
            let are_names =
                Words::new(&columns)?.all(|token| matches!(token, Token::Word(_) | Token::Comma));
            // Words are read past a semicolon.
            if !are_names || columns.contains(';') {
                return Err(syntax("COPY takes names of columns")
                    .with_hint("write COPY (SELECT ...) TO STDOUT"));
            }
        }
        Ok(format!("SELECT {columns} FROM {table}"))
    }

    /// Reads `TO STDOUT`, the only way.
    fn standard_output(&mut self) -> Result<()> {
        if self.skip("FROM") {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "COPY ... FROM is not supported: Samite only reads",
            )
            .with_hint("write to where the data product keeps its data"));
        }
        if !self.skip("TO") {
            return Err(syntax("COPY is followed by TO STDOUT"));
        }
        if self.skip("STDOUT") {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unsupported,
            "COPY to a file or a program of the server is not supported",
        )
        .with_hint("write COPY ... TO STDOUT, or \\copy ... to in psql"))
    }
}

fn syntax(message: &str) -> Error {
    Error::new(ErrorKind::InvalidQuery, format!("syntax error: {message}"))
}

#[cfg(test)]
mod tests;
