//! Reads `samite.toml`: every mistake with its file and line, and what is expected.

use std::ops::Range;
use std::path::Path;

use samite_engine::{Error, ErrorKind, Result};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::options::{find, options};
use super::sections::SECTIONS;
use super::value::{Value, assign};
use super::{Configuration, Environment};
use super::{services, stores};

/// A configuration file: its name for messages, its text, and where relative paths begin.
pub(crate) struct Source<'a> {
    /// The file.
    pub(crate) path: &'a Path,
    /// What it says.
    pub(crate) text: &'a str,
    /// The variables of the process, for values such as `${NAME}` in `[stores]`.
    pub(crate) environment: &'a Environment,
}

impl Source<'_> {
    /// An error about the place `span`.
    pub(crate) fn error(&self, span: &Range<usize>, message: impl std::fmt::Display) -> Error {
        let line = self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1;
        Error::new(
            ErrorKind::InvalidConfiguration,
            format!("{}:{line}: {message}", self.path.display()),
        )
    }

    /// Where relative paths begin.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or_else(|| Path::new(""))
    }
}

/// Reads the file into `configuration`; what the file does not name keeps its value.
///
/// # Errors
///
/// When it is not TOML, has a section or key that does not exist, or a value that does not fit.
pub(crate) fn read(source: &Source<'_>, configuration: &mut Configuration) -> Result<()> {
    let document = DeTable::parse(source.text).map_err(|error| {
        source.error(&error.span().unwrap_or_default(), format!("not TOML: {}", error.message()))
    })?;
    for (section, value) in document.get_ref() {
        let DeValue::Table(table) = value.get_ref() else {
            return Err(source
                .error(&section.span(), format!("\"{}\" belongs into a section", section.get_ref()))
                .with_hint("options are written below a line such as [limits]"));
        };
        match section.get_ref().as_ref() {
            "stores" => configuration.stores.stores = stores::read(source, "stores", table)?,
            "credentials" => {
                configuration.stores.credentials = stores::read(source, "credentials", table)?;
            }
            "services" => configuration.engine.services = services::read(source, table)?,
            _ => read_section(source, section, table, configuration)?,
        }
    }
    Ok(())
}

fn read_section(
    source: &Source<'_>,
    section: &Spanned<std::borrow::Cow<'_, str>>,
    table: &DeTable<'_>,
    configuration: &mut Configuration,
) -> Result<()> {
    let name = section.get_ref().as_ref();
    if !SECTIONS.iter().any(|(known, _)| *known == name) {
        let known: Vec<&str> = SECTIONS.iter().map(|(known, _)| *known).collect();
        return Err(source
            .error(&section.span(), format!("section [{name}] does not exist"))
            .with_hint(format!(
                "the sections are {}, services, stores, credentials",
                known.join(", ")
            )));
    }
    for (key, value) in table {
        let Some(option) = find(name, key.get_ref()) else {
            let known: Vec<&str> = options()
                .filter(|option| option.section == name)
                .map(|option| option.key)
                .collect();
            return Err(source
                .error(&key.span(), format!("[{name}] has no option \"{}\"", key.get_ref()))
                .with_hint(format!("its options are {}", known.join(", "))));
        };
        plain(value.get_ref())
            .ok_or_else(|| format!("a {}", option.field.unit()))
            .and_then(|value| assign(configuration, option, value, source.folder()))
            .map_err(|expected| {
                source
                    .error(&value.span(), format!("[{name}] {} cannot have this value", option.key))
                    .with_hint(format!("it takes {expected}"))
            })?;
    }
    Ok(())
}

/// What an option can take; `None` for tables, dates, floats and truth values.
pub(crate) fn plain(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) => Some(Value::Text(text.to_string())),
        DeValue::Integer(number) => {
            u64::from_str_radix(number.as_str(), number.radix()).ok().map(Value::Integer)
        }
        DeValue::Array(items) => items
            .iter()
            .map(|item| item.get_ref().as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .map(Value::List),
        DeValue::Boolean(truth) => Some(Value::Boolean(*truth)),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}
