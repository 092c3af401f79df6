//! What may be read: the mesh itself and what `[locations] allow` lists.
//!
//! Remote places are compared as text. Files are compared after following every symbolic link,
//! those of the allowed folders included, so that neither `..` nor a link leads out of them.

use std::path::{Path as FilePath, PathBuf};

use samite_engine::{Error, ErrorKind, Result};

use super::location::{Location, Scheme};
use super::shown::shown;

/// The prefixes of what may be read.
#[derive(Debug, Clone, Default)]
pub(super) struct AllowList {
    prefixes: Vec<Location>,
}

impl AllowList {
    /// Reads the prefixes.
    ///
    /// # Errors
    ///
    /// If one of them is not a location.
    pub(super) fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let mut prefixes = Vec::new();
        for text in texts {
            prefixes.push(Location::parse(text)?);
        }
        Ok(Self { prefixes })
    }

    /// Refuses what is not below a prefix; for files, every link is followed.
    ///
    /// # Errors
    ///
    /// If `location` is not allowed.
    pub(super) fn check(&self, location: &Location) -> Result<()> {
        let is_allowed = match location.scheme {
            Scheme::File => self.holds_file(&file_path(location)),
            _ => self.names(location),
        };
        if is_allowed { Ok(()) } else { Err(refusal(&location.to_string())) }
    }

    /// True if the text of `location` alone says that it is below a prefix.
    pub(super) fn names(&self, location: &Location) -> bool {
        self.prefixes.iter().any(|prefix| location.is_below(prefix))
    }

    /// The segments of the longest prefix that the text of `location` is below.
    pub(super) fn segments_of_prefix(&self, location: &Location) -> usize {
        let prefixes = self.prefixes.iter().filter(|prefix| location.is_below(prefix));
        prefixes.map(|prefix| prefix.segments.len()).max().unwrap_or(0)
    }

    /// True if the file or folder that `path` leads to lies below an allowed folder.
    pub(super) fn holds_file(&self, path: &FilePath) -> bool {
        let Some(real) = real_path(path) else { return false };
        self.prefixes
            .iter()
            .filter(|prefix| prefix.scheme == Scheme::File)
            .filter_map(|prefix| real_path(&file_path(prefix)))
            .any(|prefix| real.starts_with(&prefix))
    }
}

/// The path of this machine that a location of files means.
fn file_path(location: &Location) -> PathBuf {
    let mut path = PathBuf::from("/");
    path.extend(&location.segments);
    path
}

/// `path` without links; what does not exist yet is taken as it is written.
fn real_path(path: &FilePath) -> Option<PathBuf> {
    let mut missing = Vec::new();
    let mut existing = path;
    loop {
        match existing.canonicalize() {
            Ok(mut real) => {
                real.extend(missing.iter().rev());
                return Some(real);
            }
            // A link that leads nowhere is not a missing file: nobody knows where it will lead.
            Err(_) if existing.is_symlink() => return None,
            Err(_) => {
                missing.push(existing.file_name()?.to_owned());
                existing = existing.parent()?;
            }
        }
    }
}

/// The error for a place that may not be read.
pub(super) fn refusal(location: &str) -> Error {
    Error::new(
        ErrorKind::PermissionDenied,
        format!("location \"{}\" is not one that may be read", shown(location)),
    )
    .with_detail("it lies neither in the mesh nor below a prefix of [locations] allow")
    .with_hint("add a prefix of it to [locations] allow in the configuration")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn neither_dots_nor_links_lead_out() {
        let folder = tempfile::tempdir().expect("folder");
        let at = |name: &str| folder.path().join(name);
        for name in ["mesh/a", "other", "real/x"] {
            std::fs::create_dir_all(at(name)).expect(name);
        }
        symlink(at("other"), at("mesh/out")).expect("link");
        symlink(at("mesh/a"), at("mesh/in")).expect("link");
        symlink(at("nowhere"), at("mesh/dangling")).expect("link");
        symlink(at("real"), at("current")).expect("link");
        let root = folder.path().display().to_string();
        let allow = AllowList::new(
            [format!("file://{root}/mesh"), format!("{root}/current")].iter().map(String::as_str),
        )
        .expect("list");
        for (name, is_allowed) in [
            ("mesh", true),
            ("mesh/a/b/not yet", true),
            ("mesh/a/../a", true),
            ("mesh/in/x", true),
            ("current/x", true),
            ("real/x", true),
            ("meshes", false),
            ("mesh/../other", false),
            ("mesh/out/x", false),
            ("mesh/a/../out", false),
            ("mesh/dangling", false),
            ("other", false),
        ] {
            let location = Location::parse(&format!("file://{root}/{name}")).expect(name);
            let checked = allow.check(&location);
            assert_eq!(checked.is_ok(), is_allowed, "{name}");
            if let Err(error) = checked {
                assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{name}");
                assert!(error.to_line().contains("[locations] allow"), "{name}");
            }
        }
    }
}
