//! Policies in Cedar become decisions.
//!
//! ```text
//! *.cedar, *.oaas.yaml ──file, agreement──▶ Rule ──layer──▶ Layer ──┐
//! Mesh ──schema──▶ RowTypes, Schema ─────────────────────────────────┴─evaluate, residual─▶ Decision
//! ```
//!
//! Deny by default, a forbid beats every permit, and whatever cannot be decided is denied. The only
//! place that knows Cedar; enforces nothing.

mod agreement;
mod evaluate;
mod facts;
mod file;
mod kept;
mod layer;
mod load;
mod residual;
mod schema;
mod short_values;
mod source;
mod syntax;
#[cfg(test)]
mod tests;
mod vocabulary;

pub use evaluate::Policies;
pub(crate) use load::{PolicyFile, PolicyLoader, PolicyPlace};

use file::Place;

/// What a file, relative to the mesh, is to the policies.
pub(crate) fn policy_place(file: &str) -> PolicyPlace<'_> {
    let parts: Vec<&str> = file.split('/').collect();
    let has_ending = |ending: &str| file.to_ascii_lowercase().ends_with(ending);
    if has_ending(".cedar") {
        return match parts.as_slice() {
            ["mesh", "policies", _] => PolicyPlace::Layer(Place::Mesh),
            ["domains", domain, "policies", _] => PolicyPlace::Layer(Place::Domain(domain)),
            ["domains", domain, _, ..] => PolicyPlace::Misplaced(Some(domain)),
            _ => PolicyPlace::Misplaced(None),
        };
    }
    match parts.as_slice() {
        ["mesh", "agreements", name] if !name.starts_with('.') && has_ending(".oaas.yaml") => {
            PolicyPlace::Agreement
        }
        _ => PolicyPlace::Other,
    }
}
