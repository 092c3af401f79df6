//! The cache of footers of data files.
//!
//! All stores share one bounded cache, but each sees only its own entries: DataFusion's key is the
//! path alone, and two stores may hold different files at one path. What is kept was looked through
//! by [`trusted`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use datafusion::common::HashMap;
use datafusion::common::TableReference;
use datafusion::datasource::physical_plan::parquet::metadata::CachedParquetMetaData;
use datafusion::execution::cache::cache_manager::{CachedFileMetadataEntry, FileMetadataCache};
use datafusion::execution::cache::{Cache, CacheEntryInfo};
use datafusion::object_store::path::Path;

use super::trusted::trusted;

/// The footers of one store, within the cache that all stores share.
pub(super) struct StoreFooters {
    shared: Arc<FileMetadataCache>,
    prefix: String,
}

impl StoreFooters {
    pub(super) fn new(shared: Arc<FileMetadataCache>, store: &str) -> Self {
        Self { shared, prefix: format!("{store}/") }
    }

    fn key(&self, path: &Path) -> Path {
        // The prefix and the path are canonical already, so that joining them needs no encoding.
        let joined = format!("{}{path}", self.prefix);
        Path::parse(&joined).unwrap_or_else(|_| Path::from(joined))
    }

    fn mine(&self) -> impl Iterator<Item = (Path, CacheEntryInfo<CachedFileMetadataEntry>)> {
        self.shared.list_entries().into_iter().filter_map(|(key, entry)| {
            let path = key.as_ref().strip_prefix(&self.prefix)?;
            Some((Path::parse(path).ok()?, entry))
        })
    }
}

/// The entry without what its footer should not say; none if the footer contradicts itself.
fn looked_through(entry: CachedFileMetadataEntry) -> Option<CachedFileMetadataEntry> {
    let footer = match entry.file_metadata.as_any().downcast_ref::<CachedParquetMetaData>() {
        Some(cached) => Arc::clone(cached.parquet_metadata()),
        None => return Some(entry),
    };
    let kept = trusted(Arc::clone(&footer)).ok()?;
    if Arc::ptr_eq(&kept, &footer) {
        return Some(entry);
    }
    Some(CachedFileMetadataEntry::new(entry.meta, Arc::new(CachedParquetMetaData::new(kept))))
}

impl fmt::Debug for StoreFooters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreFooters").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

#[deny(clippy::missing_trait_methods, reason = "a new method must not mix the stores")]
impl Cache<Path, CachedFileMetadataEntry> for StoreFooters {
    fn get(&self, key: &Path) -> Option<CachedFileMetadataEntry> {
        self.shared.get(&self.key(key))
    }

    fn put(&self, key: &Path, value: CachedFileMetadataEntry) -> Option<CachedFileMetadataEntry> {
        self.shared.put(&self.key(key), looked_through(value)?)
    }

    fn remove(&self, key: &Path) -> Option<CachedFileMetadataEntry> {
        self.shared.remove(&self.key(key))
    }

    fn contains_key(&self, key: &Path) -> bool {
        self.shared.contains_key(&self.key(key))
    }

    fn len(&self) -> usize {
        self.mine().count()
    }

    fn is_empty(&self) -> bool {
        self.mine().next().is_none()
    }

    fn clear(&self) {
        for (path, _) in self.mine() {
            self.remove(&path);
        }
    }

    fn name(&self) -> String {
        format!("footers of {}", self.prefix.trim_end_matches('/'))
    }

    fn cache_limit(&self) -> usize {
        self.shared.cache_limit()
    }

    /// The bound belongs to all stores together: one store does not change it.
    fn update_cache_limit(&self, _: usize) {}

    fn cache_ttl(&self) -> Option<Duration> {
        self.shared.cache_ttl()
    }

    fn update_cache_ttl(&self, _: Option<Duration>) {}

    fn drop_table_entries(&self, _: &TableReference) -> datafusion::error::Result<()> {
        Ok(())
    }

    fn list_entries(&self) -> HashMap<Path, CacheEntryInfo<CachedFileMetadataEntry>> {
        self.mine().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::any::Any;

    use datafusion::execution::cache::cache_manager::FileMetadata;
    use datafusion::execution::cache::default_cache::DefaultCache;
    use datafusion::object_store::ObjectMeta;

    use super::*;

    struct Footer;

    impl FileMetadata for Footer {
        fn as_any(&self) -> &dyn Any {
            self
        }

        fn memory_size(&self) -> usize {
            10
        }

        fn extra_info(&self) -> HashMap<String, String> {
            HashMap::new()
        }
    }

    #[test]
    fn stores_do_not_share_a_footer() {
        let shared: Arc<FileMetadataCache> = Arc::new(DefaultCache::new(1 << 20));
        let one = StoreFooters::new(Arc::clone(&shared), "one");
        let two = StoreFooters::new(shared, "two");
        let path = Path::parse("a/100%25 b.parquet").expect("path");
        let meta = ObjectMeta {
            location: path.clone(),
            last_modified: chrono::Utc::now(),
            size: 1,
            e_tag: None,
            version: None,
        };
        one.put(&path, CachedFileMetadataEntry::new(meta, Arc::new(Footer)));
        assert!(one.contains_key(&path) && !two.contains_key(&path));
        assert_eq!((one.len(), two.len()), (1, 0));
        assert!(one.list_entries().contains_key(&path));
        one.clear();
        assert!(one.is_empty());
    }
}
