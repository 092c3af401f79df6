//! The one error of Samite.
//!
//! *Message*, *detail* and *hint* are for the person who asked and hold nothing that this person
//! may not know; *context* and *source* are for the log. `Display` prints the message alone.

use std::error::Error as StdError;
use std::fmt;

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;

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

/// An error with what a person needs to act on it.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
    context: Vec<(&'static str, String)>,
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
            context: Vec::new(),
            source: None,
        }))
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
        parts.field("kind", &self.0.kind).field("message", &self.0.message);
        if let Some(detail) = &self.0.detail {
            parts.field("detail", detail);
        }
        if let Some(hint) = &self.0.hint {
            parts.field("hint", hint);
        }
        for (key, value) in &self.0.context {
            parts.field(key, value);
        }
        if let Some(source) = &self.0.source {
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

/// Carries our error through DataFusion, so that [`Error::from`] finds it again.
impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        Self::External(Box::new(error))
    }
}

/// Takes our error back out of a `DataFusionError`, or gives DataFusion's own the kind that fits.
impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        match error {
            DataFusionError::External(inner) => from_boxed(inner),
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
                Self::from(*inner)
            }
            DataFusionError::Shared(inner) => from_shared(&inner),
            DataFusionError::Collection(mut all) if !all.is_empty() => {
                Self::from(all.swap_remove(0))
            }
            DataFusionError::ArrowError(inner, _) => from_arrow(*inner),
            DataFusionError::ParquetError(inner) => from_parquet(*inner),
            DataFusionError::ResourcesExhausted(text) => exhausted(&text),
            other => classified(other),
        }
    }
}

fn from_boxed(error: Box<dyn StdError + Send + Sync>) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(ours) => return *ours,
        Err(error) => error,
    };
    let error = match error.downcast::<DataFusionError>() {
        Ok(inner) => return Error::from(*inner),
        Err(error) => error,
    };
    match error.downcast::<ArrowError>() {
        Ok(inner) => from_arrow(*inner),
        Err(error) => {
            let text = error.to_string();
            Error::new(ErrorKind::Internal, text).with_source(error)
        }
    }
}

/// A shared error cannot be moved out of its `Arc`, so that what is ours is copied.
fn from_shared(error: &DataFusionError) -> Error {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(this) = cause {
        if let Some(ours) = this.downcast_ref::<Error>() {
            return ours.copied();
        }
        cause = match this.downcast_ref::<DataFusionError>() {
            Some(DataFusionError::External(inner)) => Some(inner.as_ref()),
            Some(DataFusionError::Shared(inner)) => Some(inner.as_ref()),
            Some(DataFusionError::Context(_, inner)) => Some(inner.as_ref()),
            _ => this.source(),
        };
    }
    match error.find_root() {
        DataFusionError::ResourcesExhausted(text) => exhausted(text),
        root => Error::new(kind_of(root), without_category(&first_line(&root.strip_backtrace()))),
    }
}

impl Error {
    fn copied(&self) -> Self {
        Self(Box::new(Inner {
            kind: self.0.kind,
            message: self.0.message.clone(),
            detail: self.0.detail.clone(),
            hint: self.0.hint.clone(),
            context: self.0.context.clone(),
            source: None,
        }))
    }
}

fn from_arrow(error: ArrowError) -> Error {
    match error {
        ArrowError::ExternalError(inner) => from_boxed(inner),
        ArrowError::DivideByZero => Error::new(ErrorKind::InvalidQuery, "division by zero"),
        ArrowError::ParquetError(text) | ArrowError::IpcError(text) => {
            Error::new(ErrorKind::CorruptSource, text)
        }
        ArrowError::MemoryError(text) => exhausted(&text),
        ArrowError::NotYetImplemented(text) => Error::new(ErrorKind::Unsupported, text),
        other => Error::new(ErrorKind::InvalidQuery, other.to_string()),
    }
}

fn from_parquet(error: datafusion::parquet::errors::ParquetError) -> Error {
    match error {
        datafusion::parquet::errors::ParquetError::External(inner) => match from_boxed(inner) {
            inner if inner.kind() == ErrorKind::Internal => {
                Error::new(ErrorKind::SourceUnavailable, inner.message().to_owned())
                    .with_source(inner)
            }
            ours => ours,
        },
        other => Error::new(ErrorKind::CorruptSource, other.to_string()),
    }
}

fn exhausted(text: &str) -> Error {
    Error::new(ErrorKind::ResourcesExhausted, "the query needs more memory than it may use")
        .with_detail(first_line(text))
        .with_hint("ask for fewer rows or columns, or raise [limits] memory")
}

fn classified(error: DataFusionError) -> Error {
    let kind = kind_of(&error);
    let text = first_line(&error.strip_backtrace());
    Error::new(kind, without_category(&text)).with_source(error)
}

/// DataFusion says of which of its own categories an error is, which tells a person nothing.
fn without_category(text: &str) -> String {
    const CATEGORIES: [&str; 6] = [
        "Error during planning: ",
        "Execution error: ",
        "Invalid or Unsupported Configuration: ",
        "Schema error: ",
        "SQL error: ",
        "This feature is not implemented: ",
    ];
    let stripped = CATEGORIES.iter().find_map(|category| text.strip_prefix(category));
    let text = stripped.unwrap_or(text);
    let mut rest = text.chars();
    match (rest.next(), rest.clone().next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(rest).collect()
        }
        _ => text.to_owned(),
    }
}

fn kind_of(error: &DataFusionError) -> ErrorKind {
    match error {
        DataFusionError::SQL(..)
        | DataFusionError::Plan(_)
        | DataFusionError::SchemaError(..)
        | DataFusionError::Execution(_) => ErrorKind::InvalidQuery,
        DataFusionError::NotImplemented(_) => ErrorKind::Unsupported,
        DataFusionError::Configuration(_) => ErrorKind::InvalidQuery,
        DataFusionError::ResourcesExhausted(_) => ErrorKind::ResourcesExhausted,
        DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) => {
            ErrorKind::SourceUnavailable
        }
        DataFusionError::ParquetError(_) => ErrorKind::CorruptSource,
        _ => ErrorKind::Internal,
    }
}

/// DataFusion appends hints of its own, meant for those who develop it, after a line break.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn our_error_comes_back_out_of_every_wrapping() {
        let make = || DataFusionError::from(Error::new(ErrorKind::NotFound, "no such table"));
        let wrapped = [
            make(),
            make().context("while planning"),
            DataFusionError::Shared(Arc::new(make().context("shared"))),
            DataFusionError::External(Box::new(make())),
            DataFusionError::ArrowError(
                Box::new(ArrowError::ExternalError(Box::new(make()))),
                None,
            ),
        ];
        for error in wrapped {
            let text = format!("{error:?}");
            let error = Error::from(error);
            assert_eq!(error.kind(), ErrorKind::NotFound, "{text}");
            assert_eq!(error.message(), "no such table", "{text}");
        }
    }

    #[test]
    fn line_is_bounded_and_single() {
        let error = Error::new(ErrorKind::Internal, "ä\n".repeat(4000)).with_hint("b");
        let line = error.to_line();
        assert!(line.len() <= LINE_BYTES_MAX && !line.contains('\n'), "{}", line.len());
    }
}
