//! Reads ahead in a data file of a remote store: who read some row groups one after the other will
//! read the next ones, and they come with fewer requests and while others are decoded.
//!
//! ```text
//! asked for      0          1          2 3 4 ..
//! requested      0..4       -          4..16 (when the last one that is there is asked for)
//! ```
//!
//! A scan that skips a row group has nothing read ahead until it reads one after the other again. A
//! guess never fails a query: what was not asked for may fail, and what is not there is read as usual.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use datafusion::common::runtime::SpawnedTask;
use datafusion::datasource::listing::FileRange;
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use object_store::{Error, Result};

use super::data_file::DataFile;
use super::ranges::slice_of;
use crate::stores::AheadMemory;

/// For each row group that was read, so many more are read ahead.
const AHEAD_TIMES: usize = 3;
/// So many bytes are wanted ahead at most, for one file at a time.
const AHEAD_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// How many row groups the scan of one table has read one after the other.
#[derive(Debug)]
pub(super) struct Run(AtomicUsize);

impl Run {
    /// The run of a scan, which reads ahead from the first row group on if it will read `all`.
    pub(super) fn new(all: bool) -> Self {
        Self(AtomicUsize::new(usize::from(all)))
    }

    fn goes_on(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn ends(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    fn ahead(&self) -> usize {
        self.0.load(Ordering::Relaxed).saturating_mul(AHEAD_TIMES)
    }
}

/// Reads one data file, or the part of it that one partition of a scan reads.
#[derive(Debug)]
pub(super) struct Ahead {
    file: Arc<DataFile>,
    run: Arc<Run>,
    range: Option<FileRange>,
    footer: Option<Arc<ParquetMetaData>>,
    /// The row groups of this reader.
    groups: Vec<usize>,
    /// Which of them was asked for last.
    at: Option<usize>,
    /// The first of them that was not requested yet.
    until: usize,
    /// The columns that were asked for.
    columns: Vec<usize>,
    parts: Vec<Part>,
}

/// A part of the file that was requested.
#[derive(Debug)]
struct Part {
    range: Range<u64>,
    state: State,
    _memory: AheadMemory,
}

#[derive(Debug)]
enum State {
    Coming(SpawnedTask<Result<Bytes>>),
    There(Bytes),
}

impl Ahead {
    /// Reads the row groups of `file` that begin in `range`.
    pub(super) fn new(file: Arc<DataFile>, run: Arc<Run>, range: Option<FileRange>) -> Self {
        Self {
            file,
            run,
            range,
            footer: None,
            groups: Vec::new(),
            at: None,
            until: 0,
            columns: Vec::new(),
            parts: Vec::new(),
        }
    }

    /// True if it could read ahead if it knew where the row groups lie.
    pub(super) fn wants_footer(&self) -> bool {
        self.footer.is_none() && self.file.is_remote() && self.file.whole().is_none()
    }

    /// Learns where the row groups lie.
    pub(super) fn learn(&mut self, footer: &Arc<ParquetMetaData>) {
        let range = self.range.as_ref();
        let is_mine = |group: &RowGroupMetaData| match range {
            Some(range) => start_of(group)
                .and_then(|start| i64::try_from(start).ok())
                .is_some_and(|start| (range.start..range.end).contains(&start)),
            None => true,
        };
        let groups = footer.row_groups().iter().enumerate();
        self.groups = groups.filter(|(_, group)| is_mine(group)).map(|(at, _)| at).collect();
        self.footer = Some(Arc::clone(footer));
    }

    /// The bytes of `ranges`.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    pub(super) async fn read(&mut self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.step(ranges);
        let touches = |part: &Part| {
            ranges.iter().any(|range| range.start < part.range.end && part.range.start < range.end)
        };
        let mut held = Vec::new();
        for part in self.parts.iter_mut().filter(|part| touches(part)) {
            let Ok(bytes) = part.bytes().await else {
                self.stop();
                return self.file.read(ranges).await;
            };
            held.push((part.range.clone(), bytes));
        }
        held.sort_unstable_by_key(|(range, _)| range.start);
        let found: Result<Vec<Bytes>> = ranges.iter().map(|range| slice_of(&held, range)).collect();
        match found {
            Ok(found) => Ok(found),
            Err(_) => self.file.read(ranges).await,
        }
    }

    /// Requests what comes next, with `ranges` if they were not requested yet.
    fn step(&mut self, ranges: &[Range<u64>]) {
        let Some((at, columns)) = self.columns_of(ranges) else { return };
        if columns.len() < ranges.len() {
            // Some pages of a column are left out, and nobody knows which ones will be next.
            self.at = Some(at);
            return self.stop();
        }
        let follows = match self.at {
            Some(last) if last == at => false,
            Some(last) => last + 1 == at,
            None => at == 0,
        };
        match self.at {
            Some(last) if last == at => self.columns.extend(columns),
            _ if follows => {
                if self.at.is_some() {
                    self.run.goes_on();
                }
                self.columns = columns;
            }
            _ => {
                self.stop();
                self.columns = columns;
            }
        }
        self.at = Some(at);
        self.forget_before(at);
        let ahead = self.run.ahead();
        if ahead > 0 && at + 1 >= self.until {
            self.request(self.until.max(at), ahead, ranges);
        }
    }

    fn stop(&mut self) {
        self.run.ends();
        self.parts.clear();
        self.until = 0;
    }

    /// The row group that holds `ranges`, with its columns that they cover.
    fn columns_of(&self, ranges: &[Range<u64>]) -> Option<(usize, Vec<usize>)> {
        let first = ranges.first()?;
        let at = (0..self.groups.len()).find(|at| {
            self.group(*at).is_some_and(|group| {
                let mut chunks = group.columns().iter().filter_map(chunk_of);
                chunks.any(|chunk| chunk.contains(&first.start))
            })
        })?;
        let chunks = self.group(at)?.columns().iter().enumerate();
        let is_asked = |chunk| chunk_of(chunk).is_some_and(|chunk| ranges.contains(&chunk));
        let columns = chunks.filter(|(_, chunk)| is_asked(chunk));
        Some((at, columns.map(|(column, _)| column).collect()))
    }

    fn group(&self, at: usize) -> Option<&RowGroupMetaData> {
        self.footer.as_ref()?.row_groups().get(*self.groups.get(at)?)
    }

    /// Requests the columns of `ahead` row groups from `first` on, as far as there is memory.
    fn request(&mut self, first: usize, ahead: usize, asked: &[Range<u64>]) {
        let mut wanted: Vec<Range<u64>> = Vec::new();
        let (mut bytes, mut until) = (0, first);
        // The one that is asked for now comes with those ahead of it.
        let is_asked = self.at == Some(first);
        let last = first.saturating_add(ahead).saturating_add(usize::from(is_asked));
        for at in first..last.min(self.groups.len()) {
            let chunks = match is_asked && at == first {
                true => Some(asked.to_vec()),
                false => self.chunks(at),
            };
            let Some(chunks) = chunks else { break };
            bytes += chunks.iter().map(|range| range.end - range.start).sum::<u64>();
            if bytes > AHEAD_BYTES_MAX {
                break;
            }
            wanted.extend(chunks);
            until = at + 1;
        }
        // One row group alone is no reading ahead.
        if until <= first + usize::from(is_asked) {
            return;
        }
        let Some(parts) = self.parts_of(&wanted) else { return };
        self.parts.extend(parts);
        self.until = until;
    }

    /// The columns of a row group; none if they lie outside the file.
    fn chunks(&self, at: usize) -> Option<Vec<Range<u64>>> {
        let group = self.group(at)?;
        let chunk = |column: &usize| {
            let chunk = chunk_of(group.columns().get(*column)?)?;
            (chunk.end <= self.file.meta().size).then_some(chunk)
        };
        self.columns.iter().map(chunk).collect()
    }

    /// The requests for `wanted`; none if the memory for them is not there.
    fn parts_of(&self, wanted: &[Range<u64>]) -> Option<Vec<Part>> {
        let cuts = self.file.requests(wanted);
        let memory: Vec<AheadMemory> = cuts
            .iter()
            .map(|range| self.file.memory_for(range.end - range.start))
            .collect::<Option<_>>()?;
        let request = |(range, _memory): (Range<u64>, AheadMemory)| {
            let (file, asked) = (Arc::clone(&self.file), range.clone());
            let task = SpawnedTask::spawn(async move { file.read_part(asked).await });
            Part { range, state: State::Coming(task), _memory }
        };
        Some(cuts.into_iter().zip(memory).map(request).collect())
    }

    fn forget_before(&mut self, at: usize) {
        let Some(start) = self.group(at).and_then(start_of) else { return };
        self.parts.retain(|part| part.range.end > start);
    }
}

impl Part {
    async fn bytes(&mut self) -> Result<Bytes> {
        let bytes = match &mut self.state {
            State::There(bytes) => return Ok(bytes.clone()),
            State::Coming(task) => {
                task.await.map_err(|error| Error::JoinError { source: error })??
            }
        };
        self.state = State::There(bytes.clone());
        Ok(bytes)
    }
}

/// Where a column of a row group lies, by a footer that may lie itself.
fn chunk_of(chunk: &ColumnChunkMetaData) -> Option<Range<u64>> {
    let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
    let start = u64::try_from(start).ok()?;
    Some(start..start.checked_add(u64::try_from(chunk.compressed_size()).ok()?)?)
}

/// Where a row group begins, as DataFusion tells which partition reads it.
fn start_of(group: &RowGroupMetaData) -> Option<u64> {
    chunk_of(group.columns().first()?).map(|chunk| chunk.start)
}
