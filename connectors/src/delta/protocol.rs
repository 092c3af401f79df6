//! What a table needs of its readers, held against what Samite reads.

use samite_engine::{Error, ErrorKind, Result};

/// The newest reader version whose rules are kept.
const READER_VERSION_MAX: i32 = 3;

/// The reader features whose rules are kept.
const READER_FEATURES: [&str; 7] = [
    "columnMapping",
    "deletionVectors",
    "timestampNtz",
    "typeWidening",
    "typeWidening-preview",
    "v2Checkpoint",
    "vacuumProtocolCheck",
];

/// Refuses a table that needs more than Samite does.
///
/// # Errors
///
/// `Unsupported`, naming the table and the version or feature.
pub(super) fn check(table: &str, reader_version: i32, features: &[String]) -> Result<()> {
    if !(1..=READER_VERSION_MAX).contains(&reader_version) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("table \"{table}\" needs Delta reader version {reader_version}"),
        )
        .with_detail(format!("versions 1 to {READER_VERSION_MAX} are read")));
    }
    match features.iter().find(|feature| !READER_FEATURES.contains(&feature.as_str())) {
        Some(feature) => Err(unsupported(table, feature)),
        None => Ok(()),
    }
}

/// The error for a feature that is not read.
pub(super) fn unsupported(table: &str, feature: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("table \"{table}\" needs Delta feature \"{feature}\", which is not read"),
    )
    .with_detail(format!("read are {}", READER_FEATURES.join(", ")))
    .with_hint("ask the owner of the product to drop the feature from the table")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_features_and_versions_are_read() {
        for (version, features, refused) in [
            (1, vec![], None),
            (2, vec![], None),
            (3, vec!["deletionVectors", "columnMapping", "timestampNtz"], None),
            (3, vec!["deletionVectors", "typeWidening"], None),
            (3, vec!["deletionVectors", "typeLosing"], Some("typeLosing")),
            (3, vec!["variantType"], Some("variantType")),
            (3, vec!["catalogManaged"], Some("catalogManaged")),
            (4, vec![], Some("version 4")),
            (0, vec![], Some("version 0")),
        ] {
            let features: Vec<String> = features.into_iter().map(str::to_owned).collect();
            let checked = check("a.b.c", version, &features);
            match (checked, refused) {
                (Ok(()), None) => {}
                (Err(error), Some(name)) => {
                    assert_eq!(error.kind(), ErrorKind::Unsupported);
                    assert!(error.message().contains(name), "{name}: {error}");
                    assert!(error.message().contains("a.b.c"), "{error}");
                }
                (checked, _) => panic!("{version} {features:?}: {checked:?}"),
            }
        }
    }
}
