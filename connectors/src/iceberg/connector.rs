//! The connector of Iceberg ports.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::physical_plan::ExecutionPlan;
use samite_engine::Result;
use samite_engine::connector::{Connector, OpenRequest, PinnedTable, ScanReport};
use samite_engine::product::Server;

use super::config::IcebergConfig;
use super::manifests::{ManifestReader, Parsed, Shared};
use super::tables::Tables;
use crate::scan::report;
use crate::stores::Stores;

/// Opens Iceberg ports.
#[derive(Debug)]
pub struct IcebergConnector {
    shared: Arc<Shared>,
    tables: Tables,
}

impl IcebergConnector {
    /// Makes the connector; opens nothing.
    #[must_use]
    pub fn new(stores: Stores, config: IcebergConfig) -> Self {
        let tables = Tables::new(&config);
        let parsed = Parsed::new(&config);
        Self { shared: Arc::new(Shared { config, parsed, stores }), tables }
    }
}

#[async_trait]
impl Connector for IcebergConnector {
    fn kind(&self) -> &str {
        "iceberg"
    }

    fn reads(&self, server: &Server) -> bool {
        server.unreadable.is_none()
            && server.location.is_some()
            && server.format.as_deref() == Some("iceberg")
    }

    async fn open(&self, request: OpenRequest) -> Result<PinnedTable> {
        let name = request.name.to_string();
        let place = self.shared.stores.table_place(&request)?;
        let reader = ManifestReader { shared: &self.shared, server: &request.server, name: &name };
        self.tables.source(&reader, &place, &request.moment).await?.open(&request)
    }

    fn report(&self, node: &dyn ExecutionPlan) -> Option<ScanReport> {
        report(node)
    }
}
