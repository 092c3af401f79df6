//! Which standard and which version of it a document claims to follow.
//!
//! Two standards are called ODPS. The one read here is Bitol's (`kind: DataProduct`).

use super::node::Node;
use crate::problems::Finding;

/// What a document describes, by the ending of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A data product: `*.odps.yaml`.
    Product,
    /// A contract: `*.odcs.yaml`.
    Contract,
}

/// Which schema of a standard a version is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edition {
    /// ODCS 3.0 and 3.1, ODPS 0.9 and 1.0.
    Older,
    /// ODCS 3.2, ODPS 1.1.
    Newer,
}

/// One standard with the versions that are read.
#[derive(Debug)]
pub(crate) struct Standard {
    name: &'static str,
    kind: &'static str,
    older: &'static [&'static str],
    newer: &'static [&'static str],
}

static PRODUCTS: Standard = Standard {
    name: "ODPS",
    kind: "DataProduct",
    older: &["v0.9.0", "v1.0.0"],
    newer: &["v1.1.0"],
};

static CONTRACTS: Standard = Standard {
    name: "ODCS",
    kind: "DataContract",
    older: &["v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0"],
    newer: &["v3.2.0"],
};

impl Kind {
    /// The standard of this kind of document.
    pub(crate) fn standard(self) -> &'static Standard {
        match self {
            Self::Product => &PRODUCTS,
            Self::Contract => &CONTRACTS,
        }
    }
}

impl Standard {
    fn versions(&self) -> String {
        let all: Vec<_> = self.older.iter().chain(self.newer).copied().collect();
        all.join(", ")
    }

    fn edition(&self, version: &str) -> Option<Edition> {
        if self.newer.contains(&version) {
            Some(Edition::Newer)
        } else if self.older.contains(&version) {
            Some(Edition::Older)
        } else {
            None
        }
    }
}

/// The edition that a document is held against, or why it is none that is read.
pub(crate) fn edition(kind: Kind, root: &Node) -> Result<Edition, Finding> {
    let standard = kind.standard();
    let expected = format!(
        "expected {} with kind: {} and apiVersion one of {}",
        standard.name,
        standard.kind,
        standard.versions()
    );
    if root.entries().is_empty() {
        let message = format!("found {} instead of a document", root.describe());
        return Err(Finding::error(root.line, "", message).with_hint(expected));
    }
    if let Some(finding) = foreign(root) {
        return Err(finding.with_hint(expected));
    }
    if let Some(found) = root.get("kind").filter(|node| node.text() != Some(standard.kind)) {
        let message = format!("found {}", found.describe());
        return Err(Finding::error(found.line, "kind", message).with_hint(expected));
    }
    let Some(version) = root.get("apiVersion") else {
        return Err(
            Finding::error(root.line, "", "key \"apiVersion\" is missing").with_hint(expected)
        );
    };
    version.text().and_then(|text| standard.edition(text)).ok_or_else(|| {
        let message = format!("{} version {} is not supported", standard.name, version.describe());
        Finding::error(version.line, "apiVersion", message).with_hint(expected)
    })
}

/// Recognises what is written by another standard of a similar name.
fn foreign(root: &Node) -> Option<Finding> {
    if root.get("kind").is_some() {
        return None;
    }
    root.text_of("schema")?;
    let product = root.entries().iter().find(|entry| entry.key == "product")?;
    Some(Finding::error(
        product.line,
        "product",
        "this is a data product of opendataproducts.org, another standard called ODPS, which is \
         not supported",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::yaml;

    fn refusal(kind: Kind, text: &str) -> String {
        let root = yaml::parse(text.as_bytes()).expect("yaml");
        edition(kind, &root).map_or_else(
            |finding| format!("{}: {}", finding.path, finding.message),
            |edition| format!("{edition:?}"),
        )
    }

    #[test]
    fn version_decides_the_edition_and_unknown_ones_are_refused_by_name() {
        for (kind, text, expected) in [
            (Kind::Contract, "{kind: DataContract, apiVersion: v3.2.0}", "Newer"),
            (Kind::Contract, "{kind: DataContract, apiVersion: v3.0.1}", "Older"),
            (
                Kind::Contract,
                "{kind: DataContract, apiVersion: v2.2.2}",
                "apiVersion: ODCS version \"v2.2.2\" is not supported",
            ),
            (
                Kind::Contract,
                "{kind: DataContract, apiVersion: 3.2}",
                "apiVersion: ODCS version the number 3.2 is not supported",
            ),
            (Kind::Contract, "{kind: DataContract}", ": key \"apiVersion\" is missing"),
            (
                Kind::Contract,
                "{kind: DataProduct, apiVersion: v1.1.0}",
                "kind: found \"DataProduct\"",
            ),
            (Kind::Contract, "[]", ": found a list of 0 instead of a document"),
            (Kind::Product, "{kind: DataProduct, apiVersion: v0.9.0}", "Older"),
            (Kind::Product, "{kind: DataProduct, apiVersion: v1.1.0}", "Newer"),
            (
                Kind::Product,
                "{schema: \"https://opendataproducts.org/v4.0/schema\", version: 4.0, product: {}}",
                "product: this is a data product of opendataproducts.org, another standard called \
                 ODPS, which is not supported",
            ),
        ] {
            assert_eq!(refusal(kind, text), expected, "{text}");
        }
    }

    #[test]
    fn refusal_names_the_supported_versions() {
        let root = yaml::parse(b"{kind: DataContract, apiVersion: v2.2.2}").expect("yaml");
        let hint = edition(Kind::Contract, &root).expect_err("refused").hint.unwrap_or_default();
        assert_eq!(
            hint,
            "expected ODCS with kind: DataContract and apiVersion one of v3.0.0, v3.0.1, v3.0.2, \
             v3.1.0, v3.2.0"
        );
    }
}
