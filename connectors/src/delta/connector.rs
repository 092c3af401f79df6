//! The connector of Delta ports.

use async_trait::async_trait;
use datafusion::physical_plan::ExecutionPlan;
use samite_engine::connector::{Connector, OpenRequest, PinnedTable, ScanReport};
use samite_engine::product::{Moment, Server};
use samite_engine::{Error, ErrorKind, Result};

use super::config::DeltaConfig;
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
}

impl DeltaConnector {
    /// Makes the connector; opens nothing.
    #[must_use]
    pub fn new(stores: Stores, config: DeltaConfig) -> Self {
        Self { stores, tables: Tables::new(&config), config }
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
        let version = version(&name, &request.moment)?;
        let place = self.stores.table_place(&request)?;
        let reader = TableReader {
            config: &self.config,
            stores: &self.stores,
            server: &request.server,
            place: &place,
            name: &name,
        };
        self.tables.source(&reader, version).await?.open(&request)
    }

    fn report(&self, node: &dyn ExecutionPlan) -> Option<ScanReport> {
        report(node)
    }
}

fn version(table: &str, moment: &Moment) -> Result<Option<u64>> {
    match moment {
        Moment::Latest => Ok(None),
        Moment::Version(version) => u64::try_from(*version).map(Some).map_err(|_| {
            Error::new(ErrorKind::NotFound, format!("table \"{table}\" has no version {version}"))
        }),
        Moment::Reference(reference) => Err(Error::new(
            ErrorKind::Unsupported,
            format!("table \"{table}\" has no branch or tag \"{reference}\""),
        )
        .with_detail("Delta tables have versions alone")
        .with_hint("name a version")),
        Moment::Timestamp(_) => Err(Error::new(
            ErrorKind::Unsupported,
            format!("table \"{table}\" cannot be read as of an instant"),
        )
        .with_detail("Delta tables are read by version alone")
        .with_hint("name a version")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_latest_and_version_are_moments_of_a_delta_table() {
        assert_eq!(version("t", &Moment::Latest).ok(), Some(None));
        assert_eq!(version("t", &Moment::Version(3)).ok(), Some(Some(3)));
        for (moment, kind) in [
            (Moment::Version(-1), ErrorKind::NotFound),
            (Moment::Reference("main".to_owned()), ErrorKind::Unsupported),
            (Moment::Timestamp(chrono::Utc::now()), ErrorKind::Unsupported),
        ] {
            let error = version("a.b.c", &moment).expect_err("refused");
            assert_eq!(error.kind(), kind, "{moment:?}");
            assert!(error.message().contains("a.b.c"), "{error}");
        }
    }
}
