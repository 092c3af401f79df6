//! The options of the engine.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Which predicates of a query go below the barrier of a table of which something is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pushdown {
    /// Those that can neither fail nor tell of a value: they skip files. How long that takes may tell of hidden rows.
    #[default]
    Leakproof,
    /// The same, but none where the contract has a column that is classified `restricted`.
    Strict,
}

/// The options of the engine, each with a default that holds.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineConfig {
    /// Memory that all queries together may use for sorting, joining and grouping, in bytes.
    pub memory_bytes_max: u64,
    /// Memory of that which one query may use, in bytes.
    pub query_memory_bytes_max: u64,
    /// Disk that all queries together may use when memory does not suffice, in bytes.
    pub spill_bytes_max: u64,
    /// Folder for what does not fit into memory; the system's temporary folder if none is given.
    pub spill_folder: Option<PathBuf>,
    /// Time from the start of a query to its last row.
    pub query_timeout: Duration,
    /// Time for finding and opening all tables of a statement.
    pub resolve_timeout: Duration,
    /// Queries that run at once; one more waits for its turn.
    pub concurrent_queries_max: usize,
    /// Queries of one principal among them; all if 0.
    pub principal_queries_max: usize,
    /// The longest wait of a query for its turn; then it is refused.
    pub queue_timeout: Duration,
    /// Queries that wait for their turn; one more is refused at once.
    pub queue_length_max: usize,
    /// True if the text of statements is logged and traced.
    pub has_logged_sql: bool,
    /// Groups whose members see and may end the queries of all.
    pub administrators: Vec<String>,
    /// Statements that `mesh.runtime.audit` remembers; none if 0.
    pub audit_statements_max: usize,
    /// Lines that `mesh.runtime.data_movement` has, about.
    pub movement_lines_max: usize,
    /// Which predicates of a query go below a barrier.
    pub pushdown: Pushdown,
    /// True if metrics name domains and products.
    pub has_product_metrics: bool,
    /// Partitions that a plan is split into; the number of processor cores if 0.
    pub target_partitions: usize,
    /// Rows of a batch inside the engine.
    pub batch_rows: usize,
    /// Length of a statement, in bytes.
    pub sql_bytes_max: usize,
    /// Time for one rule about quality, or for all of a table that count rows.
    pub quality_timeout: Duration,
    /// The environment whose servers are read; the first readable server if none is given.
    pub environment: Option<String>,
    /// What the services of virtual products are besides members of their domains, by `domain.product`.
    pub services: BTreeMap<String, ServiceConfig>,
}

/// What the service of a virtual product is, and what it reads for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceConfig {
    /// Groups that it is in besides that of its domain.
    pub groups: Vec<String>,
    /// What policies know of it, for instance `clearance`.
    pub attributes: BTreeMap<String, String>,
    /// What it reads for where no agreement says it.
    pub purpose: Option<String>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            memory_bytes_max: 4 << 30,
            query_memory_bytes_max: 3 << 30,
            spill_bytes_max: 50 << 30,
            spill_folder: None,
            query_timeout: Duration::from_secs(300),
            resolve_timeout: Duration::from_secs(30),
            concurrent_queries_max: 16,
            principal_queries_max: 0,
            queue_timeout: Duration::from_secs(10),
            queue_length_max: 1000,
            has_logged_sql: false,
            administrators: Vec::new(),
            audit_statements_max: 10_000,
            movement_lines_max: 10_000,
            pushdown: Pushdown::default(),
            has_product_metrics: false,
            target_partitions: 0,
            batch_rows: 8192,
            sql_bytes_max: 256 << 10,
            quality_timeout: Duration::from_secs(60),
            environment: None,
            services: BTreeMap::new(),
        }
    }
}
