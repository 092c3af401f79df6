//! A store that only reads, refuses files that a link leads out of the allowed folders, and refuses
//! to list a web server.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};
use futures::stream::{BoxStream, StreamExt, TryStreamExt};

use super::local::LocalGuard;
use super::refusals::no_listing;

/// A store that only reads.
#[derive(Debug)]
pub(super) struct GuardedStore {
    inner: Arc<dyn ObjectStore>,
    guard: Option<Arc<LocalGuard>>,
    is_web: bool,
}

impl GuardedStore {
    /// A store that needs no guard but against writing.
    pub(super) fn remote(inner: Arc<dyn ObjectStore>) -> Self {
        Self { inner, guard: None, is_web: false }
    }

    /// The files of this machine, as far as `guard` allows.
    pub(super) fn local(inner: Arc<dyn ObjectStore>, guard: LocalGuard) -> Self {
        Self { inner, guard: Some(Arc::new(guard)), is_web: false }
    }

    /// A web server, which has files but no listing of them.
    pub(super) fn web(inner: Arc<dyn ObjectStore>) -> Self {
        Self { inner, guard: None, is_web: true }
    }

    fn listing(&self) -> Result<()> {
        match self.is_web {
            true => Err(Error::NotSupported { source: Box::new(no_listing()) }),
            false => Ok(()),
        }
    }

    async fn check(&self, path: &Path) -> Result<()> {
        match &self.guard {
            Some(guard) => guard.check(path).await,
            None => Ok(()),
        }
    }

    fn read_only(&self) -> Error {
        Error::NotImplemented {
            operation: "writing".to_owned(),
            implementer: self.inner.to_string(),
        }
    }

    /// `listed` once `prefix` is checked, each entry with a check of its folder.
    fn checked(
        &self,
        prefix: Option<&Path>,
        listed: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let Some(guard) = self.guard.clone() else { return listed };
        let prefix = prefix.cloned().unwrap_or_default();
        let outer = Arc::clone(&guard);
        futures::stream::once(async move { outer.check(&prefix).await.map(|()| listed) })
            .try_flatten()
            .and_then(move |meta| {
                let guard = Arc::clone(&guard);
                async move {
                    if let Some(folder) = meta.location.parent() {
                        guard.check(&folder).await?;
                    }
                    Ok(meta)
                }
            })
            .boxed()
    }
}

impl fmt::Display for GuardedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods, reason = "a new method must not bypass the guard")]
impl ObjectStore for GuardedStore {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(self.read_only())
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(self.read_only())
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.check(location).await?;
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.check(location).await?;
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        futures::stream::iter([Err(self.read_only())]).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.listing() {
            Ok(()) => self.checked(prefix, self.inner.list(prefix)),
            Err(error) => futures::stream::iter([Err(error)]).boxed(),
        }
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.listing() {
            Ok(()) => self.checked(prefix, self.inner.list_with_offset(prefix, offset)),
            Err(error) => futures::stream::iter([Err(error)]).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.listing()?;
        self.check(prefix.unwrap_or(&Path::ROOT)).await?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(self.read_only())
    }

    async fn rename_opts(&self, _: &Path, _: &Path, _: RenameOptions) -> Result<()> {
        Err(self.read_only())
    }
}
