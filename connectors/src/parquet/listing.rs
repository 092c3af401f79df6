//! The data files of a port, as they lie there now.
//!
//! Lists anew each time: DataFusion's own listing never forgets. Nothing that could hold rows is
//! left out silently.

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};
use samite_engine::connector::{OpenRequest, SnapshotId};
use samite_engine::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};

use super::ParquetConfig;
use super::pattern::Pattern;
use crate::stores::{Location, Place, Stores, location_of, shown, unreadable};

/// The data files of a port.
#[derive(Debug)]
pub(crate) struct Listing {
    /// Where the port lies.
    pub(crate) place: Place,
    /// The files in the order of their paths, each with its path relative to the place.
    pub(crate) files: Vec<(String, ObjectMeta)>,
}

impl Listing {
    /// Names this state of the port.
    pub(crate) fn fingerprint(&self) -> SnapshotId {
        let mut hash = Sha256::new();
        for (path, meta) in &self.files {
            let version = meta.e_tag.as_ref().or(meta.version.as_ref());
            let state = match version {
                Some(version) => version.clone(),
                None => meta.last_modified.to_rfc3339(),
            };
            for part in [path.as_str(), &meta.size.to_string(), &state] {
                hash.update(part.len().to_le_bytes());
                hash.update(part);
            }
        }
        let digest: String =
            hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        SnapshotId(format!("parquet:{digest}"))
    }
}

/// Lists the data files of a port.
///
/// # Errors
///
/// When the port has none, is a table of another format, or holds an empty file.
pub(crate) async fn list(
    stores: &Stores,
    request: &OpenRequest,
    config: &ParquetConfig,
) -> Result<Listing> {
    let location = location_of(request)?;
    let parsed = Location::parse(&location)?;
    let listing = match Pattern::of(&parsed, stores.segments_given(&parsed))? {
        Some(pattern) => {
            let folder = pattern.folder.to_string();
            let place = stores.resolve(&folder, Some(&request.server))?;
            list_folder(place, config, |path| pattern.matches(path)).await?
        }
        None => {
            let place = stores.resolve(&location, Some(&request.server))?;
            match list_file(&place, &location).await? {
                Some(file) => Listing { files: vec![file], place },
                None => list_folder(place, config, is_parquet).await?,
            }
        }
    };
    if listing.files.is_empty() {
        return Err(Error::new(
            ErrorKind::CorruptSource,
            format!("table \"{}\" has no data files", request.name),
        )
        .with_detail(format!("no Parquet file was found at \"{}\"", shown(&location)))
        .with_hint("ask the owner of the product whether the location in the contract is right"));
    }
    for (path, meta) in &listing.files {
        if meta.size == 0 {
            return Err(Error::new(
                ErrorKind::CorruptSource,
                format!("data file \"{path}\" of table \"{}\" is empty", request.name),
            )
            .with_detail("it has 0 bytes, which no Parquet file has"));
        }
    }
    Ok(listing)
}

async fn list_file(place: &Place, location: &str) -> Result<Option<(String, ObjectMeta)>> {
    if location.ends_with('/') || place.path.as_ref().is_empty() {
        return Ok(None);
    }
    match place.store.store.head(&place.path).await {
        Ok(meta) => {
            let name = meta.location.filename().unwrap_or_default().to_owned();
            Ok(Some((name, meta)))
        }
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(unreadable("the location of a port", error)),
    }
}

async fn list_folder(
    place: Place,
    config: &ParquetConfig,
    is_meant: impl Fn(&str) -> bool,
) -> Result<Listing> {
    let mut listed = place.store.store.list(Some(&place.path));
    let mut files = Vec::new();
    loop {
        let next = listed.try_next().await;
        let Some(meta) = next.map_err(|error| unreadable("the folder of a port", error))? else {
            break;
        };
        let Some(path) = relative(&place.path, &meta.location) else { continue };
        refuse_other_formats(&path)?;
        if is_hidden(&path) || !is_meant(&path) {
            continue;
        }
        if files.len() >= config.files_max {
            return Err(Error::new(
                ErrorKind::ResourcesExhausted,
                format!("a port has more than {} data files", config.files_max),
            )
            .with_hint("ask the owner of the product to write fewer and larger files"));
        }
        files.push((path, meta));
    }
    drop(listed);
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(Listing { place, files })
}

fn relative(folder: &Path, path: &Path) -> Option<String> {
    let rest = path.as_ref().strip_prefix(folder.as_ref())?;
    let rest = if folder.as_ref().is_empty() { Some(rest) } else { rest.strip_prefix('/') };
    rest.filter(|rest| !rest.is_empty()).map(str::to_owned)
}

/// What writers leave beside their data begins with `_` or `.`; a partition column may, too.
fn is_hidden(path: &str) -> bool {
    path.split('/').any(|segment| segment.starts_with(['_', '.']) && !segment.contains('='))
}

fn is_parquet(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    [".parquet", ".parq", ".pq"].iter().any(|ending| path.ends_with(ending))
}

/// The files of a Delta or Iceberg table hold rows that are long deleted.
fn refuse_other_formats(path: &str) -> Result<()> {
    let format = if path.starts_with("_delta_log/") {
        "delta"
    } else if path.starts_with("metadata/") && path.ends_with(".metadata.json") {
        "iceberg"
    } else {
        return Ok(());
    };
    Err(Error::new(
        ErrorKind::ContractViolated,
        format!("the location of a parquet port holds a table of format \"{format}\""),
    )
    .with_detail(format!("there is a file \"{path}\""))
    .with_hint(format!("write format: {format} in the contract")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_writers_leave_beside_their_data_is_hidden() {
        for (path, hidden) in [
            ("a.parquet", false),
            ("_SUCCESS", true),
            ("x/.a.parquet.crc", true),
            ("_temporary/0/a.parquet", true),
            ("_day=3/a.parquet", false),
        ] {
            assert_eq!(is_hidden(path), hidden, "{path}");
        }
    }

    #[test]
    fn other_formats_are_refused_with_their_name() {
        for (path, format) in [
            ("_delta_log/00000000000000000000.json", "delta"),
            ("metadata/v1.metadata.json", "iceberg"),
        ] {
            let error = refuse_other_formats(path).unwrap_err();
            assert!(error.hint().is_some_and(|hint| hint.contains(format)), "{path}");
        }
        assert!(refuse_other_formats("metadata/a.parquet").is_ok());
    }
}
