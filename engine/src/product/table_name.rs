//! The address of a table in a mesh.

use std::fmt;

/// Which version of a port a name asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum VersionSelector {
    /// The newest active one.
    #[default]
    Latest,
    /// The newest minor of a major version.
    Major(u64),
    /// One minor version.
    Minor(u64, u64),
    /// One patch version.
    Patch(u64, u64, u64),
    /// The newest one that is not served yet.
    Draft,
}

/// The middle part of a name: `product`, `product@2`, `product:port@2.1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProductSelector {
    /// The product.
    pub product: String,
    /// The port, where the name tells.
    pub port: Option<String>,
    /// The version.
    pub version: VersionSelector,
}

impl ProductSelector {
    /// Reads the middle part of a name.
    ///
    /// # Errors
    ///
    /// What is wrong with the text, for a person.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (rest, version) = match text.split_once('@') {
            Some((rest, version)) => (rest, parse_version(version)?),
            None => (text, VersionSelector::Latest),
        };
        let (product, port) = match rest.split_once(':') {
            Some((product, port)) => (product, Some(port)),
            None => (rest, None),
        };
        if product.is_empty() {
            return Err("no product is named".to_owned());
        }
        if port.is_some_and(str::is_empty) {
            return Err("no port is named after the colon".to_owned());
        }
        Ok(Self { product: product.to_owned(), port: port.map(str::to_owned), version })
    }
}

fn parse_version(text: &str) -> Result<VersionSelector, String> {
    if text == "latest" {
        return Ok(VersionSelector::Latest);
    }
    if text == "draft" {
        return Ok(VersionSelector::Draft);
    }
    let number = |part: &str| -> Option<u64> {
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let parts: Vec<Option<u64>> = text.split('.').map(number).collect();
    match parts.as_slice() {
        [Some(major)] => Ok(VersionSelector::Major(*major)),
        [Some(major), Some(minor)] => Ok(VersionSelector::Minor(*major, *minor)),
        [Some(major), Some(minor), Some(patch)] => {
            Ok(VersionSelector::Patch(*major, *minor, *patch))
        }
        _ => Err(format!("version \"{text}\" is not N, N.M, N.M.P, latest or draft")),
    }
}

impl fmt::Display for VersionSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Major(major) => write!(f, "{major}"),
            Self::Minor(major, minor) => write!(f, "{major}.{minor}"),
            Self::Patch(major, minor, patch) => write!(f, "{major}.{minor}.{patch}"),
            Self::Draft => f.write_str("draft"),
        }
    }
}

impl fmt::Display for ProductSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.product)?;
        if let Some(port) = &self.port {
            write!(f, ":{port}")?;
        }
        match self.version {
            VersionSelector::Latest => Ok(()),
            version => write!(f, "@{version}"),
        }
    }
}

/// The address of a table: `domain.product.table`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableName {
    /// The domain.
    pub domain: String,
    /// The product, with port and version.
    pub product: ProductSelector,
    /// The table.
    pub table: String,
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.domain, self.product, self.table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selector_reads_back_what_it_prints() {
        for text in [
            "plays",
            "plays@2",
            "plays@2.1",
            "plays@2.1.0",
            "plays:raw@2",
            "plays@draft",
            "plays:raw",
        ] {
            let selector = ProductSelector::parse(text).map(|selector| selector.to_string());
            assert_eq!(selector.as_deref(), Ok(text), "{text}");
        }
        for text in ["", "@1", ":a", "a:", "a@", "a@x", "a@1.2.3.4", "a@1.", "a@-1"] {
            assert!(ProductSelector::parse(text).is_err(), "{text}");
        }
    }
}
