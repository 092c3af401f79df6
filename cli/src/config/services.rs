//! The sections `[services."domain.product"]`: what the services of virtual products are.

use std::collections::BTreeMap;

use samite_engine::Result;
use samite_engine::config::ServiceConfig;
use toml::de::{DeTable, DeValue};

use super::file::{Source, plain};
use super::stores::{KeyDefinition, key};
use super::value::Value;

/// The keys of such a section.
pub(crate) const SERVICE_KEYS: &[KeyDefinition] = &[
    key("groups", "Groups that the service is in besides that of its domain, as a list of texts."),
    key(
        "attributes",
        "What policies know of it, as `{ clearance = 2, country = \"SE\" }`; its domain is known anyway.",
    ),
    key("purpose", "What it reads for where no agreement says it."),
];

/// Reads all of them.
///
/// # Errors
///
/// When one has a key that does not exist, or a value that does not fit.
pub(crate) fn read(
    source: &Source<'_>,
    sections: &DeTable<'_>,
) -> Result<BTreeMap<String, ServiceConfig>> {
    let mut all = BTreeMap::new();
    for (name, section) in sections {
        let DeValue::Table(table) = section.get_ref() else {
            return Err(source
                .error(&name.span(), format!("[services] has no option \"{}\"", name.get_ref()))
                .with_hint("write a section such as [services.\"domain.product\"]"));
        };
        all.insert(name.get_ref().to_string(), service(source, table)?);
    }
    Ok(all)
}

fn service(source: &Source<'_>, table: &DeTable<'_>) -> Result<ServiceConfig> {
    let mut service = ServiceConfig::default();
    for (name, value) in table {
        let refused = |takes: &str| {
            let message = format!("[services] {} cannot have this value", name.get_ref());
            source.error(&value.span(), message).with_hint(format!("it takes {takes}"))
        };
        match (name.get_ref().as_ref(), value.get_ref()) {
            ("groups", list) => match plain(list) {
                Some(Value::List(groups)) => service.groups = groups,
                _ => return Err(refused("a list of texts")),
            },
            ("attributes", DeValue::Table(attributes)) => {
                for (name, value) in attributes {
                    let text = match plain(value.get_ref()) {
                        Some(Value::Text(text)) => text,
                        Some(Value::Integer(number)) => number.to_string(),
                        _ => return Err(refused("texts and whole numbers")),
                    };
                    service.attributes.insert(name.get_ref().to_string(), text);
                }
            }
            ("attributes", _) => return Err(refused("a table such as { clearance = 2 }")),
            ("purpose", text) => match plain(text) {
                Some(Value::Text(text)) => service.purpose = Some(text),
                _ => return Err(refused("a text")),
            },
            (unknown, _) => {
                let message = format!("[services] has no option \"{unknown}\"");
                return Err(source
                    .error(&name.span(), message)
                    .with_hint("its options are groups, attributes, purpose"));
            }
        }
    }
    Ok(service)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Configuration, Environment};

    fn load(text: &str) -> Result<Configuration> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samite.toml");
        std::fs::write(&path, text).unwrap();
        Configuration::load(Some(&path), Environment::default())
    }

    #[test]
    fn service_has_what_the_operator_gives() {
        let text = "[services.\"a.b\"]\ngroups = [\"readers\"]\n\
                    attributes = { clearance = 2, country = \"SE\" }\npurpose = \"reports\"\n\
                    [services.\"a.c\"]\n";
        let services = load(text).unwrap().engine.services;
        let given = &services["a.b"];
        assert_eq!(given.groups, ["readers"]);
        assert_eq!(given.attributes["clearance"], "2");
        assert_eq!(given.attributes["country"], "SE");
        assert_eq!(given.purpose.as_deref(), Some("reports"));
        assert_eq!(services["a.c"], ServiceConfig::default());
    }

    #[test]
    fn mistake_is_named() {
        for (text, message) in [
            ("[services]\na = 1\n", "2: [services] has no option \"a\""),
            ("[services.\"a.b\"]\ngroup = []\n", "2: [services] has no option \"group\""),
            ("[services.\"a.b\"]\ngroups = \"x\"\n", "2: [services] groups cannot have"),
            ("[services.\"a.b\"]\nattributes = 3\n", "2: [services] attributes cannot have"),
            ("[services.\"a.b\"]\nattributes = { a = [] }\n", "attributes cannot have"),
            ("[services.\"a.b\"]\npurpose = 3\n", "2: [services] purpose cannot have"),
        ] {
            let error = load(text).err().unwrap();
            assert!(error.message().contains(message), "{text}: {error:?}");
        }
    }
}
