//! One value, from a file or from the environment, put where its option says.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Configuration;
use super::options::{Field, OptionDefinition};
use super::units::{DURATION_EXPECTED, SIZE_EXPECTED, parse_duration, parse_size};

/// A value as it was written.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// A text: in quotes in a file, anything in the environment.
    Text(String),
    /// A whole number.
    Integer(u64),
    /// True or false.
    Boolean(bool),
    /// Texts.
    List(Vec<String>),
}

/// Puts `value` where `option` says; a relative path is below `base`.
///
/// # Errors
///
/// What is expected instead.
pub(crate) fn assign(
    configuration: &mut Configuration,
    option: &OptionDefinition,
    value: Value,
    base: &Path,
) -> Result<(), String> {
    match option.field {
        Field::Size(field) => *field(configuration) = size(&value)?,
        Field::Length(field) => {
            *field(configuration) =
                usize::try_from(size(&value)?).map_err(|_| SIZE_EXPECTED.to_owned())?;
        }
        Field::Duration(field) => *field(configuration) = duration(&value)?,
        Field::Length32(field) => {
            *field(configuration) =
                u32::try_from(size(&value)?).map_err(|_| SIZE_EXPECTED.to_owned())?;
        }
        Field::Count32(field) => {
            *field(configuration) = u32::try_from(count(&value, 1)?)
                .map_err(|_| format!("a whole number up to {}", u32::MAX))?;
        }
        Field::OptionalDuration(field) => *field(configuration) = Some(duration(&value)?),
        Field::Count(least, field) => *field(configuration) = count(&value, least)?,
        Field::Text(field) => *field(configuration) = text(value)?,
        Field::OptionalPath(field) => {
            *field(configuration) = Some(base.join(PathBuf::from(text(value)?)));
        }
        Field::OptionalText(field) => *field(configuration) = Some(text(value)?),
        Field::Switch(field) => *field(configuration) = switch(&value)?,
        Field::List(field) => *field(configuration) = list(value)?,
    }
    Ok(())
}

fn size(value: &Value) -> Result<u64, String> {
    let bytes = match value {
        Value::Text(text) => parse_size(text),
        Value::Integer(bytes) => Some(*bytes),
        Value::List(_) | Value::Boolean(_) => None,
    };
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| SIZE_EXPECTED.to_owned())
}

fn duration(value: &Value) -> Result<Duration, String> {
    let duration = match value {
        Value::Text(text) => parse_duration(text),
        Value::Integer(_) | Value::List(_) | Value::Boolean(_) => None,
    };
    duration.filter(|duration| !duration.is_zero()).ok_or_else(|| DURATION_EXPECTED.to_owned())
}

fn count(value: &Value, least: usize) -> Result<usize, String> {
    let number = match value {
        Value::Text(text) => text.trim().parse().ok(),
        Value::Integer(number) => usize::try_from(*number).ok(),
        Value::List(_) | Value::Boolean(_) => None,
    };
    number
        .filter(|number| *number >= least)
        .ok_or_else(|| format!("a whole number of at least {least}"))
}

/// The environment has texts only.
fn switch(value: &Value) -> Result<bool, String> {
    let truth = match value {
        Value::Boolean(truth) => Some(*truth),
        Value::Text(text) => text.trim().parse().ok(),
        Value::Integer(_) | Value::List(_) => None,
    };
    truth.ok_or_else(|| "true or false".to_owned())
}

fn text(value: Value) -> Result<String, String> {
    match value {
        Value::Text(text) if !text.is_empty() => Ok(text),
        Value::Text(_) | Value::Integer(_) | Value::Boolean(_) | Value::List(_) => {
            Err("a text in quotes".to_owned())
        }
    }
}

/// The environment has no lists: there the items are separated by commas.
fn list(value: Value) -> Result<Vec<String>, String> {
    match value {
        Value::List(items) => Ok(items),
        Value::Text(text) => Ok(text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()),
        Value::Integer(_) | Value::Boolean(_) => {
            Err("a list of texts such as [\"a\", \"b\"]".to_owned())
        }
    }
}
