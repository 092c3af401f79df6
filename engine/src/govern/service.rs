//! As whom the query of a virtual product reads: as the product's own service, not as who asks.
//!
//! It is a principal named `domain.product` of kind `service`, in the group of its domain. What documents
//! say gives it nothing: what it may read is for policies and agreements, and what else it is, for the
//! operator ([`EngineConfig::services`](crate::config::EngineConfig)).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::decide::{Asking, check};
use crate::audit::Noted;
use crate::authorizer::{AccessRequest, Authorizer};
use crate::engine::Engine;
use crate::error::Result;
use crate::product::DataProduct;
use crate::resolve::PortTable;
use crate::session::{Asker, Principal, Settings};

/// The way in, as policies call it: none, the query of a product reads.
const CHANNEL: &str = "virtual";

/// The service of a product.
#[derive(Debug)]
pub(crate) struct Service {
    asker: Asker,
    product: Arc<DataProduct>,
    /// What the operator says that its reading is for.
    purpose: Option<String>,
}

impl Service {
    /// The service of a product.
    pub(crate) fn of(engine: &Engine, product: &Arc<DataProduct>) -> Self {
        let name = format!("{}.{}", product.domain, product.name);
        let given = engine.config().services.get(&name).cloned().unwrap_or_default();
        let mut groups = BTreeSet::from([product.domain.clone()]);
        groups.extend(given.groups);
        let mut attributes = BTreeMap::from([("clearance".to_owned(), "0".to_owned())]);
        attributes.extend(given.attributes);
        attributes.insert("domain".to_owned(), product.domain.clone());
        let kind = "service".to_owned();
        let principal = Arc::new(Principal { name, kind, groups, attributes });
        let asker =
            Asker { principal, program: None, channel: CHANNEL, address: None, owned: None };
        Self { asker, product: Arc::clone(product), purpose: given.purpose }
    }

    /// The name of the principal.
    pub(crate) fn name(&self) -> &str {
        &self.asker.principal.name
    }

    /// What it reads `table` for: what an agreement that holds now says, else the operator.
    ///
    /// # Errors
    ///
    /// When that cannot be set.
    pub(crate) fn settings(
        &self,
        engine: &Engine,
        table: &PortTable,
        now: DateTime<Utc>,
    ) -> Result<Settings> {
        let mut settings = Settings::default();
        let authorizer = engine.authorizer();
        if let Some(purpose) = self.purpose(engine, authorizer.as_ref(), (table, now)) {
            settings.set("mesh.purpose", &purpose)?;
        }
        Ok(settings)
    }

    /// The first purpose for which it may read `table`; the first of all if it may not.
    fn purpose(
        &self,
        engine: &Engine,
        authorizer: &dyn Authorizer,
        (table, now): (&PortTable, DateTime<Utc>),
    ) -> Option<String> {
        if authorizer.is_open() {
            return None;
        }
        let mut purposes = engine.catalog().agreed_purposes(&table.product, &self.product, now);
        purposes.extend(self.purpose.clone());
        let permits =
            |purpose: &&String| self.may_read(authorizer, table, (Some(purpose.as_str()), now));
        purposes.iter().find(permits).or(purposes.first()).cloned()
    }

    fn may_read(
        &self,
        authorizer: &dyn Authorizer,
        table: &PortTable,
        (purpose, now): (Option<&str>, DateTime<Utc>),
    ) -> bool {
        let request = AccessRequest {
            principal: &self.asker.principal,
            purpose,
            now,
            channel: self.asker.channel,
            product: &table.product,
            port: &table.port,
            table: &table.table,
        };
        authorizer.is_open() || check(authorizer, &request, table).is_ok()
    }

    /// What is wrong if it may not read `table`, for the owner of its product.
    pub(crate) fn denied(
        &self,
        engine: &Engine,
        authorizer: &dyn Authorizer,
        (table, now): (&PortTable, DateTime<Utc>),
    ) -> Option<String> {
        let purpose = self.purpose(engine, authorizer, (table, now));
        if self.may_read(authorizer, table, (purpose.as_deref(), now)) {
            return None;
        }
        let purpose = purpose.map_or("without a purpose".to_owned(), |it| format!("for {it}"));
        let (name, table) = (self.name(), &table.name);
        Some(format!("service \"{name}\" may not read \"{table}\" {purpose}"))
    }

    /// Who asks, for decisions that are made now. They are noted in its name, in the record of the statement that it
    /// reads for.
    pub(crate) fn asking<'a>(
        &'a self,
        (engine, noted): (&'a Engine, Option<&'a Noted>),
        settings: &'a Settings,
        now: DateTime<Utc>,
    ) -> Asking<'a> {
        Asking { engine, asker: &self.asker, settings, now, noted }
    }
}
