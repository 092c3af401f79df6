//! Whether the engine can answer: asked by whoever watches the server, again and again.
//!
//! What is asked is small, takes no place among the queries that run, and leaves no trace in the log of
//! queries: a server that is busy is not ill.

use std::fs::DirBuilder;
use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::session::Principal;

/// A query over the catalog alone.
const QUESTION: &str = "SELECT count(*) FROM mesh.discovery.domains";

/// Says whether a small query can be planned on the query threads, and the disk be written that queries
/// use when memory does not suffice.
///
/// # Errors
///
/// What is wrong, without a path or a name.
pub(crate) async fn check(engine: &Engine, patience: Duration) -> Result<()> {
    let session = engine.session(Principal::anonymous());
    let question = async {
        session.describe(&session.parse(QUESTION)?).await?;
        Ok(())
    };
    within(patience, "the query threads do not answer", question).await?;
    let disk = engine.clone();
    let written = engine.limits().processor().run(async move {
        let writing = tokio::task::spawn_blocking(move || write(&disk));
        writing.await.unwrap_or_else(|_| Err(unwritable()))
    });
    within(patience, "the spill folder does not answer", written).await
}

async fn within(
    patience: Duration,
    message: &str,
    work: impl Future<Output = Result<()>>,
) -> Result<()> {
    tokio::time::timeout(patience, work).await.unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Overloaded, message)
            .with_detail(format!("waited {} s", patience.as_secs())))
    })
}

fn write(engine: &Engine) -> Result<()> {
    let disk = &engine.runtime().disk_manager;
    let wrong = |error: Error| unwritable().with_source(error);
    make_again(&disk.temp_dir_paths());
    let file = disk.create_tmp_file("a sign of life").map_err(|error| wrong(error.into()))?;
    let mut writer = file.open_writer().map_err(|error| wrong(error.into()))?;
    writer.write_all(b"alive").map_err(|error| unwritable().with_source(error))?;
    writer.finish().map_err(|error| wrong(error.into()))
}

/// Makes the folders again that queries spill into, where what they lie in was taken away and is back:
/// else nothing but a restart would. What they lie in is never made here: it may be a disk that is gone.
fn make_again(folders: &[PathBuf]) {
    for folder in folders.iter().filter(|folder| !folder.exists()) {
        let mut maker = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut maker, 0o700);
        match maker.create(folder) {
            Ok(()) => tracing::warn!("the spill folder was gone, and is made again"),
            // What cannot be made cannot be written either, and that is told.
            Err(error) => tracing::debug!(%error, "the spill folder cannot be made again"),
        }
    }
}

fn unwritable() -> Error {
    Error::new(ErrorKind::ResourcesExhausted, "the spill folder cannot be written")
        .with_hint("see [limits] spill_folder")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::EngineConfig;
    use crate::testing::{FixedCatalog, mesh_of};

    #[tokio::test]
    async fn engine_without_its_spill_folder_is_ill_and_a_busy_one_is_not() {
        let folder = std::env::temp_dir().join(format!("samite-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        let config = EngineConfig {
            spill_folder: Some(folder.clone()),
            // Nobody gets a place.
            concurrent_queries_max: 0,
            queue_timeout: Duration::from_millis(1),
            ..EngineConfig::default()
        };
        let catalog = Arc::new(FixedCatalog::new(mesh_of(vec![])));
        let engine = Engine::builder().catalog(catalog).config(config).build().unwrap();
        let patience = Duration::from_secs(60);
        engine.check(patience).await.unwrap();
        assert!(engine.query_log().queries(None).is_empty());
        std::fs::remove_dir_all(&folder).unwrap();
        let error = engine.check(patience).await.unwrap_err();
        assert_eq!(error.message(), "the spill folder cannot be written");
        assert!(!error.to_line().contains("samite-"), "{error:?}");
        std::fs::create_dir(&folder).unwrap();
        engine.check(patience).await.unwrap();
        drop(engine);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
