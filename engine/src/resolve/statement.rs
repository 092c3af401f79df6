//! One statement, read and classified.

use crate::config::EngineConfig;
use crate::error::{Error, ErrorKind, Result};

/// One statement, read and classified: a query, or a change of the session.
#[derive(Debug, Clone)]
pub struct Statement {
    sql: String,
    is_query: bool,
}

impl Statement {
    /// Reads one statement.
    ///
    /// # Errors
    ///
    /// When it is not SQL, too long, too deep, more than one statement, or neither a query nor a
    /// change of the session.
    pub fn parse(sql: &str, _config: &EngineConfig) -> Result<Self> {
        let _ = Self { sql: sql.to_owned(), is_query: true };
        Err(Error::new(ErrorKind::Internal, "not built"))
    }

    /// The text as it came.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// True for what gives rows (SELECT, EXPLAIN, SHOW, DESCRIBE); false for what changes the session.
    #[must_use]
    pub fn is_query(&self) -> bool {
        self.is_query
    }
}
