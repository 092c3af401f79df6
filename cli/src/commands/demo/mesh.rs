//! Writes Daff Inc.'s mesh into a folder, once.
//!
//! ```text
//! FOLDER/domains/<domain>/<product>/   documents, and the data below data/
//! FOLDER/mesh/semantics/               what columns mean in all of them
//! FOLDER/.samite-demo                  which version is there, and where it was written
//! ```

use std::path::{Path, PathBuf};
use std::time::Duration;

use samite_engine::{Error, ErrorKind, Result};

use super::{artists, failed, joined, plays, royalties};

/// Changes when the documents or the data change, so that an older mesh is written anew.
const VERSION: &str = "3";

/// How many plays the mesh has.
pub const PLAYS: u64 = 1_200_000;

const MARKER: &str = ".samite-demo";

const DOCUMENTS: [(&str, &str); 11] = [
    (
        "domains/media_player/play_events/play_events.odps.yaml",
        include_str!("mesh/play_events.odps.yaml"),
    ),
    (
        "domains/media_player/play_events/play_events.v1.odcs.yaml",
        include_str!("mesh/play_events.v1.odcs.yaml"),
    ),
    (
        "domains/media_player/play_events/play_events.v2.odcs.yaml",
        include_str!("mesh/play_events.v2.odcs.yaml"),
    ),
    ("domains/artists/profiles/profiles.odps.yaml", include_str!("mesh/profiles.odps.yaml")),
    ("domains/artists/profiles/profiles.v1.odcs.yaml", include_str!("mesh/profiles.v1.odcs.yaml")),
    ("domains/payments/royalties/royalties.odps.yaml", include_str!("mesh/royalties.odps.yaml")),
    (
        "domains/payments/royalties/royalties.v1.odcs.yaml",
        include_str!("mesh/royalties.v1.odcs.yaml"),
    ),
    ("domains/listeners/sessions/sessions.odps.yaml", include_str!("mesh/sessions.odps.yaml")),
    (
        "domains/listeners/sessions/sessions.v1.odcs.yaml",
        include_str!("mesh/sessions.v1.odcs.yaml"),
    ),
    ("domains/listeners/sessions/sessions.v1.sql", include_str!("mesh/sessions.v1.sql")),
    ("mesh/semantics/daff.osds.yaml", include_str!("mesh/daff.osds.yaml")),
];

/// A mesh that is there.
#[derive(Debug, Clone)]
pub struct DemoMesh {
    /// Its folder, absolute.
    pub folder: PathBuf,
    /// How long it took to write; `None` if it was there already.
    pub written_in: Option<Duration>,
}

/// Writes the mesh with about `plays` plays into `folder`, unless the same mesh is there already.
///
/// # Errors
///
/// When the folder holds something else, or cannot be written.
pub async fn write(folder: &Path, plays: u64) -> Result<DemoMesh> {
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let folder = folder.canonicalize().map_err(|error| failed(folder, error))?;
    // Iceberg writes absolute paths into its metadata: a mesh that was moved is written anew.
    let complete = format!("version {VERSION}, {plays} plays\n{}\n", folder.display());
    let marker = folder.join(MARKER);
    let found = std::fs::read_to_string(&marker).ok();
    if found.as_ref() == Some(&complete) {
        return Ok(DemoMesh { folder, written_in: None });
    }
    if found.is_none() && !is_empty(&folder)? {
        return Err(Error::new(
            ErrorKind::InvalidConfiguration,
            format!("folder \"{}\" is not empty and holds no demo", folder.display()),
        )
        .with_hint("name a folder that is empty or does not exist, with --dir"));
    }
    let begin = std::time::Instant::now();
    std::fs::write(&marker, "being written\n").map_err(|error| failed(&marker, error))?;
    let domains = folder.join("domains");
    if domains.exists() {
        std::fs::remove_dir_all(&domains).map_err(|error| failed(&domains, error))?;
    }
    write_data(&domains, plays).await?;
    for (file, text) in DOCUMENTS {
        let file = folder.join(file);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
        }
        std::fs::write(&file, text).map_err(|error| failed(&file, error))?;
    }
    std::fs::write(&marker, complete).map_err(|error| failed(&marker, error))?;
    Ok(DemoMesh { folder, written_in: Some(begin.elapsed()) })
}

async fn write_data(domains: &Path, plays: u64) -> Result<()> {
    let events = domains.join("media_player/play_events/data");
    let first = events.join("v1");
    std::fs::create_dir_all(&first).map_err(|error| failed(&first, error))?;
    let first = tokio::task::spawn_blocking(move || {
        plays::write_first(&first.join("plays.parquet"), (plays / 6) as usize)
    });
    let counts = plays::write_current(&events.join("v2/plays"), plays).await?;
    artists::write(&domains.join("artists/profiles/data/v1/artists")).await?;
    royalties::write(&domains.join("payments/royalties/data/v1/royalties"), &counts).await?;
    joined(first.await)
}

fn is_empty(folder: &Path) -> Result<bool> {
    let mut entries = std::fs::read_dir(folder).map_err(|error| failed(folder, error))?;
    Ok(entries.next().is_none())
}
