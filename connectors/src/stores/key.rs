//! What makes a store another store, and the name that comes of it.

use std::fmt;

use sha2::{Digest, Sha256};

use super::config::StoreOptions;
use super::location::{Location, Scheme};

/// Names a store: the same for the same place and options, in every process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoreId(pub(super) String);

impl StoreId {
    /// The name, which is also a host name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What makes a store another store: each of its options decides on what a location means, how it
/// is reached or who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct StoreKey {
    pub(super) scheme: Scheme,
    pub(super) authority: String,
    pub(super) options: StoreOptions,
}

impl StoreKey {
    /// The key of the store that `location` lies in.
    pub(super) fn new(location: &Location, options: StoreOptions) -> Self {
        Self { scheme: location.scheme, authority: location.authority.clone(), options }
    }

    /// The name of the store.
    pub(super) fn id(&self) -> StoreId {
        if self.scheme == Scheme::File {
            return StoreId("local".to_owned());
        }
        // Taken apart, so that a new option cannot be left out.
        let StoreOptions {
            endpoint,
            region,
            account,
            allow_http,
            virtual_hosted,
            ca_file,
            credential,
            use_machine_identity,
        } = &self.options;
        let flag = |is_set: bool| Some(if is_set { "yes" } else { "no" });
        let mut hash = Sha256::new();
        for part in [
            Some(self.scheme.as_str()),
            Some(self.authority.as_str()),
            endpoint.as_deref(),
            region.as_deref(),
            account.as_deref(),
            allow_http.and_then(flag),
            flag(*virtual_hosted),
            ca_file.as_deref(),
            credential.as_deref(),
            flag(*use_machine_identity),
        ] {
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            hash.update(length.to_le_bytes());
            hash.update(part.unwrap_or_default());
        }
        let digest: String =
            hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        StoreId(format!("{}-{digest}", self.scheme.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_makes_another_store() {
        let location = Location::parse("az://data/x").expect("a location");
        let text = || Some("x".to_owned());
        let plain = StoreOptions::default;
        let mut names: Vec<String> = [
            plain(),
            StoreOptions { endpoint: text(), ..plain() },
            StoreOptions { region: text(), ..plain() },
            StoreOptions { account: text(), ..plain() },
            StoreOptions { account: Some("y".to_owned()), ..plain() },
            StoreOptions { allow_http: Some(true), ..plain() },
            StoreOptions { allow_http: Some(false), ..plain() },
            StoreOptions { virtual_hosted: true, ..plain() },
            StoreOptions { ca_file: text(), ..plain() },
            StoreOptions { credential: text(), ..plain() },
            StoreOptions { use_machine_identity: true, ..plain() },
        ]
        .into_iter()
        .map(|options| StoreKey::new(&location, options).id().to_string())
        .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{names:?}");
    }
}
