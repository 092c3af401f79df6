//! Reads documents: many at once, parsed beside the threads that serve queries.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, stream};
use object_store::ObjectStoreExt as _;
use samite_engine::product::Problem;

use super::MeshPlace;
use super::listing::Listed;
use crate::documents::{self, DOCUMENT_BYTES_MAX, Kind};
use crate::problems::{Finding, Subject};
use crate::translate::{self, ContractDraft, ProductDraft, Surroundings};

/// How many documents are read at once.
const READS_MAX: usize = 64;

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
    place: &MeshPlace,
    documents: Vec<(String, Listed)>,
    variables: &Arc<BTreeMap<String, String>>,
) -> BTreeMap<String, Result<Arc<ReadDocument>, Unread>> {
    stream::iter(documents)
        .map(|(file, listed)| async move {
            let read = read_one(place, &file, &listed, variables).await;
            (file, read.map(Arc::new))
        })
        .buffer_unordered(READS_MAX)
        .collect()
        .await
}

async fn read_one(
    place: &MeshPlace,
    file: &str,
    listed: &Listed,
    variables: &Arc<BTreeMap<String, String>>,
) -> Result<ReadDocument, Unread> {
    let reader = Reader {
        root: place.root.clone(),
        file: file.to_owned(),
        domain: listed.domain.clone(),
        kind: listed.kind,
        variables: Arc::clone(variables),
    };
    if listed.size > DOCUMENT_BYTES_MAX {
        return Ok(reader.refused(format!("the document has {} bytes", listed.size)));
    }
    let bytes = fetch(place, file, listed).await?;
    tokio::task::spawn_blocking(move || reader.read(&bytes)).await.map_err(|error| {
        tracing::error!(file, %error, "document could not be parsed");
        Unread::Unreadable
    })
}

async fn fetch(place: &MeshPlace, file: &str, listed: &Listed) -> Result<Bytes, Unread> {
    let unread = |error: object_store::Error| match error {
        object_store::Error::NotFound { .. } => Unread::Gone,
        error => {
            tracing::warn!(file, %error, "document cannot be read");
            Unread::Unreadable
        }
    };
    let object = place.store.get(&listed.path).await.map_err(unread)?;
    if object.meta.size > DOCUMENT_BYTES_MAX {
        return Err(Unread::Unreadable);
    }
    object.bytes().await.map_err(unread)
}

/// What a file that cannot be read leaves in the mesh.
pub(super) fn unreadable(file: &str, listed: &Listed) -> ReadDocument {
    let reader = Reader {
        root: String::new(),
        file: file.to_owned(),
        domain: listed.domain.clone(),
        kind: listed.kind,
        variables: Arc::default(),
    };
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
