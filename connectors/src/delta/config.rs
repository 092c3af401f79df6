//! The options of the Delta connector.

/// The options of the Delta connector, each with a default that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeltaConfig {
    /// States of tables that are kept to be asked again; the one not used for longest goes first.
    pub tables_max: usize,
    /// Data files of all kept states together.
    pub files_max: usize,
    /// Bytes of one deletion vector.
    pub deletion_vector_bytes_max: u64,
    /// Bytes of the deletion vectors of one scan together; so many are kept with a state.
    pub deletion_vectors_bytes_max: u64,
}

impl Default for DeltaConfig {
    fn default() -> Self {
        Self {
            tables_max: 1024,
            files_max: 1_000_000,
            deletion_vector_bytes_max: 256 << 20,
            deletion_vectors_bytes_max: 512 << 20,
        }
    }
}
