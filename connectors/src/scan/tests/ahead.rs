//! What is requested of a remote store for the bytes that a scan asks for.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::ParquetFileReaderFactory;
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use parking_lot::Mutex;

use super::super::reader::LakeReaders;
use crate::stores::{StoreHandle, Stores, StoresConfig};
use crate::testing::{parquet, plays};

const GROUPS: usize = 16;

/// A store in memory that notes what it is asked for, and denies longer answers than it may give.
#[derive(Debug)]
struct Noting {
    inner: InMemory,
    asked: Mutex<Vec<Range<u64>>>,
    bytes_max: AtomicU64,
}

impl fmt::Display for Noting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("noting")
    }
}

#[async_trait]
impl ObjectStore for Noting {
    async fn put_opts(&self, path: &Path, all: PutPayload, how: PutOptions) -> Result<PutResult> {
        self.inner.put_opts(path, all, how).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        how: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, how).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let answer = self.inner.get_opts(path, options).await?;
        self.asked.lock().push(answer.range.clone());
        if answer.range.end - answer.range.start > self.bytes_max.load(Ordering::Relaxed) {
            return Err(Error::Generic { store: "noting", source: "too much".into() });
        }
        Ok(answer)
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// One file in a remote store.
struct Remote {
    store: Arc<Noting>,
    handle: Arc<StoreHandle>,
    meta: ObjectMeta,
    bytes: Vec<u8>,
}

impl Remote {
    async fn new(ahead_bytes_max: u64) -> Self {
        let stores = Stores::new(StoresConfig {
            allow: vec!["s3://one".to_owned()],
            ahead_bytes_max,
            ..StoresConfig::default()
        });
        let known = stores.unwrap().resolve("s3://one/x", None).unwrap().store;
        let inner = InMemory::new();
        let bytes = parquet(&plays(0, GROUPS as i64 * 30), 30);
        let path = Path::from("t/a.parquet");
        inner.put(&path, bytes.clone().into()).await.unwrap();
        let meta = inner.head(&path).await.unwrap();
        let store = Arc::new(Noting {
            inner,
            asked: Mutex::default(),
            bytes_max: AtomicU64::new(u64::MAX),
        });
        let handle = StoreHandle {
            id: known.id.clone(),
            url: known.url.clone(),
            store: Arc::clone(&store) as Arc<dyn ObjectStore>,
            footers: Arc::clone(&known.footers),
            root: known.root.clone(),
            reading: known.reading.clone(),
        };
        Self { store, handle: Arc::new(handle), meta, bytes }
    }

    fn asked(&self) -> Vec<Range<u64>> {
        std::mem::take(&mut self.store.asked.lock())
    }

    fn open(&self, readers: &LakeReaders) -> Box<dyn AsyncFileReader + Send> {
        let file = PartitionedFile::from(self.meta.clone());
        readers.create_reader(0, file, None, &ExecutionPlanMetricsSet::new()).unwrap()
    }

    /// Reads the first and the last column of these row groups, which must be right; what was
    /// requested for that.
    async fn read(&self, readers: &LakeReaders, groups: &[usize]) -> Vec<Range<u64>> {
        let footer = self.open(readers).get_metadata(None).await.unwrap();
        self.asked();
        // As DataFusion does it where there is a filter.
        let mut reader = self.open(readers);
        for group in groups {
            let ranges = chunks(&footer, *group);
            let found = reader.get_byte_ranges(ranges.to_vec()).await.unwrap();
            for (range, found) in ranges.iter().zip(found) {
                let expected = &self.bytes[range.start as usize..range.end as usize];
                assert_eq!(found, expected, "row group {group}");
            }
        }
        self.asked()
    }
}

fn chunks(footer: &ParquetMetaData, group: usize) -> [Range<u64>; 2] {
    [0, 2].map(|column| {
        let (start, length) = footer.row_group(group).column(column).byte_range();
        start..start + length
    })
}

fn all() -> Vec<usize> {
    (0..GROUPS).collect()
}

#[tokio::test]
async fn row_groups_that_follow_each_other_come_with_few_requests() {
    let remote = Remote::new(1 << 20).await;
    let whole = LakeReaders::new(Arc::clone(&remote.handle));
    assert_eq!(remote.read(&whole, &all()).await.len(), 2, "0 to 3, and 4 to 15");
    assert_eq!(remote.read(&whole, &all()).await.len(), 1, "the run goes on in the next file");
    let limited = LakeReaders::for_scan(Arc::clone(&remote.handle), Some(9), u64::MAX);
    let asked = remote.read(&limited, &[0]).await;
    let footer = remote.open(&limited).get_metadata(None).await.unwrap();
    let [first, last] = chunks(&footer, 0);
    let asked: Vec<_> = asked.iter().map(|range| (range.start, range.end)).collect();
    assert_eq!(asked, [(first.start, last.end)], "nobody knows yet whether more is needed");
}

#[tokio::test]
async fn scan_that_skips_row_groups_reads_them_alone() {
    let remote = Remote::new(1 << 20).await;
    let footer = remote
        .open(&LakeReaders::new(Arc::clone(&remote.handle)))
        .get_metadata(None)
        .await
        .unwrap();
    for groups in [vec![3, 5, 9], vec![15, 14, 13], vec![7]] {
        let readers = LakeReaders::new(Arc::clone(&remote.handle));
        let expected: Vec<_> = groups
            .iter()
            .map(|group| chunks(&footer, *group))
            .map(|[first, last]| first.start..last.end)
            .collect();
        assert_eq!(remote.read(&readers, &groups).await, expected, "{groups:?}");
    }
}

#[tokio::test]
async fn guess_that_fails_and_memory_that_is_used_up_change_no_answer() {
    for (ahead_bytes_max, bytes_max) in [(0, u64::MAX), (1 << 20, 2_000)] {
        let remote = Remote::new(ahead_bytes_max).await;
        let readers = LakeReaders::new(Arc::clone(&remote.handle));
        remote.open(&readers).get_metadata(None).await.unwrap();
        remote.store.bytes_max.store(bytes_max, Ordering::Relaxed);
        let asked = remote.read(&readers, &all()).await;
        assert!(asked.len() >= GROUPS, "{bytes_max}: {asked:?}");
    }
}

#[tokio::test]
async fn file_of_a_small_table_is_read_once_with_its_footer() {
    let remote = Remote::new(1 << 20).await;
    for expected in [1, 0] {
        let size = remote.meta.size;
        let readers = LakeReaders::for_scan(Arc::clone(&remote.handle), None, size);
        let mut reader = remote.open(&readers);
        let footer = reader.get_metadata(None).await.unwrap();
        for group in all() {
            reader.get_byte_ranges(chunks(&footer, group).to_vec()).await.unwrap();
        }
        assert_eq!(remote.asked().len(), expected);
    }
}

#[tokio::test]
async fn page_index_that_came_with_the_footer_needs_no_request() {
    let remote = Remote::new(0).await;
    let readers = LakeReaders::new(Arc::clone(&remote.handle));
    for policy in [PageIndexPolicy::Skip, PageIndexPolicy::Optional] {
        let options = ArrowReaderOptions::new().with_page_index_policy(policy);
        let footer = remote.open(&readers).get_metadata(Some(&options)).await.unwrap();
        assert!(footer.column_index().is_some() && footer.offset_index().is_some());
    }
    assert_eq!(remote.asked().len(), 1);
}
