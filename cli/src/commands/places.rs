//! The arguments that say which mesh, with which configuration.

use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use crate::config::{Configuration, Environment};
use crate::mesh::Mesh;

/// How a mesh is configured.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Setup {
    /// Configuration file (see docs/configuration.md)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Read the servers of this environment, for instance prod
    #[arg(long, value_name = "ENV")]
    environment: Option<String>,
}

/// Which mesh, and how it is configured.
#[derive(Debug, Clone, Args)]
pub(crate) struct MeshPlace {
    /// Folder or URI of the mesh, for instance ./mesh or s3://bucket/mesh
    #[arg(long, value_name = "LOCATION")]
    mesh: String,
    #[command(flatten)]
    setup: Setup,
}

impl Setup {
    /// Reads the configuration.
    ///
    /// # Errors
    ///
    /// When the file or the environment holds what Samite does not know: a wrong use.
    pub(crate) fn configuration(&self, environment: Environment) -> Result<Configuration, Failure> {
        let mut configuration =
            Configuration::load(self.config.as_deref(), environment).map_err(Failure::Usage)?;
        if self.environment.is_some() {
            configuration.engine.environment.clone_from(&self.environment);
        }
        Ok(configuration)
    }
}

impl MeshPlace {
    /// Reads the configuration.
    ///
    /// # Errors
    ///
    /// As [`Setup::configuration`].
    pub(crate) fn configuration(&self, environment: Environment) -> Result<Configuration, Failure> {
        self.setup.configuration(environment)
    }

    /// The place, as it was written.
    pub(crate) fn location(&self) -> &str {
        &self.mesh
    }

    /// Opens the mesh.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) async fn open(&self, configuration: Configuration) -> Result<Mesh, Failure> {
        Ok(Mesh::builder(&self.mesh).config(configuration).build().await?)
    }

    /// Opens the mesh to look at its documents and policies.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) async fn open_to_look(&self, configuration: Configuration) -> Result<Mesh, Failure> {
        Ok(Mesh::builder(&self.mesh).config(configuration).for_looking().build().await?)
    }

    /// Opens the mesh without asking its policies: for checking that the data are as promised.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) async fn open_for_checks(
        &self,
        configuration: Configuration,
    ) -> Result<Mesh, Failure> {
        Ok(Mesh::builder(&self.mesh).config(configuration).for_checks().build().await?)
    }
}
