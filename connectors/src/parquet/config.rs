//! The options of the Parquet connector.

/// The options of the Parquet connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParquetConfig {
    /// The most data files of one table; a table with more is refused.
    pub files_max: usize,
    /// So many footers are read at the same time.
    pub footers_concurrent: usize,
    /// So many opened tables are kept for the next query that finds the same files.
    pub tables_kept_max: usize,
    /// Data files of all kept tables together.
    pub files_kept_max: usize,
}

impl Default for ParquetConfig {
    fn default() -> Self {
        Self {
            files_max: 100_000,
            footers_concurrent: 32,
            tables_kept_max: 256,
            files_kept_max: 1_000_000,
        }
    }
}
