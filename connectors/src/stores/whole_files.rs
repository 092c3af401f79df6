//! The whole files of small tables: read at once, with the footer, and kept for the scans that follow.
//!
//! A file is kept for the very content that a snapshot names, by its tag; one without a tag is not.

use std::collections::VecDeque;

use bytes::Bytes;
use datafusion::object_store::ObjectMeta;
use parking_lot::Mutex;

/// The whole files of small tables, within a bound; those that were read longest ago go first.
#[derive(Debug)]
pub(crate) struct WholeFiles {
    bytes_max: u64,
    kept: Mutex<VecDeque<Kept>>,
}

#[derive(Debug)]
struct Kept {
    store: String,
    meta: ObjectMeta,
    bytes: Bytes,
}

impl WholeFiles {
    pub(super) fn new(bytes_max: u64) -> Self {
        Self { bytes_max, kept: Mutex::default() }
    }

    /// The file that `meta` describes in the store of this name, if it is kept.
    pub(crate) fn get(&self, store: &str, meta: &ObjectMeta) -> Option<Bytes> {
        let kept = self.kept.lock();
        kept.iter().find(|kept| kept.is_for(store, meta)).map(|kept| kept.bytes.clone())
    }

    /// True if the file that `meta` describes is kept when it is put.
    pub(crate) fn takes(&self, meta: &ObjectMeta) -> bool {
        has_strong_tag(meta) && meta.size <= self.bytes_max
    }

    /// Keeps a file.
    pub(crate) fn put(&self, store: &str, meta: &ObjectMeta, bytes: Bytes) {
        if !self.takes(meta) {
            return;
        }
        let mut kept = self.kept.lock();
        kept.retain(|kept| kept.store != store || kept.meta.location != meta.location);
        kept.push_back(Kept { store: store.to_owned(), meta: meta.clone(), bytes });
        let mut held: u64 = kept.iter().map(|kept| kept.bytes.len() as u64).sum();
        while held > self.bytes_max {
            let Some(oldest) = kept.pop_front() else { return };
            held -= oldest.bytes.len() as u64;
        }
    }
}

impl Kept {
    fn is_for(&self, store: &str, meta: &ObjectMeta) -> bool {
        self.store == store
            && self.meta.location == meta.location
            && self.meta.size == meta.size
            && self.meta.e_tag == meta.e_tag
    }
}

fn has_strong_tag(meta: &ObjectMeta) -> bool {
    meta.e_tag.as_ref().is_some_and(|tag| !tag.starts_with("W/"))
}

#[cfg(test)]
mod tests {
    use datafusion::object_store::path::Path;

    use super::*;

    fn meta(path: &str, tag: Option<&str>, size: u64) -> ObjectMeta {
        ObjectMeta {
            location: Path::from(path),
            last_modified: chrono::Utc::now(),
            size,
            e_tag: tag.map(str::to_owned),
            version: None,
        }
    }

    #[test]
    fn only_the_very_content_is_found() {
        let files = WholeFiles::new(100);
        files.put("s", &meta("a", Some("1"), 3), Bytes::from_static(b"abc"));
        files.put("s", &meta("b", None, 3), Bytes::from_static(b"abc"));
        files.put("s", &meta("c", Some("W/1"), 3), Bytes::from_static(b"abc"));
        for (store, asked, is_found) in [
            ("s", meta("a", Some("1"), 3), true),
            ("t", meta("a", Some("1"), 3), false),
            ("s", meta("a", Some("2"), 3), false),
            ("s", meta("a", Some("1"), 4), false),
            ("s", meta("b", None, 3), false),
            ("s", meta("c", Some("W/1"), 3), false),
        ] {
            assert_eq!(files.get(store, &asked).is_some(), is_found, "{store} {asked:?}");
        }
    }

    #[test]
    fn files_stay_within_the_bound_and_the_oldest_goes_first() {
        let files = WholeFiles::new(7);
        for name in ["a", "b", "a", "c"] {
            files.put("s", &meta(name, Some(name), 3), Bytes::from_static(b"abc"));
        }
        let found = |name: &str| files.get("s", &meta(name, Some(name), 3)).is_some();
        assert_eq!((found("a"), found("b"), found("c")), (true, false, true));
        assert!(!files.takes(&meta("d", Some("d"), 8)));
    }
}
