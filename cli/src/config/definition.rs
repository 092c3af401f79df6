//! What an option of `samite.toml` is: where its value lies, of which kind it is, what it does.

use std::path::PathBuf;
use std::time::Duration;

use super::Configuration;
use super::units::{print_duration, print_size};

/// One option.
pub(crate) struct OptionDefinition {
    /// The section, `limits` in `[limits]`.
    pub(crate) section: &'static str,
    /// The key in the section.
    pub(crate) key: &'static str,
    /// Where its value lies, and of which kind it is.
    pub(crate) field: Field,
    /// What it does.
    pub(crate) text: &'static str,
}

/// Where the value of an option lies, by kind.
#[derive(Clone, Copy)]
pub(crate) enum Field {
    /// A size in bytes, at least one.
    Size(fn(&mut Configuration) -> &mut u64),
    /// A size in bytes that is held as `usize`, at least one.
    Length(fn(&mut Configuration) -> &mut usize),
    /// A time, longer than nothing.
    Duration(fn(&mut Configuration) -> &mut Duration),
    /// A whole number, at least as large as this one.
    Count(usize, fn(&mut Configuration) -> &mut usize),
    /// A whole number that is held as `u32`, at least one.
    Count32(fn(&mut Configuration) -> &mut u32),
    /// A size in bytes that is held as `u32`, at least one.
    Length32(fn(&mut Configuration) -> &mut u32),
    /// A time that may be absent.
    OptionalDuration(fn(&mut Configuration) -> &mut Option<Duration>),
    /// A text.
    Text(fn(&mut Configuration) -> &mut String),
    /// A text that may be absent.
    OptionalText(fn(&mut Configuration) -> &mut Option<String>),
    /// A file or folder that may be absent.
    OptionalPath(fn(&mut Configuration) -> &mut Option<PathBuf>),
    /// Yes or no.
    Switch(fn(&mut Configuration) -> &mut bool),
    /// Texts.
    List(fn(&mut Configuration) -> &mut Vec<String>),
}

impl OptionDefinition {
    /// The variable that overrides it.
    pub(crate) fn variable(&self) -> String {
        format!("SAMITE_{}_{}", self.section, self.key).to_ascii_uppercase()
    }

    /// The default as `samite.toml` would write it; `None` where it is absent.
    pub(crate) fn default_text(&self) -> Option<String> {
        let mut defaults = Configuration::default();
        match self.field {
            Field::Size(field) => Some(format!("\"{}\"", print_size(*field(&mut defaults)))),
            Field::Length(field) => {
                Some(format!("\"{}\"", print_size(*field(&mut defaults) as u64)))
            }
            Field::Duration(field) => {
                Some(format!("\"{}\"", print_duration(*field(&mut defaults))))
            }
            Field::Length32(field) => {
                Some(format!("\"{}\"", print_size(u64::from(*field(&mut defaults)))))
            }
            Field::Count32(field) => Some(field(&mut defaults).to_string()),
            Field::OptionalDuration(field) => {
                field(&mut defaults).map(|duration| format!("\"{}\"", print_duration(duration)))
            }
            Field::Count(_, field) => Some(field(&mut defaults).to_string()),
            Field::Text(field) => {
                Some(format!("\"{}\"", field(&mut defaults))).filter(|text| text != "\"\"")
            }
            Field::OptionalPath(field) => {
                field(&mut defaults).as_ref().map(|path| format!("\"{}\"", path.display()))
            }
            Field::OptionalText(field) => {
                field(&mut defaults).as_ref().map(|text| format!("\"{text}\""))
            }
            Field::Switch(field) => Some(field(&mut defaults).to_string()),
            Field::List(field) => Some(format!("{:?}", field(&mut defaults))),
        }
    }
}

impl Field {
    /// The unit, for the reference.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Size(_) | Self::Length(_) | Self::Length32(_) => "size",
            Self::Duration(_) | Self::OptionalDuration(_) => "duration",
            Self::Count(..) | Self::Count32(_) => "count",
            Self::Text(_) | Self::OptionalText(_) => "text",
            Self::OptionalPath(_) => "path",
            Self::Switch(_) => "yes or no",
            Self::List(_) => "list of texts",
        }
    }
}

/// An option, for the list of all.
pub(super) const fn option(
    section: &'static str,
    key: &'static str,
    field: Field,
    text: &'static str,
) -> OptionDefinition {
    OptionDefinition { section, key, field, text }
}
