//! A mesh to ask: what a program that embeds Samite begins with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use samite_catalog_bridge::MeshFolder;
use samite_catalog_bridge::policy::Policies;
use samite_engine::product::Mesh as MeshPicture;
use samite_engine::session::{Principal, Session};
use samite_engine::{Clock, Engine, Result};

use crate::compose::{Access, Composition, compose};
use crate::config::{Configuration, Environment};
use crate::recorders::Recorders;

/// The time for statements that were cancelled to end.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// A mesh to ask. Cheap to clone; it looks at its documents again and again until the last clone
/// is dropped.
#[derive(Debug, Clone)]
pub struct Mesh {
    engine: Engine,
    folder: Arc<MeshFolder>,
    recorders: Arc<Recorders>,
    configuration: Arc<Configuration>,
}

impl Mesh {
    /// Opens the mesh at `location`, a folder or a URI such as `s3://bucket/mesh`, with the default
    /// configuration.
    ///
    /// # Errors
    ///
    /// When there is no mesh.
    pub async fn open(location: impl Into<String>) -> Result<Self> {
        Self::builder(location).build().await
    }

    /// Begins to open the mesh at `location` in another way.
    #[must_use]
    pub fn builder(location: impl Into<String>) -> MeshBuilder {
        MeshBuilder {
            location: location.into(),
            configuration: None,
            file: None,
            environment: None,
            clock: Clock::default(),
            access: Access::AsPoliciesSay,
        }
    }

    /// Opens a session for `principal`, whom the caller vouches for.
    #[must_use]
    pub fn session(&self, principal: Principal) -> Session {
        self.engine.session(principal)
    }

    /// The engine behind it.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The domains and products as the documents say now, with what is wrong in the documents.
    #[must_use]
    pub fn picture(&self) -> Arc<MeshPicture> {
        self.folder.current()
    }

    /// The policies as they are now.
    pub(crate) fn policies(&self) -> Arc<Policies> {
        self.folder.policies()
    }

    /// How long ago a look at the documents last went well; what was read then is served.
    #[must_use]
    pub fn unseen(&self) -> Duration {
        self.folder.unseen()
    }

    /// Records what is left of the statements that ended, in the audit file and as lineage, if there are any: for a
    /// program that ends. What is asked afterwards has no record there, and is refused unless that may be.
    pub async fn end(&self) {
        self.engine.settle(END_PATIENCE).await;
        self.recorders.end().await;
    }

    /// The configuration that it was opened with.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }
}

/// Opens a [`Mesh`] with a configuration, an environment or a clock.
///
/// ```no_run
/// # async fn example() -> samite::Result<()> {
/// let mesh = samite::Mesh::builder("s3://bucket/mesh")
///     .config_file("samite.toml")
///     .environment("prod")
///     .build()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MeshBuilder {
    location: String,
    configuration: Option<Configuration>,
    file: Option<PathBuf>,
    environment: Option<String>,
    clock: Clock,
    access: Access,
}

impl MeshBuilder {
    /// The configuration; takes the place of file and environment.
    #[must_use]
    pub fn config(mut self, configuration: Configuration) -> Self {
        self.configuration = Some(configuration);
        self
    }

    /// The file that the configuration is read from, below the variables of the process.
    #[must_use]
    pub fn config_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// The environment whose servers are read, for instance `prod`.
    #[must_use]
    pub fn environment(mut self, environment: impl Into<String>) -> Self {
        self.environment = Some(environment.into());
        self
    }

    /// What tells the time.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Asks no policies: for checking that the data are as promised.
    #[must_use]
    pub(crate) fn for_checks(mut self) -> Self {
        self.access = Access::OfOwner;
        self
    }

    /// Is opened to look at documents alone, and records nothing.
    #[must_use]
    pub(crate) fn for_looking(mut self) -> Self {
        self.access = Access::ToLook;
        self
    }

    /// Opens the mesh. Must be called within a tokio runtime, which then keeps looking at the
    /// documents.
    ///
    /// # Errors
    ///
    /// When the configuration is wrong, or there is no mesh.
    pub async fn build(self) -> Result<Mesh> {
        let mut configuration = match (self.configuration, self.file) {
            (Some(configuration), _) => configuration,
            (None, Some(file)) => Configuration::load(Some(&file), Environment::read())?,
            (None, None) => Configuration::default(),
        };
        if self.environment.is_some() {
            configuration.engine.environment = self.environment;
        }
        let Composition { engine, folder, recorders } =
            compose(&self.location, &configuration, (self.clock, self.access)).await?;
        let configuration = Arc::new(configuration);
        Ok(Mesh { engine, folder, recorders, configuration })
    }
}
