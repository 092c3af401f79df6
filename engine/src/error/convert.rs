//! Our errors in and out of those of DataFusion and Arrow.

use std::error::Error as StdError;

use datafusion::arrow::error::ArrowError;
use datafusion::common::utils::quote_identifier;
use datafusion::common::{Column, SchemaError};
use datafusion::error::DataFusionError;

use super::{Error, ErrorKind, Inner};
use crate::nearest;

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
            DataFusionError::SchemaError(inner, _) => from_schema(*inner),
            other => classified(other),
        }
    }
}

fn from_boxed(error: Box<dyn StdError + Send + Sync>) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(ours) => return ours.raised_in_a_plan(),
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
            Error::new(ErrorKind::Internal, text).with_source(error).foreign()
        }
    }
}

/// A shared error cannot be moved out of its `Arc`, so that what is ours is copied.
fn from_shared(error: &DataFusionError) -> Error {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(this) = cause {
        if let Some(ours) = this.downcast_ref::<Error>() {
            return ours.copied().raised_in_a_plan();
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
        DataFusionError::ArrowError(inner, _) => of_arrow(inner),
        root => {
            let text = without_category(&first_line(&root.strip_backtrace()));
            Error::new(kind_of(root), text).foreign()
        }
    }
}

impl Error {
    /// What our functions say of the values that they got is for who asked; what sources say, for the log.
    fn raised_in_a_plan(self) -> Self {
        match self.kind() {
            ErrorKind::InvalidQuery | ErrorKind::NotFound | ErrorKind::Unsupported => {
                self.foreign()
            }
            _ => self,
        }
    }

    fn copied(&self) -> Self {
        Self(Box::new(Inner {
            kind: self.0.kind,
            message: self.0.message.clone(),
            detail: self.0.detail.clone(),
            hint: self.0.hint.clone(),
            query_id: self.0.query_id.clone(),
            context: self.0.context.clone(),
            is_foreign: self.0.is_foreign,
            source: None,
        }))
    }
}

fn from_arrow(error: ArrowError) -> Error {
    match error {
        ArrowError::ExternalError(inner) => from_boxed(inner),
        other => of_arrow(&other),
    }
}

fn of_arrow(error: &ArrowError) -> Error {
    match error {
        ArrowError::DivideByZero => Error::new(ErrorKind::InvalidQuery, "division by zero"),
        ArrowError::ParquetError(text) | ArrowError::IpcError(text) => {
            Error::new(ErrorKind::CorruptSource, text.clone())
        }
        ArrowError::MemoryError(text) => exhausted(text),
        ArrowError::NotYetImplemented(text) => {
            Error::new(ErrorKind::Unsupported, text.clone()).foreign()
        }
        other => Error::new(ErrorKind::InvalidQuery, other.to_string()).foreign(),
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

fn from_schema(error: SchemaError) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            // The columns of one table where the query names one, as it names them.
            let table = field.relation.as_ref();
            let fits = |valid: &&Column| table.is_none() || valid.relation.as_ref() == table;
            let names: Vec<String> = valid_fields
                .iter()
                .filter(fits)
                .map(|valid| quote_identifier(&valid.name).into())
                .collect();
            let message = format!("there is no column \"{}\"", field.flat_name());
            let error = Error::new(ErrorKind::InvalidQuery, message);
            match nearest::hint(&field.name, "columns", names.iter().map(String::as_str)) {
                Some(hint) => error.with_hint(hint),
                None => error,
            }
        }
        SchemaError::AmbiguousReference { field } => Error::new(
            ErrorKind::InvalidQuery,
            format!("column \"{}\" is ambiguous", field.flat_name()),
        )
        .with_hint("several tables have it: write table.column"),
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => {
            Error::new(ErrorKind::InvalidQuery, format!("column \"{name}\" is there twice"))
                .with_hint("give one of them another name: expression AS name")
        }
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
    if let Some(ours) = wrong_arguments(&text) {
        return ours.with_source(error);
    }
    if kind == ErrorKind::Internal {
        return Error::new(kind, "the query met a fault of Samite")
            .with_detail(without_category(&text))
            .with_hint("write the query in another way, and report this with the query")
            .with_source(error)
            .foreign();
    }
    Error::new(kind, without_category(&text)).with_source(error).foreign()
}

/// DataFusion lists every signature that a call does not match, and calls that an internal error.
fn wrong_arguments(text: &str) -> Option<Error> {
    let (head, tried) = text.split_once(" failed to match any signature")?;
    let name = head.split_once("Function ")?.1;
    let received = tried.split_once("received ")?.1.split(" (DataType").next()?;
    let message = format!("function {name} does not take a {received}");
    let hint = "cast the argument to a type that the function takes";
    Some(Error::new(ErrorKind::InvalidQuery, message).with_hint(hint))
}

/// DataFusion says of which of its own categories an error is, which tells a person nothing.
fn without_category(text: &str) -> String {
    const CATEGORIES: [&str; 7] = [
        "Internal error: ",
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

    /// Several parts of a plan can wait for one that fails.
    #[test]
    fn shared_error_has_the_kind_of_its_own() {
        let shared = DataFusionError::Shared(Arc::new(ArrowError::DivideByZero.into()));
        let error = Error::from(shared);
        assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidQuery, "division by zero"));
    }

    #[test]
    fn wrong_arguments_are_no_fault_of_ours() {
        let text = "Function 'trunc' failed to match any signature, errors: Function 'trunc' requires Decimal, but received String (DataType: Utf8).";
        for error in
            [DataFusionError::Internal(text.to_owned()), DataFusionError::Plan(text.to_owned())]
        {
            let error = Error::from(error);
            assert_eq!(error.kind(), ErrorKind::InvalidQuery);
            assert_eq!(error.message(), "function 'trunc' does not take a String");
        }
    }

    #[test]
    fn unknown_column_is_named_with_the_nearest() {
        let column = |name: &str| Column::new(Some("plays"), name);
        let error = SchemaError::FieldNotFound {
            field: Box::new(Column::new_unqualified("artst_id")),
            valid_fields: vec![column("artist_id"), column("played_at"), column("Country")],
        };
        let error = Error::from(DataFusionError::SchemaError(Box::new(error), Box::new(None)));
        assert_eq!(error.kind(), ErrorKind::InvalidQuery);
        assert_eq!(
            error.to_line(),
            "there is no column \"artst_id\" (hint: did you mean artist_id?)"
        );
    }
}
