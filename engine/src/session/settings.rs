//! What a session may set.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};

/// One option that `SET` knows.
#[derive(Debug, Clone, Copy)]
pub struct SettingDefinition {
    /// The name.
    pub name: &'static str,
    /// What it does, with unit and range.
    pub description: &'static str,
}

/// Every option that `SET` knows; all else is refused.
pub const SETTINGS: &[SettingDefinition] = &[
    SettingDefinition { name: "catalog", description: "the domain of names with two parts or one" },
    SettingDefinition { name: "schema", description: "the product of names with one part" },
    SettingDefinition {
        name: "timezone",
        description: "the zone of timestamps with a zone: an IANA name or an offset such as +01:00",
    },
    SettingDefinition { name: "mesh.purpose", description: "what the data is used for" },
    SettingDefinition {
        name: "statement_timeout",
        description: "the longest time of a statement in seconds, at most the server's own; 0 for the server's own",
    },
];

/// What a session has set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    values: BTreeMap<&'static str, String>,
}

impl Settings {
    /// The value of an option; `None` if it was never set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The session's catalog (domain).
    #[must_use]
    pub fn catalog(&self) -> Option<&str> {
        self.get("catalog")
    }

    /// The session's schema (product).
    #[must_use]
    pub fn schema(&self) -> Option<&str> {
        self.get("schema")
    }

    /// Sets an option.
    ///
    /// # Errors
    ///
    /// When there is no such option, or it cannot have this value.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let definition = definition(name)?;
        check_value(definition.name, value)?;
        self.values.insert(definition.name, value.to_owned());
        Ok(())
    }

    /// Gives an option its default back.
    ///
    /// # Errors
    ///
    /// When there is no such option.
    pub fn reset(&mut self, name: &str) -> Result<()> {
        self.values.remove(definition(name)?.name);
        Ok(())
    }

    /// All options that have a value, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.values.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

/// The name of a setting as it is listed.
///
/// # Errors
///
/// When there is no such setting.
pub(crate) fn canonical_setting(name: &str) -> Result<&'static str> {
    definition(name).map(|definition| definition.name)
}

fn definition(name: &str) -> Result<&'static SettingDefinition> {
    let folded = name.to_ascii_lowercase();
    let folded = match folded.as_str() {
        "time zone" | "time_zone" | "datafusion.execution.time_zone" => "timezone",
        other => other,
    };
    SETTINGS.iter().find(|setting| setting.name == folded).ok_or_else(|| {
        let names: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
        Error::new(ErrorKind::InvalidQuery, format!("setting \"{name}\" does not exist"))
            .with_hint(format!("the settings are {}", names.join(", ")))
    })
}

fn check_value(name: &str, value: &str) -> Result<()> {
    let expected = match name {
        "timezone" if value.parse::<datafusion::arrow::array::timezone::Tz>().is_err() => {
            "an IANA name such as Europe/Stockholm, or an offset such as +01:00"
        }
        "statement_timeout" if value.parse::<u32>().is_err() => "a whole number of seconds",
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::InvalidQuery, format!("setting \"{name}\" cannot be \"{value}\""))
        .with_hint(format!("it takes {expected}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_is_listed_or_refused() {
        let mut settings = Settings::default();
        assert!(settings.set("CATALOG", "artists").is_ok());
        assert_eq!(settings.catalog(), Some("artists"));
        assert!(settings.set("time zone", "Europe/Stockholm").is_ok());
        for (name, value) in [
            ("datafusion.runtime.memory_limit", "1G"),
            ("timezone", "Moon/Base"),
            ("statement_timeout", "-1"),
        ] {
            assert!(settings.set(name, value).is_err(), "{name} = {value}");
        }
        assert!(settings.reset("catalog").is_ok());
        assert_eq!(settings.catalog(), None);
    }
}
