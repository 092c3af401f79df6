//! Tests of Samite as a whole: one module for each topic.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "a test stops where it finds what it did not expect"
)]

mod architecture;
mod changed_files;
mod cli;
mod config;
mod delta;
mod delta_damage;
mod demo;
mod documents;
mod flight;
mod formats;
mod fuzzing;
mod iceberg;
mod iceberg_pruning;
mod mesh_folder;
mod parquet;
mod policies;
mod program;
mod reference;
mod sql;
mod stores;
