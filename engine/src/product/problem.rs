//! What is wrong with a document.

use std::fmt;

/// How much a problem hurts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProblemLevel {
    /// The product or port is served all the same.
    Warning,
    /// What it is about is not served.
    Error,
}

/// What is wrong with a document, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How much it hurts.
    pub level: ProblemLevel,
    /// The domain, where the place of the file tells.
    pub domain: Option<String>,
    /// The product that is affected, where it is known.
    pub product: Option<String>,
    /// The file, relative to the mesh.
    pub file: String,
    /// The line, from 1.
    pub line: Option<u64>,
    /// The place in the document, for instance `schema[0].properties[2].logicalType`.
    pub path: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What is expected, or what to do.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        let level = match self.level {
            ProblemLevel::Warning => "warning",
            ProblemLevel::Error => "error",
        };
        write!(f, ": {level}: ")?;
        if let Some(path) = self.path.as_deref().filter(|path| !path.is_empty()) {
            write!(f, "{path}: ")?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}
