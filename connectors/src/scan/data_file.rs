//! One data file as a store: every read is of the content that the snapshot names, is counted, and
//! fails with an error that names the file.
//!
//! An overwritten file is an error and never a mixture of two contents.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::physical_plan::metrics::Count;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};

use crate::stores::{StoreHandle, shown_name};

/// Ranges that lie closer together than this are read as one from a store across a network.
const GAP_BYTES_MAX: u64 = 1024 * 1024;
/// So many ranges are read at the same time.
const RANGES_CONCURRENT: usize = 16;

/// One data file as a store.
#[derive(Debug)]
pub(crate) struct DataFile {
    store: Arc<StoreHandle>,
    meta: ObjectMeta,
    bytes_read: Count,
}

impl DataFile {
    /// The file that `meta` describes; what is read of it is added to `bytes_read`.
    pub(crate) fn new(store: Arc<StoreHandle>, meta: ObjectMeta, bytes_read: Count) -> Self {
        Self { store, meta, bytes_read }
    }

    /// What is known of the file.
    pub(crate) fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    /// How the file is named to people.
    pub(crate) fn name(&self) -> String {
        name_of(&self.meta.location)
    }

    /// The tag to insist on. A weak tag never matches.
    fn tag(&self) -> Option<&str> {
        self.meta.e_tag.as_deref().filter(|tag| !tag.starts_with("W/"))
    }

    fn is_local(&self) -> bool {
        self.store.root.starts_with("file://")
    }

    /// Fails if the file has another content by now.
    async fn check_unchanged(&self, path: &Path) -> Result<()> {
        let Some(tag) = self.tag() else { return Ok(()) };
        let options =
            GetOptions { head: true, if_match: Some(tag.to_owned()), ..GetOptions::new() };
        self.store.store.get_opts(path, options).await.map(drop)
    }

    async fn get_pinned(&self, path: &Path, range: Range<u64>) -> Result<(Range<u64>, Bytes)> {
        let options = GetOptions { range: Some(range.clone().into()), ..GetOptions::new() };
        Ok((range, self.get_opts(path, options).await?.bytes().await?))
    }
}

/// How a data file is named to people: by its last three segments, so that no machine's folders show.
pub(crate) fn name_of(path: &Path) -> String {
    let segments: Vec<&str> = path.as_ref().rsplitn(4, '/').take(3).collect();
    let name = segments.into_iter().rev().collect::<Vec<_>>().join("/");
    shown_name(&name).to_owned()
}

/// The ranges that cover `ranges` without reading more than a gap in between.
fn coalesced(ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        match merged.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(GAP_BYTES_MAX) => {
                last.end = last.end.max(range.end);
            }
            _ => merged.push(range),
        }
    }
    merged
}

fn slice_of(merged: &[(Range<u64>, Bytes)], range: &Range<u64>) -> Result<Bytes> {
    let cut = || Error::Generic { store: "data file", source: "a range was cut short".into() };
    let at = merged.partition_point(|(whole, _)| whole.start <= range.start);
    let (whole, bytes) = at.checked_sub(1).and_then(|at| merged.get(at)).ok_or_else(cut)?;
    let start = usize::try_from(range.start - whole.start).map_err(|_| cut())?;
    let end = usize::try_from(range.end.saturating_sub(whole.start)).map_err(|_| cut())?;
    if start > end || end > bytes.len() {
        return Err(cut());
    }
    Ok(bytes.slice(start..end))
}

impl fmt::Display for DataFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "data file \"{}\"", self.name())
    }
}

fn only_reads<T>() -> Result<T> {
    Err(Error::NotImplemented {
        operation: "anything but reading".to_owned(),
        implementer: "a data file".to_owned(),
    })
}

#[async_trait]
#[deny(clippy::missing_trait_methods, reason = "a new method must not read another content")]
impl ObjectStore for DataFile {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        only_reads()
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        only_reads()
    }

    async fn get_opts(&self, path: &Path, mut options: GetOptions) -> Result<GetResult> {
        if let Some(tag) = self.tag() {
            options.if_match = Some(tag.to_owned());
        }
        let result = self.store.store.get_opts(path, options).await?;
        if result.meta.size != self.meta.size {
            return Err(Error::Precondition {
                path: path.to_string(),
                source: "the file has another size".into(),
            });
        }
        let bytes = result.range.end.saturating_sub(result.range.start);
        self.bytes_read.add(usize::try_from(bytes).unwrap_or(usize::MAX));
        Ok(result)
    }

    async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        if self.is_local() {
            // All ranges come from one open file, which is still that file afterwards.
            let bytes = self.store.store.get_ranges(path, ranges).await?;
            self.bytes_read.add(bytes.iter().map(Bytes::len).sum());
            self.check_unchanged(path).await?;
            return Ok(bytes);
        }
        let reads: Vec<_> =
            coalesced(ranges).into_iter().map(|range| self.get_pinned(path, range)).collect();
        let merged: Vec<(Range<u64>, Bytes)> =
            futures::stream::iter(reads).buffered(RANGES_CONCURRENT).try_collect().await?;
        ranges.iter().map(|range| slice_of(&merged, range)).collect()
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        futures::stream::iter([only_reads()]).boxed()
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        futures::stream::iter([only_reads()]).boxed()
    }

    fn list_with_offset(
        &self,
        _: Option<&Path>,
        _: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        futures::stream::iter([only_reads()]).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        only_reads()
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        only_reads()
    }

    async fn rename_opts(&self, _: &Path, _: &Path, _: RenameOptions) -> Result<()> {
        only_reads()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_ranges_are_read_as_one_and_cut_out_again() {
        let far = 10 * GAP_BYTES_MAX;
        let ranges = [far..far + 4, 10..20, 0..4, 30..35];
        let merged = coalesced(&ranges);
        assert_eq!(merged, [0..35, far..far + 4]);
        let bytes: Vec<(Range<u64>, Bytes)> = merged
            .into_iter()
            .map(|range| (range.clone(), range.map(|at| (at % 251) as u8).collect()))
            .collect();
        for range in ranges {
            let expected: Vec<u8> = range.clone().map(|at| (at % 251) as u8).collect();
            assert_eq!(slice_of(&bytes, &range).unwrap(), expected, "{range:?}");
        }
    }

    #[test]
    fn name_shows_the_last_segments_only() {
        for (path, name) in [
            ("a.parquet", "a.parquet"),
            ("srv/x/t/d=1/a.parquet", "t/d=1/a.parquet"),
            ("c/a.parquet?sv=1&sig=secret", "c/a.parquet"),
        ] {
            assert_eq!(name_of(&Path::parse(path).unwrap()), name, "{path}");
        }
    }
}
