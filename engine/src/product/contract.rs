//! What a port promises.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{OnBreach, Server, Slo, Status, Table, Version};

/// What a port promises (an ODCS document).
#[derive(Debug, Clone, PartialEq)]
pub struct Contract {
    /// The id that ports name.
    pub id: String,
    /// The name that people use.
    pub name: Option<String>,
    /// The version of the document.
    pub version: Version,
    /// Where it is in its life.
    pub status: Status,
    /// What it is for.
    pub description: Option<String>,
    /// The document, relative to the mesh.
    pub file: String,
    /// Where the data lies, in the order of preference.
    pub servers: Vec<Arc<Server>>,
    /// The tables.
    pub tables: Vec<Arc<Table>>,
    /// The service levels.
    pub slos: Vec<Slo>,
    /// The purposes that it may be read for; empty for any.
    pub allowed_purposes: Vec<String>,
    /// What happens while the data have not the promised shape.
    pub on_breach: OnBreach,
    /// Served from here on (`generalAvailability`).
    pub general_availability: Option<DateTime<Utc>>,
    /// Without promises from here on (`endOfSupport`).
    pub end_of_support: Option<DateTime<Utc>>,
    /// Refused from here on (`endOfLife`).
    pub end_of_life: Option<DateTime<Utc>>,
}

/// Where a contract is in its life, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifeStage {
    /// Not served yet: proposed, draft, or before its general availability.
    Unborn,
    /// Served.
    Active,
    /// Served, and going away.
    Deprecated,
    /// Served without promises: after its end of support.
    Unsupported,
    /// Refused: after its end of life, or retired.
    Ended,
}

impl Contract {
    /// Where the contract is in its life at `now`.
    #[must_use]
    pub fn stage(&self, now: DateTime<Utc>) -> LifeStage {
        let is_past = |date: Option<DateTime<Utc>>| date.is_some_and(|date| date <= now);
        match self.status {
            Status::Retired => LifeStage::Ended,
            _ if is_past(self.end_of_life) => LifeStage::Ended,
            Status::Proposed | Status::Draft => LifeStage::Unborn,
            _ if self.general_availability.is_some_and(|date| date > now) => LifeStage::Unborn,
            _ if is_past(self.end_of_support) => LifeStage::Unsupported,
            Status::Deprecated => LifeStage::Deprecated,
            Status::Active | Status::Other(_) => LifeStage::Active,
        }
    }

    /// True if it may be read for this purpose, as far as the contract goes; `None` if nobody said what for.
    #[must_use]
    pub fn allows_purpose(&self, purpose: Option<&str>) -> bool {
        self.allowed_purposes.is_empty()
            || purpose.is_some_and(|purpose| self.allowed_purposes.iter().any(|one| one == purpose))
    }

    /// The table with this name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Arc<Table>> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The first server of `environment`, or, without one, of the whole contract, that `reads`.
    pub fn server(
        &self,
        environment: Option<&str>,
        reads: impl Fn(&Server) -> bool,
    ) -> Option<&Arc<Server>> {
        self.servers
            .iter()
            .filter(|server| environment.is_none() || server.environment.as_deref() == environment)
            .find(|server| reads(server))
    }
}
