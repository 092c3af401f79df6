//! What a session may set.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::compute::kernels::cast_utils::string_to_datetime;

use crate::error::{Error, ErrorKind, Result};
use crate::snapshot_token::SnapshotToken;

/// One option that `SET` knows.
#[derive(Debug, Clone, Copy)]
pub struct SettingDefinition {
    /// The name.
    pub name: &'static str,
    /// What it does, with unit and range.
    pub description: &'static str,
    /// What holds while it is not set; `None` if nothing does.
    pub default: Option<&'static str>,
}

/// Every option that `SET` knows; all else is refused.
pub const SETTINGS: &[SettingDefinition] = &[
    SettingDefinition {
        name: "catalog",
        description: "the domain of names with two parts or one",
        default: None,
    },
    SettingDefinition {
        name: "schema",
        description: "the product of names with one part",
        default: None,
    },
    SettingDefinition {
        name: "timezone",
        description: "the zone of timestamps with a zone: an IANA name or an offset such as +01:00",
        default: Some("UTC"),
    },
    SettingDefinition {
        name: "mesh.purpose",
        description: "what the data is used for",
        default: None,
    },
    SettingDefinition {
        name: "mesh.as_of",
        description: "the instant as of which every product is read, such as 2026-01-31 12:00:00",
        default: None,
    },
    SettingDefinition {
        name: "mesh.snapshots",
        description: "the snapshots to read: the column snapshots of mesh.runtime.queries",
        default: None,
    },
    SettingDefinition {
        name: "statement_timeout",
        description: "the longest time of a statement in seconds, at most the server's own; 0 for the server's own",
        default: None,
    },
];

/// What a session has set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
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

    /// What the data is used for, if somebody said it.
    pub(crate) fn purpose(&self) -> Option<&str> {
        self.get("mesh.purpose")
    }

    /// The session's zone of time; UTC unless it is set.
    ///
    /// # Errors
    ///
    /// When it is no zone, which [`Settings::set`] does not let in.
    pub(crate) fn zone(&self) -> Result<Tz> {
        let name = self.get("timezone").unwrap_or("UTC");
        name.parse().map_err(|_| cannot_be("timezone", name, ZONE_FORM))
    }

    /// The instant as of which every product is read, if one is set.
    ///
    /// # Errors
    ///
    /// When it is no instant, which [`Settings::set`] does not let in.
    pub(crate) fn as_of(&self) -> Result<Option<DateTime<Utc>>> {
        let Some(text) = self.get("mesh.as_of") else { return Ok(None) };
        match string_to_datetime(&self.zone()?, text) {
            Ok(instant) => Ok(Some(instant.to_utc())),
            Err(_) => Err(cannot_be("mesh.as_of", text, INSTANT_FORM)),
        }
    }

    /// The snapshots to read, if they are set.
    ///
    /// # Errors
    ///
    /// When it is no token, which [`Settings::set`] does not let in.
    pub(crate) fn snapshots(&self) -> Result<Option<SnapshotToken>> {
        self.get("mesh.snapshots").map(str::parse).transpose()
    }

    /// Sets an option.
    ///
    /// # Errors
    ///
    /// When there is no such option, or it cannot have this value.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let definition = definition(name)?;
        let mut changed = self.clone();
        changed.values.insert(definition.name, value.to_owned());
        changed.check_value(definition.name, value)?;
        *self = changed;
        Ok(())
    }

    /// Gives an option its default back; `all` is every one but the catalog, which is where the session is.
    ///
    /// # Errors
    ///
    /// When there is no such option.
    pub fn reset(&mut self, name: &str) -> Result<()> {
        if name.eq_ignore_ascii_case("all") {
            self.values.retain(|name, _| *name == "catalog");
            return Ok(());
        }
        self.values.remove(definition(name)?.name);
        Ok(())
    }

    fn check_value(&self, name: &str, value: &str) -> Result<()> {
        match name {
            "timezone" => self.zone().map(drop),
            "mesh.as_of" => self.as_of().and_then(|_| self.check_one_time()),
            "mesh.snapshots" => self.snapshots().and_then(|_| self.check_one_time()),
            "statement_timeout" if value.parse::<u32>().is_err() => {
                Err(cannot_be(name, value, "a whole number of seconds"))
            }
            _ => Ok(()),
        }
    }

    fn check_one_time(&self) -> Result<()> {
        match (self.get("mesh.as_of"), self.get("mesh.snapshots")) {
            (Some(_), Some(_)) => Err(Error::new(
                ErrorKind::InvalidQuery,
                "mesh.as_of and mesh.snapshots cannot both be set",
            )
            .with_hint("RESET the other one first")),
            _ => Ok(()),
        }
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

const ZONE_FORM: &str = "an IANA name such as Europe/Stockholm, or an offset such as +01:00";

const INSTANT_FORM: &str =
    "a date, or date and time with or without zone, such as 2026-01-31 or 2026-01-31T12:00:00Z";

fn cannot_be(name: &str, value: &str, expected: &str) -> Error {
    Error::new(ErrorKind::InvalidQuery, format!("setting \"{name}\" cannot be \"{value}\""))
        .with_hint(format!("it takes {expected}"))
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
            ("mesh.as_of", "yesterday"),
            ("mesh.snapshots", "delta:3"),
        ] {
            assert!(settings.set(name, value).is_err(), "{name} = {value}");
        }
        assert!(settings.set("mesh.as_of", "2026-01-31").is_ok());
        assert!(settings.set("mesh.snapshots", "{}").is_err());
        assert!(settings.reset("all").is_ok());
        assert_eq!((settings.catalog(), settings.as_of().ok()), (Some("artists"), Some(None)));
        assert!(settings.reset("catalog").is_ok());
        assert_eq!(settings.catalog(), None);
    }
}
