//! The options of the Iceberg connector.

/// The options of the Iceberg connector, each with a default that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IcebergConfig {
    /// States of tables that are kept to be asked again; the one not used for longest goes first.
    pub tables_max: usize,
    /// Data files of all kept states together.
    pub files_max: usize,
    /// Bytes that all kept manifests take in memory, about.
    pub manifests_bytes_max: u64,
    /// Bytes of all kept deletion vectors, and as many of all kept files of position deletes.
    pub deletes_bytes_max: u64,
    /// Bytes of one metadata file, manifest list or manifest, unpacked.
    pub metadata_bytes_max: u64,
    /// Bytes of one file of position deletes, and of all deletion vectors of one scan together.
    pub delete_file_bytes_max: u64,
    /// Rows of all files of position deletes of one scan together.
    pub delete_rows_max: u64,
}

impl Default for IcebergConfig {
    fn default() -> Self {
        Self {
            tables_max: 1024,
            files_max: 1_000_000,
            manifests_bytes_max: 512 << 20,
            deletes_bytes_max: 128 << 20,
            metadata_bytes_max: 512 << 20,
            delete_file_bytes_max: 256 << 20,
            delete_rows_max: 64 << 20,
        }
    }
}
