//! A catalog and a connector in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::physical_plan::ExecutionPlan;
use parking_lot::RwLock;

use crate::catalog::ProductCatalog;
use crate::connector::{Connector, NoFacts, OpenRequest, PinnedTable, ScanReport, SnapshotId};
use crate::error::{Error, ErrorKind, Result};
use crate::product::{Mesh, Server};

/// A mesh that stays as it is until it is replaced.
#[derive(Debug, Default)]
pub struct FixedCatalog(RwLock<Arc<Mesh>>);

impl FixedCatalog {
    /// Serves `mesh`.
    #[must_use]
    pub fn new(mesh: Mesh) -> Self {
        Self(RwLock::new(Arc::new(mesh)))
    }

    /// Serves another mesh from now on.
    pub fn replace(&self, mesh: Mesh) {
        *self.0.write() = Arc::new(mesh);
    }
}

#[async_trait]
impl ProductCatalog for FixedCatalog {
    async fn mesh(&self) -> Result<Arc<Mesh>> {
        Ok(Arc::clone(&self.0.read()))
    }
}

/// Serves tables from memory, by their name in the source; the format of its ports is `memory`.
#[derive(Debug, Default)]
pub struct MemoryConnector(BTreeMap<String, Vec<RecordBatch>>);

impl MemoryConnector {
    /// Adds a table; all batches have one schema, and there is at least one.
    #[must_use]
    pub fn with_table(mut self, name: &str, batches: Vec<RecordBatch>) -> Self {
        self.0.insert(name.to_owned(), batches);
        self
    }
}

#[async_trait]
impl Connector for MemoryConnector {
    fn kind(&self) -> &str {
        "memory"
    }

    fn reads(&self, server: &Server) -> bool {
        server.format.as_deref() == Some("memory")
    }

    async fn open(&self, request: OpenRequest) -> Result<PinnedTable> {
        let name = request.table.source_name();
        let missing = || {
            Error::new(ErrorKind::SourceUnavailable, format!("table \"{name}\" is not in memory"))
        };
        let batches = self.0.get(name).ok_or_else(missing)?;
        let schema = batches.first().ok_or_else(missing)?.schema();
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        Ok(PinnedTable {
            snapshot: SnapshotId("memory:1".to_owned()),
            committed_at: None,
            rows: Some(rows as u64),
            files: 1,
            bytes: 1,
            provider: Arc::new(MemTable::try_new(schema, vec![batches.clone()])?),
            facts: Arc::new(NoFacts),
        })
    }

    fn report(&self, _node: &dyn ExecutionPlan) -> Option<ScanReport> {
        None
    }
}
