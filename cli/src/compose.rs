//! A configuration becomes an engine: the one place where the crates meet.

use std::path::Path;
use std::sync::Arc;

use samite_catalog_bridge::{MeshFolder, MeshFolderOptions};
use samite_connectors::connectors;
use samite_connectors::stores::{Stores, StoresConfig};
use samite_engine::authorizer::{Authorizer, OpenMesh};
use samite_engine::{Clock, Engine, Error, ErrorKind, Result};

use crate::config::Configuration;
use crate::recorders::Recorders;

/// What a mesh consists of.
pub(crate) struct Composition {
    /// Answers queries.
    pub(crate) engine: Engine,
    /// Keeps the picture of the mesh.
    pub(crate) folder: Arc<MeshFolder>,
    /// Records statements.
    pub(crate) recorders: Arc<Recorders>,
}

/// Who decides what may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// The policies of the mesh; what is asked is recorded.
    AsPoliciesSay,
    /// The same, for one who looks at documents and asks no statement: the files of records stay untouched.
    ToLook,
    /// Nobody: whoever has the files checks whether they are as promised.
    OfOwner,
}

/// Puts stores, connectors, catalog and engine together for the mesh at `location`.
///
/// # Errors
///
/// When there is no mesh at `location`, or an option cannot be had.
pub(crate) async fn compose(
    location: &str,
    configuration: &Configuration,
    (clock, access): (Clock, Access),
) -> Result<Composition> {
    let root = root_uri(location)?;
    let stores = Stores::new(StoresConfig {
        mesh_root: Some(root.clone()),
        ..configuration.stores.clone()
    })?;
    let place = stores.resolve(&root, None)?;
    let options = MeshFolderOptions {
        variables: configuration.document_variables(),
        refresh: configuration.mesh_refresh,
        ..MeshFolderOptions::default()
    };
    let folder =
        MeshFolder::open(Arc::clone(&place.store.store), place.path, root, options).await?;
    let authorizer: Arc<dyn Authorizer> = match access {
        Access::AsPoliciesSay | Access::ToLook => Arc::clone(&folder) as _,
        Access::OfOwner => Arc::new(OpenMesh),
    };
    let recorders = Arc::new(match access {
        Access::AsPoliciesSay => Recorders::start(configuration)?,
        Access::OfOwner | Access::ToLook => Recorders::log_only(configuration),
    });
    let engine = Engine::builder()
        .events(Arc::clone(&recorders) as _)
        .catalog(Arc::clone(&folder) as _)
        .authorizer(authorizer)
        .connectors(connectors(stores.clone()))
        .stores(Arc::new(stores))
        .clock(clock)
        .config(configuration.engine.clone())
        .build()?;
    recorders.attach(&engine)?;
    Ok(Composition { engine, folder, recorders })
}

/// The raw URI of a location: a URI as it is, a path as an absolute one.
fn root_uri(location: &str) -> Result<String> {
    if location.contains("://") {
        return Ok(location.to_owned());
    }
    let folder = Path::new(location);
    let absolute = folder.canonicalize().map_err(|error| {
        Error::new(ErrorKind::NotFound, format!("mesh \"{location}\" cannot be opened"))
            .with_detail(error.to_string())
            .with_hint("name the folder that holds domains/, or a URI such as s3://bucket/mesh")
            .with_source(error)
    })?;
    if !absolute.is_dir() {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("mesh \"{location}\" is not a folder"),
        )
        .with_hint("name the folder that holds domains/"));
    }
    match absolute.to_str() {
        Some(path) => Ok(format!("file://{path}")),
        None => Err(Error::new(
            ErrorKind::InvalidConfiguration,
            format!("the path of mesh \"{location}\" is not text"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn location_is_a_uri_or_a_folder() {
        assert_eq!(root_uri("s3://bucket/a mesh").unwrap(), "s3://bucket/a mesh");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        let uri = root_uri(path.to_str().unwrap()).unwrap();
        assert_eq!(uri, format!("file://{}", path.display()));
        for location in ["/no/such/mesh", "Cargo.toml"] {
            assert_eq!(root_uri(location).err().unwrap().kind(), ErrorKind::NotFound, "{location}");
        }
    }
}
