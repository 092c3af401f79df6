//! Opens Parquet ports.

use async_trait::async_trait;
use datafusion::physical_plan::ExecutionPlan;
use samite_engine::connector::{Connector, OpenRequest, PinnedTable, ScanReport};
use samite_engine::product::{Moment, Server};
use samite_engine::{Error, ErrorKind, Result};

use super::ParquetConfig;
use super::listing::list;
use super::snapshot::snapshot;
use crate::scan;
use crate::stores::Stores;

/// Opens Parquet ports.
#[derive(Debug, Clone)]
pub struct ParquetConnector {
    stores: Stores,
    config: ParquetConfig,
}

impl ParquetConnector {
    /// A connector that reads through `stores`.
    #[must_use]
    pub fn new(stores: Stores, config: ParquetConfig) -> Self {
        Self { stores, config }
    }
}

#[async_trait]
impl Connector for ParquetConnector {
    fn kind(&self) -> &str {
        "parquet"
    }

    fn reads(&self, server: &Server) -> bool {
        server.unreadable.is_none()
            && server.location.is_some()
            && server.format.as_deref().is_some_and(|format| format.eq_ignore_ascii_case("parquet"))
    }

    async fn open(&self, request: OpenRequest) -> Result<PinnedTable> {
        if request.moment != Moment::Latest || request.server.moment != Moment::Latest {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("table \"{}\" has no history", request.name),
            )
            .with_detail("it is made of plain Parquet files")
            .with_hint("ask for the newest state"));
        }
        let listing = list(&self.stores, &request, &self.config).await?;
        scan::pinned(snapshot(&listing, &request, &self.config).await?, &request)
    }

    fn report(&self, node: &dyn ExecutionPlan) -> Option<ScanReport> {
        scan::report(node)
    }
}
