//! What is wrong with a document, and where in it.
//!
//! A [`Finding`] knows the place in the document; a [`Problem`] of the mesh adds the file, its
//! domain and its product.

use samite_engine::product::{Problem, ProblemLevel};

/// What is wrong in one place of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it hurts.
    pub level: ProblemLevel,
    /// The line, from 1.
    pub line: Option<u64>,
    /// The place, for instance `schema[0].properties[2].logicalType`; empty for the document.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What is expected, or what to do.
    pub hint: Option<String>,
}

impl Finding {
    /// What it is about cannot be served.
    pub(crate) fn error(line: u64, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            level: ProblemLevel::Error,
            line: Some(line),
            path: path.into(),
            message: message.into(),
            hint: None,
        }
    }

    /// What it is about is served all the same.
    pub(crate) fn warning(line: u64, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { level: ProblemLevel::Warning, ..Self::error(line, path, message) }
    }

    /// Adds what is expected, or what to do.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// True if what it is about cannot be served.
    pub(crate) fn is_error(&self) -> bool {
        self.level == ProblemLevel::Error
    }

    /// The same as a problem of the mesh.
    pub(crate) fn into_problem(self, subject: &Subject) -> Problem {
        Problem {
            level: self.level,
            domain: subject.domain.clone(),
            product: subject.product.clone(),
            file: subject.file.clone(),
            line: self.line,
            path: Some(self.path).filter(|path| !path.is_empty()),
            message: self.message,
            hint: self.hint,
        }
    }
}

/// The document that a problem is in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Subject {
    /// The file, relative to the mesh.
    pub(crate) file: String,
    /// The domain, by the place of the file.
    pub(crate) domain: Option<String>,
    /// The product, where it is known.
    pub(crate) product: Option<String>,
}
