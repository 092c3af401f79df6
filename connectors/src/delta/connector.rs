//! The connector of Delta ports.

use async_trait::async_trait;
use datafusion::physical_plan::ExecutionPlan;
use samite_engine::connector::{Connector, OpenRequest, PinnedTable, ScanReport};
use samite_engine::product::{Moment, Server};
use samite_engine::{Error, ErrorKind, Result};

use super::config::DeltaConfig;
use super::history::Histories;
use super::snapshot::TableReader;
use super::tables::Tables;
use crate::scan::report;
use crate::stores::Stores;

/// Opens Delta ports.
#[derive(Debug)]
pub struct DeltaConnector {
    stores: Stores,
    config: DeltaConfig,
    tables: Tables,
    histories: Histories,
}

impl DeltaConnector {
    /// Makes the connector; opens nothing.
    #[must_use]
    pub fn new(stores: Stores, config: DeltaConfig) -> Self {
        let histories = Histories::new(config.tables_max);
        Self { stores, tables: Tables::new(&config), histories, config }
    }
}

#[async_trait]
impl Connector for DeltaConnector {
    fn kind(&self) -> &str {
        "delta"
    }

    fn reads(&self, server: &Server) -> bool {
        server.unreadable.is_none()
            && server.location.is_some()
            && server.format.as_deref() == Some("delta")
    }

    async fn open(&self, request: OpenRequest) -> Result<PinnedTable> {
        let name = request.name.to_string();
        let place = self.stores.table_place(&request)?;
        let reader = TableReader {
            config: &self.config,
            stores: &self.stores,
            server: &request.server,
            place: &place,
            name: &name,
        };
        let version = self.version(&reader, &request.moment).await?;
        self.tables.source(&reader, version).await?.open(&request)
    }

    fn report(&self, node: &dyn ExecutionPlan) -> Option<ScanReport> {
        report(node)
    }
}

impl DeltaConnector {
    /// The version that a moment means; none for the newest one.
    async fn version(&self, reader: &TableReader<'_>, moment: &Moment) -> Result<Option<u64>> {
        match moment {
            Moment::Latest => Ok(None),
            Moment::Reference(reference) => Err(no_reference(reader.name, reference)),
            Moment::Version(version) => u64::try_from(*version).map(Some).map_err(|_| {
                let what = format!("table \"{}\" has no version {version}", reader.name);
                Error::new(ErrorKind::NotFound, what)
            }),
            Moment::Timestamp(at) => self.histories.version_at(reader, *at).await.map(Some),
        }
    }
}

fn no_reference(table: &str, reference: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("table \"{table}\" has no branch or tag \"{reference}\""),
    )
    .with_detail("Delta tables have versions alone")
    .with_hint("name a version or an instant")
}
