//! The sections whose names are the user's own: `[stores."s3://bucket"]` and `[credentials.NAME]`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use samite_engine::{Error, ErrorKind, Result};
use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

use super::file::{Source, plain};
use super::value::Value;

/// One key of such a section, for the reference.
pub(crate) struct KeyDefinition {
    /// The key.
    pub(crate) key: &'static str,
    /// What it does.
    pub(crate) text: &'static str,
}

pub(super) const fn key(key: &'static str, text: &'static str) -> KeyDefinition {
    KeyDefinition { key, text }
}

/// The keys of `[stores."..."]`.
pub(crate) const STORE_KEYS: &[KeyDefinition] = &[
    key("endpoint", "URL of the service; that of the provider if absent."),
    key("region", "Region of the bucket."),
    key("account", "Storage account of an Azure container, where the location does not hold it."),
    key(
        "allow_http",
        "Unencrypted connections; by default allowed exactly if `endpoint` begins with `http://`.",
    ),
    key("virtual_hosted", "True if the bucket is part of the host name and not of the path."),
    key(
        "ca_file",
        "Path of a PEM file with certificates of authorities that are trusted besides those of the machine.",
    ),
    key(
        "credential",
        "Name of a `[credentials.NAME]` section; requests are not signed without it.",
    ),
    key(
        "use_machine_identity",
        "True if credentials of the machine itself (instance role, managed identity) sign the requests.",
    ),
];

/// The keys of `[credentials.NAME]`.
pub(crate) const CREDENTIAL_KEYS: &[KeyDefinition] = &[
    key("access_key_id", "S3: id of the key."),
    key("secret_access_key", "S3: the key."),
    key("session_token", "S3: token of a session."),
    key("account_key", "Azure: key of the account."),
    key("sas_token", "Azure: shared access signature, as query text."),
    key("client_id", "Azure: id of an application."),
    key("client_secret", "Azure: secret of an application."),
    key("tenant_id", "Azure: tenant of an application."),
    key("service_account_key", "Google: key of a service account, as JSON."),
    key("bearer_token", "Azure and HTTP: a token."),
];

/// Reads all sections `[kind.NAME]`.
///
/// # Errors
///
/// When one has a key that does not exist, a value that does not fit, or names a variable that is
/// not set.
pub(crate) fn read<T: DeserializeOwned>(
    source: &Source<'_>,
    kind: &str,
    sections: &DeTable<'_>,
) -> Result<BTreeMap<String, T>> {
    let mut all = BTreeMap::new();
    for (name, section) in sections {
        let DeValue::Table(table) = section.get_ref() else {
            return Err(source
                .error(&name.span(), format!("[{kind}] has no option \"{}\"", name.get_ref()))
                .with_hint(format!("write a section such as [{kind}.\"NAME\"]")));
        };
        let options = expanded(source, kind, table)?;
        let options = options.try_into().map_err(|error: toml::de::Error| {
            source
                .error(&name.span(), format!("[{kind}.\"{}\"] cannot be used", name.get_ref()))
                .with_detail(error.message().to_owned())
        })?;
        all.insert(name.get_ref().to_string(), options);
    }
    Ok(all)
}

/// The values of a section, `${NAME}` replaced. A text or a truth value and nothing else, so that
/// no message of a reader repeats a secret that was written as a number.
fn expanded(source: &Source<'_>, kind: &str, table: &DeTable<'_>) -> Result<toml::Table> {
    let mut options = toml::Table::new();
    for (key, value) in table {
        let place = || {
            source
                .error(&value.span(), format!("[{kind}] {} cannot have this value", key.get_ref()))
        };
        let value = match (value.get_ref(), plain(value.get_ref())) {
            (DeValue::Boolean(flag), _) => toml::Value::Boolean(*flag),
            (_, Some(Value::Text(text))) => match file_of(source, kind, &text) {
                Some(file) => {
                    // It is read again when it is used; a mistake shows at the start.
                    std::fs::metadata(&file).map_err(|error| {
                        place()
                            .with_detail(format!("file {}: {error}", file.display()))
                            .with_hint("mount the file before samite starts")
                    })?;
                    toml::Value::String(format!("${{file:{}}}", file.display()))
                }
                None => toml::Value::String(resolved(source, &text).map_err(|why| {
                    place().with_detail(why).with_hint("set the variable before samite starts")
                })?),
            },
            _ => return Err(place().with_hint("it takes a text in quotes, true or false")),
        };
        options.insert(key.get_ref().to_string(), value);
    }
    Ok(options)
}

/// The file of `${file:PATH}`, which holds a credential; a relative path is below the folder of the
/// configuration.
fn file_of(source: &Source<'_>, kind: &str, text: &str) -> Option<PathBuf> {
    let path = text.strip_prefix("${file:")?.strip_suffix('}')?;
    (kind == "credentials").then(|| {
        let file = source.folder().join(path);
        std::path::absolute(&file).unwrap_or(file)
    })
}

/// A value that is `${NAME}` as a whole is that variable of the environment.
fn resolved(source: &Source<'_>, text: &str) -> Result<String, String> {
    match text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
        Some(name) => source
            .environment
            .get(name)
            .map(str::to_owned)
            .ok_or_else(|| format!("variable {name} is not set")),
        None => Ok(text.to_owned()),
    }
}

/// Refuses a store that names credentials which are not there.
///
/// # Errors
///
/// When there is such a store.
pub(crate) fn check(configuration: &super::Configuration) -> Result<()> {
    for (location, store) in &configuration.stores.stores {
        let Some(name) = &store.credential else { continue };
        if !configuration.stores.credentials.contains_key(name) {
            return Err(Error::new(
                ErrorKind::InvalidConfiguration,
                format!("[stores.\"{location}\"] names credential \"{name}\", which is not there"),
            )
            .with_hint(format!("write a section [credentials.{name}]")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use samite_connectors::stores::{Credentials, StoreOptions};

    use super::*;

    /// The keys that a type reads, as its own refusal of an unknown one lists them.
    fn keys_of<T: DeserializeOwned>() -> Vec<String> {
        let unknown = toml::Table::from_iter([("no such key".to_owned(), toml::Value::from(1))]);
        let error = unknown.try_into::<T>().err().unwrap().to_string();
        let mut keys: Vec<String> =
            error.split('`').skip(1).step_by(2).skip(1).map(str::to_owned).collect();
        keys.sort();
        keys
    }

    #[test]
    fn reference_has_every_key() {
        let listed = |keys: &[KeyDefinition]| {
            let mut keys: Vec<String> = keys.iter().map(|key| key.key.to_owned()).collect();
            keys.sort();
            keys
        };
        assert_eq!(listed(STORE_KEYS), keys_of::<StoreOptions>());
        assert_eq!(listed(CREDENTIAL_KEYS), keys_of::<Credentials>());
    }
}
