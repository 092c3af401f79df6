//! Where a policy stands, and what stands for the text of it and of all that decide with it.
//!
//! Both can be made with `sha256sum`: a version is the hash of a file, and the fingerprint that of the lines that it
//! prints for all of them, in the order of their names.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use samite_engine::authorizer::PolicyTexts;
use sha2::{Digest, Sha256};

use super::layer::Layer;

/// What a hash begins with.
const KIND: &str = "sha256:";

/// A file of policies, or an agreement, as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// The file, relative to the mesh.
    pub(super) file: String,
    /// What stands for its bytes.
    pub(super) version: Arc<str>,
}

impl Source {
    pub(super) fn new(file: &str, bytes: &[u8]) -> Self {
        Self { file: file.to_owned(), version: hash(bytes).into() }
    }
}

/// The texts of all policies of some layers.
pub(super) fn texts(layers: [&Layer; 2]) -> PolicyTexts {
    let sources = layers.iter().flat_map(|layer| &layer.sources);
    let files: BTreeMap<&str, &str> =
        sources.map(|source| (source.file.as_str(), source.version.as_ref())).collect();
    let mut lines = String::new();
    for (file, version) in files {
        // A text takes everything.
        let _ = writeln!(lines, "{}  {file}", version.trim_start_matches(KIND));
    }
    let versions = layers.iter().map(|layer| Arc::clone(&layer.versions)).collect();
    PolicyTexts::new(hash(lines.as_bytes()), versions)
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(KIND.to_owned(), |mut text, byte| {
        // A text takes everything.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
