//! The files of policies and the agreements of a mesh, as what decides.

use std::sync::Arc;

use samite_engine::product::Mesh;
use samite_engine::{Error, ErrorKind, Result};

use super::MeshPlace;
use super::known_files::KnownFiles;
use super::listing::Listing;
use crate::policy::{Policies, PolicyFile, PolicyLoader, policy_place};

/// What earlier looks found.
#[derive(Debug, Default)]
pub(super) struct KnownPolicies {
    files: KnownFiles,
    loader: PolicyLoader,
}

/// True if a mesh holds a file of policies.
pub(super) fn are_in(listing: &Listing) -> bool {
    listing.policies.keys().any(|file| policy_place(file).is_policy())
}

impl KnownPolicies {
    /// Reads what is new or changed and forgets what is gone; true if anything was.
    pub(super) async fn update(&mut self, place: &MeshPlace, listing: &Listing) -> bool {
        self.files.update(place, &listing.policies, &listing.outline).await
    }

    /// Makes decisions out of the files; their problems are those of the mesh.
    ///
    /// # Errors
    ///
    /// When no thread can be had to read them.
    pub(super) async fn load(&mut self, mesh: Mesh) -> Result<(Mesh, Policies)> {
        let file = |(file, bytes): (&str, Option<&bytes::Bytes>)| PolicyFile {
            file: file.to_owned(),
            bytes: bytes.cloned(),
        };
        let files = self.files.iter().map(file).collect();
        let mesh = Arc::new(mesh);
        let loaded = self.loader.clone().load(Arc::clone(&mesh), files).await;
        let (loader, policies, problems) = loaded.map_err(|error| {
            Error::new(ErrorKind::ResourcesExhausted, "the policies of the mesh cannot be read")
                .with_source(error)
        })?;
        self.loader = loader;
        let mut mesh = Arc::unwrap_or_clone(mesh);
        mesh.problems.extend(problems);
        mesh.problems
            .sort_by(|left, right| (&left.file, left.line).cmp(&(&right.file, right.line)));
        Ok((mesh, policies))
    }
}
