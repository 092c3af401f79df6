//! From which version on a table's commits say themselves when they were made.

use std::collections::HashMap;

use samite_engine::Result;

use super::log;

const IS_ENABLED: &str = "delta.enableInCommitTimestamps";
const SINCE_VERSION: &str = "delta.inCommitTimestampEnablementVersion";
const SINCE_INSTANT: &str = "delta.inCommitTimestampEnablementTimestamp";

/// Which commits have an in-commit timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InCommitTimestamps {
    /// None of them, as far as the newest state of the table says.
    Never,
    /// All of them.
    Always,
    /// Those from a version on, which was made at an instant.
    Since {
        /// The first version that has one.
        version: u64,
        /// Its in-commit timestamp, in milliseconds since 1970.
        ms: i64,
    },
}

impl InCommitTimestamps {
    /// What the properties of `table` say.
    ///
    /// # Errors
    ///
    /// If they do not fit together.
    pub(super) fn parse(table: &str, properties: &HashMap<String, String>) -> Result<Self> {
        let is_enabled =
            properties.get(IS_ENABLED).is_some_and(|text| text.eq_ignore_ascii_case("true"));
        if !is_enabled {
            return Ok(Self::Never);
        }
        match (properties.get(SINCE_VERSION), properties.get(SINCE_INSTANT)) {
            (None, None) => Ok(Self::Always),
            (Some(version), Some(ms)) => match (version.parse(), ms.parse()) {
                (Ok(version), Ok(ms)) => Ok(Self::Since { version, ms }),
                _ => Err(wrong(table)),
            },
            _ => Err(wrong(table)),
        }
    }

    /// The first version to look at for an instant, if commits tell of it; `None` if files do.
    pub(super) fn first_version(self, at_ms: i64) -> Option<u64> {
        match self {
            Self::Always => Some(0),
            Self::Since { version, ms } if at_ms >= ms => Some(version),
            Self::Since { .. } | Self::Never => None,
        }
    }

    /// True if the commit of `version` says when it was made.
    pub(super) fn tells(self, of_version: u64) -> bool {
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::Since { version, .. } => of_version >= version,
        }
    }
}

fn wrong(table: &str) -> samite_engine::Error {
    let detail = "its properties do not say since when it has in-commit timestamps";
    log::damaged(table, detail.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_say_which_commits_tell() {
        use InCommitTimestamps::{Always, Never, Since};
        type Properties = &'static [(&'static str, &'static str)];
        let cases: [(Properties, Option<InCommitTimestamps>); 7] = [
            (&[], Some(Never)),
            (&[(IS_ENABLED, "false"), (SINCE_VERSION, "x")], Some(Never)),
            (&[(IS_ENABLED, "true")], Some(Always)),
            (
                &[(IS_ENABLED, "TRUE"), (SINCE_VERSION, "5"), (SINCE_INSTANT, "70")],
                Some(Since { version: 5, ms: 70 }),
            ),
            (&[(IS_ENABLED, "true"), (SINCE_VERSION, "5")], None),
            (&[(IS_ENABLED, "true"), (SINCE_INSTANT, "5")], None),
            (&[(IS_ENABLED, "true"), (SINCE_VERSION, "x"), (SINCE_INSTANT, "70")], None),
        ];
        for (properties, expected) in cases {
            let properties: HashMap<String, String> =
                properties.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            let parsed = InCommitTimestamps::parse("a.b.c", &properties);
            assert_eq!(parsed.ok(), expected, "{properties:?}");
        }
    }

    #[test]
    fn instants_before_the_enablement_are_those_of_files() {
        use InCommitTimestamps::{Always, Never, Since};
        let since = Since { version: 5, ms: 70 };
        for (rule, at_ms, first) in [
            (Never, 100, None),
            (Always, 0, Some(0)),
            (since, 69, None),
            (since, 70, Some(5)),
            (since, 99, Some(5)),
        ] {
            assert_eq!(rule.first_version(at_ms), first, "{rule:?} at {at_ms}");
        }
        assert_eq!((since.tells(4), since.tells(5)), (false, true));
    }
}
