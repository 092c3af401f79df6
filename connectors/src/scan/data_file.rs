//! One data file as a store: every read is of the content that the snapshot names, is counted, and
//! fails with an error that names the file.
//!
//! An overwritten file is an error and never a mixture of two contents.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::physical_plan::metrics::Count;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, RenameOptions, Result,
};
use samite_engine::{Error as OurError, ErrorKind};

use super::ranges::{coalesced, parts, slice_of};
use crate::stores::{AheadMemory, StoreHandle, shown_name};

/// So many parts are read at the same time.
const PARTS_CONCURRENT: usize = 16;
/// The longest footer, or page index, that is read.
const FOOTER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How a tag begins that is made of a time: it is weak, so that no store is asked for it.
const WRITTEN: &str = "W/\"written ";

/// One data file as a store.
#[derive(Debug)]
pub(crate) struct DataFile {
    store: Arc<StoreHandle>,
    meta: ObjectMeta,
    bytes_read: Count,
    /// The tag that the first answer had, where the snapshot names none.
    seen_tag: OnceLock<String>,
    /// The end of the file, once it was read: its footer, and often its page index.
    end: OnceLock<Bytes>,
}

impl DataFile {
    /// The file that `meta` describes; what is read of it is added to `bytes_read`.
    pub(crate) fn new(store: Arc<StoreHandle>, meta: ObjectMeta, bytes_read: Count) -> Self {
        Self { store, meta, bytes_read, seen_tag: OnceLock::new(), end: OnceLock::new() }
    }

    /// What is known of the file.
    pub(crate) fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    /// How the file is named to people.
    pub(crate) fn name(&self) -> String {
        name_of(&self.meta.location)
    }

    /// Insists on the content with this tag, which was read of the file before.
    pub(crate) fn insist_on(&self, tag: String) {
        // Whoever has read of the file insists already.
        let _ = self.seen_tag.set(tag);
    }

    /// The tag of the content that is read.
    pub(crate) fn content_tag(&self) -> Option<&String> {
        self.meta.e_tag.as_ref().or_else(|| self.seen_tag.get())
    }

    /// The tag to insist on. A weak tag never matches.
    fn tag(&self) -> Option<&str> {
        self.content_tag().map(String::as_str).filter(|tag| !tag.starts_with("W/"))
    }

    /// Fails if so many bytes of metadata are more than may be read.
    fn check_length(&self, bytes: u64) -> Result<()> {
        if bytes <= FOOTER_BYTES_MAX {
            return Ok(());
        }
        let message = format!("the footer of {self} is too long");
        let refusal = OurError::new(ErrorKind::ResourcesExhausted, message)
            .with_detail(format!("at most {} MiB of it are read", FOOTER_BYTES_MAX >> 20))
            .with_hint("ask the owner of the product to write smaller row groups or fewer columns");
        Err(refused(refusal))
    }

    /// Fails if the end of the file tells of a footer that cannot be: the library would believe it.
    fn check_end(&self, end: &Bytes) -> Result<()> {
        let Some(length) = end.last_chunk::<8>().and_then(|end| end.first_chunk::<4>()) else {
            return Ok(());
        };
        let length = u64::from(u32::from_le_bytes(*length));
        if length.saturating_add(8) <= self.meta.size {
            return self.check_length(length);
        }
        let message = format!("{self} is not a whole Parquet file");
        let refusal = OurError::new(ErrorKind::CorruptSource, message);
        Err(refused(refusal.with_detail("its footer would be longer than the file")))
    }

    fn is_local(&self) -> bool {
        self.store.root.starts_with("file://")
    }

    /// Fails if the file has another content by now.
    async fn check_unchanged(&self, path: &Path) -> Result<()> {
        let if_match = self.tag().map(str::to_owned);
        let options = GetOptions { head: true, if_match, ..GetOptions::new() };
        let found = self.store.store.get_opts(path, options).await?;
        self.check_answer(path, &found.meta)
    }

    /// True if it lies behind a network.
    pub(crate) fn is_remote(&self) -> bool {
        !self.is_local()
    }

    /// The bytes of `ranges`.
    ///
    /// # Errors
    ///
    /// When they cannot be read, or are of another content.
    pub(crate) async fn read(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let path = &self.meta.location;
        if self.is_local() {
            // All ranges come from one open file, which is still that file afterwards.
            let bytes = self.store.store.get_ranges(path, ranges).await?;
            self.bytes_read.add(bytes.iter().map(Bytes::len).sum());
            self.check_unchanged(path).await?;
            return Ok(bytes);
        }
        if let Some(whole) = self.whole() {
            let read = [(0..self.meta.size, whole)];
            return ranges.iter().map(|range| slice_of(&read, range)).collect();
        }
        let reads: Vec<_> = self
            .requests(ranges)
            .into_iter()
            .map(|range| async { self.read_part(range.clone()).await.map(|bytes| (range, bytes)) })
            .collect();
        let read: Vec<(Range<u64>, Bytes)> =
            futures::stream::iter(reads).buffered(PARTS_CONCURRENT).try_collect().await?;
        ranges.iter().map(|range| slice_of(&read, range)).collect()
    }

    /// The whole file, if it is kept.
    pub(crate) fn whole(&self) -> Option<Bytes> {
        self.store.reading.whole_files.get(self.store.id.as_str(), &self.meta)
    }

    /// The requests that bring `ranges`, as it suits the store.
    pub(crate) fn requests(&self, ranges: &[Range<u64>]) -> Vec<Range<u64>> {
        let speed = &self.store.reading.speed;
        let part_max = speed.part_bytes();
        let whole = coalesced(ranges, speed.gap_bytes());
        whole.into_iter().flat_map(|range| parts(range, part_max)).collect()
    }

    /// Memory for reading so many bytes ahead, if it is there.
    pub(crate) fn memory_for(&self, bytes: u64) -> Option<AheadMemory> {
        self.store.reading.memory_for(bytes)
    }

    /// One part of the file, with one request.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub(crate) async fn read_part(&self, range: Range<u64>) -> Result<Bytes> {
        let options = GetOptions { range: Some(range.into()), ..GetOptions::new() };
        self.get_pinned(&self.meta.location, options).await?.bytes().await
    }

    /// Reads the whole file at once, with its footer, and keeps it for what is read of it next.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub(crate) async fn read_whole(&self) -> Result<()> {
        let (files, store) = (&self.store.reading.whole_files, self.store.id.as_str());
        if self.is_local() || !files.takes(&self.meta) || self.whole().is_some() {
            return Ok(());
        }
        let bytes = self.read_part(0..self.meta.size).await?;
        files.put(store, &self.meta, bytes);
        Ok(())
    }

    /// True if no request is needed any more for what lies from `start` on.
    pub(crate) fn has_end_from(&self, start: u64) -> bool {
        let read = self.end.get().map_or(0, |end| end.len() as u64);
        start >= self.meta.size.saturating_sub(read)
    }

    /// What was read before, as an answer.
    fn answer_of_end(&self, range: &Range<u64>) -> Option<GetResult> {
        let end = self.end.get()?;
        let begin = self.meta.size.checked_sub(end.len() as u64)?;
        let start = usize::try_from(range.start.checked_sub(begin)?).ok()?;
        let stop = usize::try_from(range.end.checked_sub(begin)?).ok()?;
        if start > stop || stop > end.len() {
            return None;
        }
        let bytes = end.slice(start..stop);
        let payload = futures::stream::once(async move { Ok(bytes) }).boxed();
        Some(GetResult {
            payload: GetResultPayload::Stream(payload),
            meta: self.meta.clone(),
            range: range.clone(),
            attributes: Attributes::default(),
        })
    }

    async fn get_pinned(&self, path: &Path, mut options: GetOptions) -> Result<GetResult> {
        if let Some(tag) = self.tag() {
            options.if_match = Some(tag.to_owned());
        }
        let result = self.store.store.get_opts(path, options).await?;
        self.check_answer(path, &result.meta)?;
        let bytes = result.range.end.saturating_sub(result.range.start);
        self.bytes_read.add(usize::try_from(bytes).unwrap_or(usize::MAX));
        Ok(result)
    }

    /// Fails if the answer is of another content; not every store looks at the condition.
    fn check_answer(&self, path: &Path, found: &ObjectMeta) -> Result<()> {
        let other = |why: &'static str| {
            Err(Error::Precondition { path: path.to_string(), source: why.into() })
        };
        if found.size != self.meta.size {
            return other("the file has another size");
        }
        let Some(tag) = tag_of(found) else { return Ok(()) };
        let known =
            self.meta.e_tag.as_ref().unwrap_or_else(|| self.seen_tag.get_or_init(|| tag.clone()));
        // A store may give one answer with a tag and another without.
        let is_of_one_kind = known.starts_with(WRITTEN) == tag.starts_with(WRITTEN);
        if is_of_one_kind && *known != tag {
            return other("the file has another tag");
        }
        Ok(())
    }
}

/// What tells the content of a file from another: its tag, or else when it was written.
fn tag_of(found: &ObjectMeta) -> Option<String> {
    let written_ns = found.last_modified.timestamp_nanos_opt().filter(|written| *written != 0);
    found.e_tag.clone().or_else(|| written_ns.map(|written| format!("{WRITTEN}{written}\"")))
}

/// How a data file is named to people: by its last three segments, so that no machine's folders show.
pub(crate) fn name_of(path: &Path) -> String {
    let segments: Vec<&str> = path.as_ref().rsplitn(4, '/').take(3).collect();
    let name = segments.into_iter().rev().collect::<Vec<_>>().join("/");
    shown_name(&name).to_owned()
}

impl fmt::Display for DataFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "data file \"{}\"", self.name())
    }
}

/// Carries our error through the libraries, for [`footer`](super::footer) to find it again.
fn refused(refusal: OurError) -> Error {
    Error::Generic { store: "data file", source: Box::new(refusal) }
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

    /// Reads page indexes; footers and data are read by [`Self::get_ranges`].
    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        if let Some(range) = &options.range
            && let Ok(range) = range.as_range(self.meta.size)
        {
            self.check_length(range.end - range.start)?;
            if let Some(answer) = self.answer_of_end(&range) {
                return Ok(answer);
            }
        }
        self.get_pinned(path, options).await
    }

    async fn get_ranges(&self, _: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let read = self.read(ranges).await?;
        for (range, bytes) in ranges.iter().zip(&read) {
            // Data never reaches the end of a file: this is its footer.
            if range.end == self.meta.size {
                self.check_end(bytes)?;
                self.end.get_or_init(|| bytes.clone());
            }
        }
        Ok(read)
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
