//! Opens Parquet ports.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::physical_plan::ExecutionPlan;
use parking_lot::Mutex;
use samite_engine::connector::{Connector, OpenRequest, PinnedTable, ScanReport, SnapshotId};
use samite_engine::product::{Moment, Server, Table, TableName};
use samite_engine::{Error, ErrorKind, Result};

use super::ParquetConfig;
use super::listing::list;
use super::snapshot::snapshot;
use crate::scan;
use crate::stores::Stores;

/// Opens Parquet ports.
#[derive(Debug)]
pub struct ParquetConnector {
    stores: Stores,
    config: ParquetConfig,
    kept: Mutex<VecDeque<Kept>>,
}

/// What was opened, for as long as the same files are there: a listing is made for each query, but
/// thousands of footers are looked through once.
#[derive(Debug)]
struct Kept {
    name: TableName,
    server: Arc<Server>,
    table: Arc<Table>,
    pinned: PinnedTable,
}

impl Kept {
    fn is_for(&self, request: &OpenRequest, snapshot: &SnapshotId) -> bool {
        self.pinned.snapshot == *snapshot
            && self.name == request.name
            && (Arc::ptr_eq(&self.server, &request.server) || self.server == request.server)
            && (Arc::ptr_eq(&self.table, &request.table) || self.table == request.table)
    }
}

impl ParquetConnector {
    /// A connector that reads through `stores`.
    #[must_use]
    pub fn new(stores: Stores, config: ParquetConfig) -> Self {
        Self { stores, config, kept: Mutex::default() }
    }

    /// Keeps a table, and drops the ones that were opened longest ago until the bounds hold again.
    fn keep(&self, request: &OpenRequest, pinned: &PinnedTable) {
        let mut kept = self.kept.lock();
        kept.retain(|kept| kept.name != request.name || kept.server != request.server);
        kept.push_back(Kept {
            name: request.name.clone(),
            server: Arc::clone(&request.server),
            table: Arc::clone(&request.table),
            pinned: pinned.clone(),
        });
        let (tables_max, files_max) = (self.config.tables_kept_max, self.config.files_kept_max);
        let mut files: u64 = kept.iter().map(|kept| kept.pinned.files).sum();
        while kept.len() > tables_max || files > files_max as u64 {
            let Some(oldest) = kept.pop_front() else { return };
            files -= oldest.pinned.files;
        }
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
        let id = listing.fingerprint();
        let kept = self
            .kept
            .lock()
            .iter()
            .find(|kept| kept.is_for(&request, &id))
            .map(|kept| kept.pinned.clone());
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let pinned = scan::pinned(snapshot(&listing, &request, &self.config).await?, &request)?;
        self.keep(&request, &pinned);
        Ok(pinned)
    }

    fn report(&self, node: &dyn ExecutionPlan) -> Option<ScanReport> {
        scan::report(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Folder, plays, request};

    #[tokio::test]
    async fn kept_tables_are_bounded_by_their_number_and_by_their_files() {
        let folder = Folder::new();
        for file in ["one/a", "two/a", "two/b", "big/a", "big/b", "big/c", "big/d"] {
            folder.write_parquet(&format!("{file}.parquet"), &plays(0, 3), 3);
        }
        let config =
            ParquetConfig { tables_kept_max: 2, files_kept_max: 3, ..ParquetConfig::default() };
        let connector = ParquetConnector::new(folder.stores.clone(), config);
        for (table, kept) in [
            ("one", vec![1]),
            ("two", vec![1, 2]),
            ("one", vec![1, 2]),
            ("big", vec![]),
            ("two", vec![2]),
        ] {
            let mut request = request(&format!("{}/{table}", folder.location()), Vec::new());
            request.name.table = table.to_owned();
            connector.open(request).await.unwrap();
            let files: Vec<u64> =
                connector.kept.lock().iter().map(|kept| kept.pinned.files).collect();
            assert_eq!(files, kept, "{table}");
        }
    }
}
