//! Who asks, with which program, and on which way.

use std::sync::Arc;

use super::Principal;

/// The longest name of a program, in characters.
const PROGRAM_CHARS_MAX: usize = 200;

/// Who asks, with which program, and on which way.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) principal: Arc<Principal>,
    /// As the program calls itself, for the log alone.
    pub(crate) program: Option<Arc<str>>,
    /// The way in, as policies call it.
    pub(crate) channel: &'static str,
}

/// The name of a program as it is shown.
pub(super) fn program(name: &str) -> Option<Arc<str>> {
    let name: String = name.chars().filter(|c| !c.is_control()).take(PROGRAM_CHARS_MAX).collect();
    (!name.is_empty()).then(|| Arc::from(name))
}
