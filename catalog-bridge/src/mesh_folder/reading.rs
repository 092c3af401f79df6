//! Reads documents: many at once, parsed beside the threads that serve queries.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use object_store::{GetResultPayload, ObjectStoreExt as _};
use parking_lot::Mutex;
use samite_engine::product::Problem;
use tokio::sync::oneshot;

use super::MeshPlace;
use super::listing::Listed;
use crate::documents::{self, DOCUMENT_BYTES_MAX, Kind};
use crate::problems::{Finding, Subject};
use crate::translate::{self, ContractDraft, ProductDraft, Surroundings};

/// How many documents of a remote store are waited for at once.
const READS_MAX: usize = 64;

/// How many documents of this machine one thread reads and parses in a row.
const LOCAL_BATCH: usize = 256;

/// How many documents of one domain may be late before the others of it are not asked for.
const LATE_MAX: usize = 8;

/// How many documents one thread parses in a row, and how many threads do so at once.
const BATCH: usize = 16;
const BATCHES_MAX: usize = 4;

/// What one document says.
#[derive(Debug)]
pub(super) struct ReadDocument {
    /// The file, relative to the mesh.
    pub(super) file: String,
    /// The domain by the place of the file.
    pub(super) domain: String,
    pub(super) content: Content,
    /// What is wrong with the document by itself.
    pub(super) problems: Vec<Problem>,
}

/// A product or a contract, if it can be served.
#[derive(Debug)]
pub(super) enum Content {
    Product(Option<Box<ProductDraft>>),
    Contract {
        /// The id, where it can be read: a port can name a contract that is broken.
        id: Option<String>,
        draft: Option<ContractDraft>,
    },
}

/// Why a file could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// It went away after it was listed.
    Gone,
    /// The store did not hand it over.
    Unreadable,
}

/// Reads documents; each answer stands by its file.
pub(super) async fn read(
    place: &Arc<MeshPlace>,
    documents: Vec<(String, Listed)>,
    variables: &Arc<BTreeMap<String, String>>,
) -> BTreeMap<String, Parsed> {
    match place.is_local() {
        true => read_here(place, documents, variables).await,
        false => read_there(place, documents, variables).await,
    }
}

/// Reads from a remote store: many wait for it at once.
async fn read_there(
    place: &MeshPlace,
    documents: Vec<(String, Listed)>,
    variables: &Arc<BTreeMap<String, String>>,
) -> BTreeMap<String, Parsed> {
    let mut read = BTreeMap::new();
    let late = Late::default();
    let late = &late;
    let mut batches = stream::iter(documents)
        .map(|(file, listed)| async move {
            let fetched = late.fetch(place, &file, &listed).await;
            (Reader::new(&place.root, file, listed, variables), fetched)
        })
        .buffer_unordered(READS_MAX)
        .ready_chunks(BATCH)
        .map(|batch| parse(batch, place.answer_timeout))
        .buffer_unordered(BATCHES_MAX);
    while let Some(batch) = batches.next().await {
        read.extend(batch);
    }
    read
}

/// Reads from this machine: each thread takes documents of one domain from end to end, which is much
/// faster than handing each file from thread to thread.
async fn read_here(
    place: &Arc<MeshPlace>,
    documents: Vec<(String, Listed)>,
    variables: &Arc<BTreeMap<String, String>>,
) -> BTreeMap<String, Parsed> {
    let threads = available_parallelism().map_or(2, NonZero::get);
    let late = Late::default();
    let late = &late;
    let mut batches = stream::iter(by_domain(documents))
        .map(|batch| late.read_batch(Arc::clone(place), batch, Arc::clone(variables)))
        .buffer_unordered(threads);
    let mut read = BTreeMap::new();
    while let Some(batch) = batches.next().await {
        read.extend(batch);
    }
    read
}

/// Batches of documents, each of one domain.
fn by_domain(documents: Vec<(String, Listed)>) -> Vec<Vec<(String, Listed)>> {
    let mut batches: Vec<Vec<(String, Listed)>> = Vec::new();
    for document in documents {
        match batches.last_mut() {
            Some(batch)
                if batch.len() < LOCAL_BATCH
                    && batch.last().is_some_and(|last| last.1.domain == document.1.domain) =>
            {
                batch.push(document);
            }
            _ => batches.push(vec![document]),
        }
    }
    batches
}

type Parsed = Result<Arc<ReadDocument>, Unread>;

/// Parses a batch of documents on a thread that may block.
async fn parse(
    batch: Vec<(Reader, Result<Fetched, Unread>)>,
    timeout: Duration,
) -> Vec<(String, Parsed)> {
    let files: Vec<_> = batch.iter().map(|(reader, _)| reader.file.clone()).collect();
    let parsed = tokio::task::spawn_blocking(move || {
        batch.into_iter().map(|(reader, fetched)| reader.finish(fetched)).collect::<Vec<_>>()
    });
    let parsed = match tokio::time::timeout(timeout, parsed).await {
        Ok(Ok(parsed)) => parsed,
        Ok(Err(error)) => {
            tracing::error!(%error, "documents could not be parsed");
            vec![Err(Unread::Unreadable); files.len()]
        }
        Err(_) => {
            tracing::warn!(?files, "documents were not read in time");
            vec![Err(Unread::Unreadable); files.len()]
        }
    };
    files.into_iter().zip(parsed).collect()
}

/// The documents that did not come in time, counted by domain: a domain that does not answer
/// holds up the others for one deadline and not for one after the other.
#[derive(Debug, Default)]
struct Late {
    count: Mutex<BTreeMap<String, usize>>,
}

impl Late {
    /// Reads and parses documents of one domain on a thread of their own, which has no runtime, so
    /// that the store works on it too.
    async fn read_batch(
        &self,
        place: Arc<MeshPlace>,
        batch: Vec<(String, Listed)>,
        variables: Arc<BTreeMap<String, String>>,
    ) -> Vec<(String, Parsed)> {
        let files: Vec<String> = batch.iter().map(|(file, _)| file.clone()).collect();
        let domain = batch.first().map(|(_, listed)| listed.domain.clone()).unwrap_or_default();
        let unread = |files: Vec<String>| {
            files.into_iter().map(|file| (file, Err(Unread::Unreadable))).collect()
        };
        if self.is_late(&domain) {
            return unread(files);
        }
        let timeout = place.answer_timeout;
        let (sender, parsed) = oneshot::channel();
        let work = move || {
            let read = |(file, listed): (String, Listed)| {
                let fetched = futures::executor::block_on(fetch(&place, &file, &listed));
                (file.clone(), Reader::new(&place.root, file, listed, &variables).finish(fetched))
            };
            // Nobody waits any more if this took too long.
            let _ = sender.send(batch.into_iter().map(read).collect::<Vec<_>>());
        };
        let started = std::thread::Builder::new().name("samite-mesh".to_owned()).spawn(work);
        if let Err(error) = started {
            tracing::error!(%error, "documents could not be parsed");
            return unread(files);
        }
        match tokio::time::timeout(timeout, parsed).await {
            Ok(Ok(parsed)) => parsed,
            Ok(Err(_)) => {
                tracing::error!(?files, "documents could not be parsed");
                unread(files)
            }
            Err(_) => {
                tracing::warn!(?files, "documents were not read in time");
                *self.count.lock().entry(domain).or_default() += LATE_MAX;
                unread(files)
            }
        }
    }

    fn is_late(&self, domain: &str) -> bool {
        self.count.lock().get(domain).is_some_and(|count| *count >= LATE_MAX)
    }

    async fn fetch(
        &self,
        place: &MeshPlace,
        file: &str,
        listed: &Listed,
    ) -> Result<Fetched, Unread> {
        if self.is_late(&listed.domain) {
            return Err(Unread::Unreadable);
        }
        let fetched = tokio::time::timeout(place.answer_timeout, fetch(place, file, listed)).await;
        fetched.unwrap_or_else(|_| {
            tracing::warn!(file, "document was not read in time");
            *self.count.lock().entry(listed.domain.clone()).or_default() += 1;
            Err(Unread::Unreadable)
        })
    }
}

/// What a store handed over.
enum Fetched {
    Bytes(Bytes),
    /// A local file, opened and not read yet.
    File(std::fs::File, u64),
    TooLarge(u64),
}

async fn fetch(place: &MeshPlace, file: &str, listed: &Listed) -> Result<Fetched, Unread> {
    let unread = |error: object_store::Error| match error {
        object_store::Error::NotFound { .. } => Unread::Gone,
        error => {
            tracing::warn!(file, %error, "document cannot be read");
            Unread::Unreadable
        }
    };
    if listed.size > DOCUMENT_BYTES_MAX {
        return Ok(Fetched::TooLarge(listed.size));
    }
    let object = place.store.get(&listed.path).await.map_err(unread)?;
    if object.meta.size > DOCUMENT_BYTES_MAX {
        return Ok(Fetched::TooLarge(object.meta.size));
    }
    match object.payload {
        GetResultPayload::File(file, _) => Ok(Fetched::File(file, object.meta.size)),
        GetResultPayload::Stream(_) => object.bytes().await.map(Fetched::Bytes).map_err(unread),
    }
}

/// What a file that cannot be read leaves in the mesh.
pub(super) fn unreadable(file: &str, listed: &Listed) -> ReadDocument {
    let reader = Reader::new("", file.to_owned(), listed.clone(), &Arc::default());
    reader.refused("the document cannot be read".to_owned())
}

struct Reader {
    root: String,
    file: String,
    domain: String,
    kind: Kind,
    variables: Arc<BTreeMap<String, String>>,
}

impl Reader {
    fn new(
        root: &str,
        file: String,
        listed: Listed,
        variables: &Arc<BTreeMap<String, String>>,
    ) -> Self {
        Self {
            root: root.to_owned(),
            file,
            domain: listed.domain,
            kind: listed.kind,
            variables: Arc::clone(variables),
        }
    }

    /// Reads what was fetched; blocks on local files.
    fn finish(self, fetched: Result<Fetched, Unread>) -> Result<Arc<ReadDocument>, Unread> {
        let read = match fetched? {
            Fetched::Bytes(bytes) => self.read(&bytes),
            Fetched::File(file, size) => {
                let mut bytes = Vec::with_capacity(usize::try_from(size + 1).unwrap_or_default());
                let read = file.take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut bytes);
                if let Err(error) = read {
                    tracing::warn!(file = %self.file, %error, "document cannot be read");
                    return Err(Unread::Unreadable);
                }
                self.read(&bytes)
            }
            Fetched::TooLarge(size) => self.refused(format!("the document has {size} bytes")),
        };
        Ok(Arc::new(read))
    }

    fn read(self, bytes: &[u8]) -> ReadDocument {
        let surroundings = Surroundings {
            root: &self.root,
            file: &self.file,
            domain: &self.domain,
            variables: &self.variables,
        };
        let document = match documents::read(self.kind, bytes) {
            Ok(document) => document,
            Err(refused) => {
                let content = self.nothing(refused.id);
                return self.into_read(content, refused.name, refused.findings);
            }
        };
        let name = document.root.text_of("name").map(str::to_owned);
        let (content, findings) = match self.kind {
            Kind::Product => {
                let (draft, findings) = translate::product(&document, surroundings);
                (Content::Product(draft.map(Box::new)), findings)
            }
            Kind::Contract => {
                let id = document.root.text_of("id").map(str::to_owned);
                let (draft, findings) = translate::contract(&document, surroundings);
                (Content::Contract { id, draft }, findings)
            }
        };
        self.into_read(content, name, findings)
    }

    fn refused(self, message: String) -> ReadDocument {
        let finding = Finding { line: None, ..Finding::error(1, "", message) }.with_hint(format!(
            "expected a readable file of at most {} MiB",
            DOCUMENT_BYTES_MAX / (1024 * 1024)
        ));
        let content = self.nothing(None);
        self.into_read(content, None, vec![finding])
    }

    fn nothing(&self, id: Option<String>) -> Content {
        match self.kind {
            Kind::Product => Content::Product(None),
            Kind::Contract => Content::Contract { id, draft: None },
        }
    }

    fn into_read(
        self,
        content: Content,
        name: Option<String>,
        findings: Vec<Finding>,
    ) -> ReadDocument {
        let subject = Subject {
            file: self.file.clone(),
            domain: Some(self.domain.clone()),
            product: name.filter(|_| self.kind == Kind::Product),
        };
        let problems = findings.into_iter().map(|finding| finding.into_problem(&subject)).collect();
        ReadDocument { file: self.file, domain: self.domain, content, problems }
    }
}
