//! The metadata commands of Flight SQL: what there is, and what the server can.
//!
//! The specification fixes each schema, nullability included: clients compare.

mod keys;
mod listing;
mod pattern;
mod schemas;
mod sql_info;
mod type_info;

pub(crate) use pattern::Pattern;

use arrow_flight::sql::Command;
use arrow_flight::sql::metadata::XdbcTypeInfoData;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use samite_engine::session::Session;
use samite_engine::{Error, ErrorKind, Result};

use crate::config::FlightConfig;
use crate::wire::Profile;

/// What never changes while the server runs.
pub(crate) struct Metadata {
    sql_info: sql_info::ServerInfo,
    type_info: XdbcTypeInfoData,
}

/// Who asks, and what limits the answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) session: &'a Session,
    pub(crate) profile: Profile,
    pub(crate) config: &'a FlightConfig,
}

impl Metadata {
    /// Collects what never changes.
    ///
    /// # Errors
    ///
    /// When it cannot be put into its form.
    pub(crate) fn new(config: &FlightConfig) -> Result<Self> {
        Ok(Self { sql_info: sql_info::sql_info(config)?, type_info: type_info::type_info()? })
    }

    /// The schema of the answer; `None` if this is no metadata command.
    pub(crate) fn schema(&self, command: &Command) -> Option<SchemaRef> {
        Some(match command {
            Command::CommandGetCatalogs(_) => schemas::catalogs(),
            Command::CommandGetDbSchemas(_) => schemas::schemas(),
            Command::CommandGetTables(command) => schemas::tables(command.include_schema),
            Command::CommandGetTableTypes(_) => schemas::table_types(),
            Command::CommandGetPrimaryKeys(_) => schemas::primary_keys(),
            Command::CommandGetImportedKeys(_)
            | Command::CommandGetExportedKeys(_)
            | Command::CommandGetCrossReference(_) => schemas::foreign_keys(),
            Command::CommandGetSqlInfo(_) => self.sql_info.schema(),
            Command::CommandGetXdbcTypeInfo(_) => self.type_info.schema(),
            _ => return None,
        })
    }

    /// The answer.
    ///
    /// # Errors
    ///
    /// When the catalog does not answer, or this is no metadata command.
    pub(crate) async fn answer(
        &self,
        command: &Command,
        asker: Asker<'_>,
    ) -> Result<Vec<RecordBatch>> {
        match command {
            Command::CommandGetCatalogs(_) => listing::catalogs(asker).await,
            Command::CommandGetDbSchemas(command) => listing::schemas(command, asker).await,
            Command::CommandGetTables(command) => listing::tables(command, asker).await,
            Command::CommandGetTableTypes(_) => listing::table_types(),
            Command::CommandGetPrimaryKeys(command) => keys::primary_keys(command, asker).await,
            Command::CommandGetImportedKeys(_)
            | Command::CommandGetExportedKeys(_)
            | Command::CommandGetCrossReference(_) => keys::no_foreign_keys(),
            Command::CommandGetSqlInfo(command) => {
                let wanted = command.info.iter().copied();
                Ok(vec![self.sql_info.record_batch(wanted)?])
            }
            Command::CommandGetXdbcTypeInfo(command) => {
                Ok(vec![self.type_info.record_batch(command.data_type).map_err(unbuildable)?])
            }
            other => {
                let message = format!("\"{}\" is no metadata command", other.type_url());
                Err(Error::new(ErrorKind::Internal, message))
            }
        }
    }
}

fn unbuildable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Internal, "a listing cannot be put into its form").with_source(error)
}

impl std::fmt::Debug for Metadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metadata").finish_non_exhaustive()
    }
}
