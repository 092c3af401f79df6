//! Samite's own keys in a contract: `customProperties` with `vendor: samite`.
//!
//! Contracts older than ODCS 3.2 have no `vendor`; there the name of the property alone decides.

use crate::documents::{Edition, Node};
use crate::problems::Finding;

/// A part of a contract that can carry extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Contract,
    Server,
    Table,
    Column,
    ServiceLevel,
    QualityRule,
}

impl Part {
    fn path(self) -> &'static str {
        match self {
            Self::Contract => "the contract itself",
            Self::Server => "servers[]",
            Self::Table => "schema[]",
            Self::Column => "schema[].properties[]",
            Self::ServiceLevel => "slaProperties[]",
            Self::QualityRule => "quality[]",
        }
    }
}

/// What an extension may be used on, and the words it may hold where they are a closed list.
struct Extension {
    name: &'static str,
    parts: &'static [Part],
    words: &'static [&'static str],
}

const fn extension(name: &'static str, parts: &'static [Part]) -> Extension {
    Extension { name, parts, words: &[] }
}

static EXTENSIONS: [Extension; 11] = [
    extension("credentialRef", &[Part::Server]),
    Extension { words: &["hive"], ..extension("partitioning", &[Part::Server]) },
    Extension {
        words: &["none", "vended-credentials", "remote-signing"],
        ..extension("accessDelegation", &[Part::Server])
    },
    extension("serverPreference", &[Part::Server, Part::Contract]),
    extension("snapshot", &[Part::Server]),
    extension("compatibility", &[Part::Contract]),
    Extension {
        words: &["warn", "refuse"],
        ..extension("onBreach", &[Part::ServiceLevel, Part::Contract])
    },
    extension("sqlDialect", &[Part::QualityRule]),
    extension("dataCategory", &[Part::Table, Part::Column]),
    extension("dataSubject", &[Part::Table, Part::Column]),
    extension("allowedPurposes", &[Part::Contract]),
];

fn known(name: &str) -> Option<&'static Extension> {
    EXTENSIONS.iter().find(|extension| extension.name == name)
}

fn is_ours(property: &Node, name: &str, edition: Edition) -> bool {
    match edition {
        Edition::Newer => property.text_of("vendor") == Some("samite"),
        Edition::Older => known(name).is_some(),
    }
}

/// The value of an extension on one part of a contract.
pub(crate) fn value<'a>(owner: &'a Node, name: &str, edition: Edition) -> Option<&'a Node> {
    owner
        .items_of("customProperties")
        .iter()
        .filter(|property| property.text_of("property") == Some(name))
        .find(|property| is_ours(property, name, edition))
        .and_then(|property| property.get("value"))
}

/// Looks at all extensions on one part: unknown and misplaced ones are errors, because the author
/// relies on them; those that nothing acts upon yet are named.
pub(crate) fn audit(owner: &Node, path: &str, part: Part, edition: Edition) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for (index, property) in owner.items_of("customProperties").iter().enumerate() {
        let Some(name) = property.text_of("property") else { continue };
        let dot = if path.is_empty() { "" } else { "." };
        let place = format!("{path}{dot}customProperties[{index}]");
        if !is_ours(property, name, edition) {
            if known(name).is_some() && property.get("vendor").is_none() {
                let message = format!("extension \"{name}\" is not read without its vendor");
                findings.push(
                    Finding::warning(property.line, place, message).with_hint("add vendor: samite"),
                );
            }
            continue;
        }
        if seen.contains(&name) {
            let message = format!("extension \"{name}\" is here twice");
            findings.push(Finding::error(property.line, place, message).with_hint("keep one"));
            continue;
        }
        seen.push(name);
        findings.extend(judged(property, name, &place, part));
    }
    findings
}

fn judged(property: &Node, name: &str, place: &str, part: Part) -> Option<Finding> {
    let line = property.line;
    let Some(extension) = known(name) else {
        let names: Vec<_> = EXTENSIONS.iter().map(|extension| extension.name).collect();
        let message = format!("Samite has no extension \"{name}\"");
        let hint = format!("expected one of {}", names.join(", "));
        return Some(Finding::error(line, place, message).with_hint(hint));
    };
    if !extension.parts.contains(&part) {
        let parts: Vec<_> = extension.parts.iter().map(|part| part.path()).collect();
        let message = format!("extension \"{name}\" has no meaning here");
        let hint = format!("it belongs on {}", parts.join(" or "));
        return Some(Finding::error(line, place, message).with_hint(hint));
    }
    let value = property.get("value")?;
    let word = value.text();
    if !extension.words.is_empty() && !word.is_some_and(|word| extension.words.contains(&word)) {
        let message = format!("{name}: found {}", value.describe());
        let hint = format!("expected one of {}", extension.words.join(", "));
        return Some(Finding::error(value.line, format!("{place}.value"), message).with_hint(hint));
    }
    let later = |message: &str| Finding::warning(line, place, message);
    match (name, word) {
        ("accessDelegation", Some("vended-credentials" | "remote-signing")) => Some(
            later("accessDelegation is not acted upon yet")
                .with_hint("configured credentials are used"),
        ),
        ("serverPreference", _) => Some(
            later("serverPreference is not acted upon yet")
                .with_hint("servers are taken in the order of the contract"),
        ),
        _ => None,
    }
}
