//! The one error of Samite.
//!
//! *Message*, *detail* and *hint* are for the person who asked and hold nothing that this person
//! may not know; *context* and *source* are for the log. `Display` prints the message alone, `Debug`
//! what the log may have: the words of DataFusion and Arrow without values, as those can be of a table.

mod convert;
mod redact;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

pub(crate) use redact::without_values;

/// The result of everything in Samite that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The longest text that [`Error::to_line`] makes, in bytes.
pub const LINE_BYTES_MAX: usize = 2048;

/// What a client can do about an error: one kind for each reaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The statement, a parameter or an argument is wrong: change it.
    InvalidQuery,
    /// The name means nothing that this principal may know of: look it up.
    NotFound,
    /// Samite does not do this: ask for something else.
    Unsupported,
    /// The principal is known and may not do this.
    PermissionDenied,
    /// Nobody knows who asks: log in.
    Unauthenticated,
    /// The configuration or a mesh as a whole cannot be used: mend it.
    InvalidConfiguration,
    /// A product's documents, contract or life cycle do not allow the answer: ask its owner.
    ContractViolated,
    /// The data of a port is broken: ask its owner.
    CorruptSource,
    /// A source did not answer: try again later.
    SourceUnavailable,
    /// The query needs more than its limits allow: ask for less.
    ResourcesExhausted,
    /// The server has too much to do: try again soon.
    Overloaded,
    /// The query did not end in time.
    DeadlineExceeded,
    /// Somebody cancelled the query.
    Cancelled,
    /// A fault of Samite itself: report it.
    Internal,
}

impl ErrorKind {
    /// The name, in logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidQuery => "invalid_query",
            Self::NotFound => "not_found",
            Self::Unsupported => "unsupported",
            Self::PermissionDenied => "permission_denied",
            Self::Unauthenticated => "unauthenticated",
            Self::InvalidConfiguration => "invalid_configuration",
            Self::ContractViolated => "contract_violated",
            Self::CorruptSource => "corrupt_source",
            Self::SourceUnavailable => "source_unavailable",
            Self::ResourcesExhausted => "resources_exhausted",
            Self::Overloaded => "overloaded",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal",
        }
    }
}

/// An error with what a person needs to act on it.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
    query_id: Option<String>,
    context: Vec<(&'static str, String)>,
    /// True if the words can hold a value of a table: those of a library, or of a function that ran.
    is_foreign: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Makes an error; `message` says what is wrong with what, in lower case, without full stop.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            detail: None,
            hint: None,
            query_id: None,
            context: Vec::new(),
            is_foreign: false,
            source: None,
        }))
    }

    /// Says that the words can hold a value of a table.
    fn foreign(mut self) -> Self {
        self.0.is_foreign = true;
        self
    }

    /// A part of the words for the log.
    fn logged<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.0.is_foreign {
            // What is quoted after the first line bears no quotes.
            true => without_values(text.lines().next().unwrap_or_default()).into(),
            false => text.into(),
        }
    }

    /// Adds what was found.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Names the query that it ended; the first name stays.
    #[must_use]
    pub fn of_query(mut self, query_id: &str) -> Self {
        self.0.query_id.get_or_insert_with(|| query_id.to_owned());
        self
    }

    /// Adds a fact for the log; it never reaches the client.
    #[must_use]
    pub fn with_context(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((key, value.to_string()));
        self
    }

    /// Adds the cause, for the log.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Names the table that a fault of a source is about, and says whom to ask where nothing does.
    ///
    /// Errors of the statement, of limits and of Samite itself stay as they are.
    #[must_use]
    pub fn about_table(mut self, table: &str) -> Self {
        let advice = match self.0.kind {
            ErrorKind::CorruptSource | ErrorKind::ContractViolated => {
                "ask the owner of the product to mend it"
            }
            ErrorKind::SourceUnavailable => {
                "try again; if it goes on, ask the owner of the product"
            }
            ErrorKind::Unsupported | ErrorKind::PermissionDenied | ErrorKind::NotFound => "",
            _ => return self,
        };
        if !self.to_line().contains(table) {
            self.0.message = format!("table \"{table}\": {}", self.0.message);
        }
        if self.0.hint.is_none() && !advice.is_empty() {
            self.0.hint = Some(advice.to_owned());
        }
        self
    }

    /// What a client can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What was found.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// What to do.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The query that it ended, for a client and for the log.
    #[must_use]
    pub fn query_id(&self) -> Option<&str> {
        self.0.query_id.as_deref()
    }

    /// Message, detail and hint as one line of at most [`LINE_BYTES_MAX`] bytes, for a client.
    #[must_use]
    pub fn to_line(&self) -> String {
        let mut line = self.0.message.clone();
        if let Some(detail) = &self.0.detail {
            line.push_str(": ");
            line.push_str(detail);
        }
        if let Some(hint) = &self.0.hint {
            line.push_str(" (hint: ");
            line.push_str(hint);
            line.push(')');
        }
        let mut line = line.replace(['\n', '\r'], " ");
        if line.len() > LINE_BYTES_MAX {
            let end = (0..=LINE_BYTES_MAX - 4).rev().find(|at| line.is_char_boundary(*at));
            line.truncate(end.unwrap_or(0));
            line.push_str(" ...");
        }
        line
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = f.debug_struct("Error");
        parts.field("kind", &self.0.kind).field("message", &self.logged(&self.0.message));
        if let Some(detail) = &self.0.detail {
            parts.field("detail", &self.logged(detail));
        }
        if let Some(hint) = &self.0.hint {
            parts.field("hint", &self.logged(hint));
        }
        if let Some(query_id) = &self.0.query_id {
            parts.field("query_id", query_id);
        }
        for (key, value) in &self.0.context {
            parts.field(key, value);
        }
        if let Some(source) = self.0.source.as_ref().filter(|_| !self.0.is_foreign) {
            parts.field("source", source);
        }
        parts.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the log gets of an error; the client gets all of its words.
    #[test]
    fn words_of_a_library_are_logged_without_values() {
        use datafusion::arrow::error::ArrowError;
        use datafusion::error::DataFusionError;
        let cast = || ArrowError::CastError("Cannot cast string 'canary' to Int32".to_owned());
        let regex = "regex parse error:\n    canary(\n    ^\nerror: unclosed group";
        for error in [
            DataFusionError::from(cast()),
            DataFusionError::External(Box::new(cast())),
            DataFusionError::Shared(std::sync::Arc::new(cast().into())),
            DataFusionError::Execution("Error parsing 'canary'".to_owned()),
            DataFusionError::Internal("no such \"canary\"".to_owned()),
            DataFusionError::External(regex.into()),
            Error::new(ErrorKind::NotFound, "there is no \"canary\"").with_hint("'canary'").into(),
        ] {
            let error = Error::from(error);
            assert!(error.to_line().contains("canary"), "{}", error.to_line());
            assert!(!format!("{error:?} {error:#?}").contains("canary"), "{error:?}");
        }
        let ours = Error::new(ErrorKind::NotFound, "table \"a\" does not exist");
        assert!(format!("{ours:?}").contains("\\\"a\\\""), "{ours:?}");
    }

    #[test]
    fn line_is_bounded_and_single() {
        let error = Error::new(ErrorKind::Internal, "ä\n".repeat(4000)).with_hint("b");
        let line = error.to_line();
        assert!(line.len() <= LINE_BYTES_MAX && !line.contains('\n'), "{}", line.len());
    }
}
