//! A door to the reader of statements, for the fuzz targets in `fuzz/` and for nobody else.

use crate::config::EngineConfig;
use crate::error::Result;
use crate::resolve::{Depth, Form, Statement, parse_one};

/// The query that is planned for a text, in the words that DataFusion knows; `None` for what is no
/// query.
///
/// # Errors
///
/// When the text is refused.
pub fn rewritten(sql: &str) -> Result<Option<String>> {
    let statement = Statement::parse(sql, &EngineConfig::default())?;
    Ok(match statement.form()? {
        Form::Query(query) => Some(statement.depth().on_stack(|| query.to_string())),
        _ => None,
    })
}

/// A statement as it is written, without a change but for its tokens; `None` where the parser does not
/// read it.
#[must_use]
pub fn written(sql: &str) -> Option<String> {
    Depth::DEEP.on_stack(|| parse_one(sql).ok().map(|statement| statement.to_string()))
}
