//! The seam to whatever knows the products of a mesh.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::product::Mesh;

/// Knows the products of a mesh.
#[async_trait]
pub trait ProductCatalog: Debug + Send + Sync {
    /// The newest picture of the mesh. It never changes: a query keeps the one that it began with.
    ///
    /// # Errors
    ///
    /// When there is no picture at all; one that is old is better than none.
    async fn mesh(&self) -> Result<Arc<Mesh>>;
}
