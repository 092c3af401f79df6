//! The seam to whatever knows the products of a mesh.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::product::{DataProduct, Mesh};

/// Knows the products of a mesh.
#[async_trait]
pub trait ProductCatalog: Debug + Send + Sync {
    /// The newest picture of the mesh. It never changes: a query keeps the one that it began with.
    ///
    /// # Errors
    ///
    /// When there is no picture at all; one that is old is better than none.
    async fn mesh(&self) -> Result<Arc<Mesh>>;

    /// What the product `consumer` may read tables of `provider` for, by the agreements that hold at `now`. They are
    /// those of now, as policies are, whichever picture of the mesh a query began with.
    fn agreed_purposes(
        &self,
        _provider: &DataProduct,
        _consumer: &DataProduct,
        _now: DateTime<Utc>,
    ) -> Vec<String> {
        Vec::new()
    }
}
