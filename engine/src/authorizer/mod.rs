//! The seam to whatever decides on access, and the values that it speaks.
//!
//! ```text
//! AccessRequest ─Authorizer─▶ Decision = Deny | Permit(Obligations = rows, masks, absent columns)
//! ```
//!
//! Knows neither a policy language nor DataFusion, and enforces nothing: `govern` does.

mod fingerprint;
mod mask;
mod obligations;
mod policy_texts;
mod row_predicate;

use std::collections::BTreeSet;
use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::product::{DataProduct, OutputPort, Table};
use crate::session::Principal;

pub use mask::Mask;
pub use obligations::Obligations;
pub use policy_texts::{Forbids, PolicyTexts};
pub use row_predicate::{Comparison, RowPredicate, Value};

/// What a principal may want of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// To know that it exists. Where this is denied, it does not.
    Discover,
    /// To see what it promises: columns, comments, service levels.
    Describe,
    /// To read it.
    Select,
    /// To read it before it is generally available.
    SelectDraft,
    /// To see numbers about its data: counts, ages, bounds, results of quality rules.
    Profile,
    /// To see how it is read: `EXPLAIN`.
    Explain,
    /// To see what others asked of it, and to end their queries.
    Administer,
}

/// What is asked: who wants to read which table, for which purpose, when.
#[derive(Debug, Clone, Copy)]
pub struct AccessRequest<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// What for; `None` if nobody said.
    pub purpose: Option<&'a str>,
    /// The time at which the statement runs.
    pub now: DateTime<Utc>,
    /// The way in: `flight-sql`, `postgresql` or `embedded`.
    pub channel: &'a str,
    /// The product.
    pub product: &'a DataProduct,
    /// The port of the product, at the version that the name resolved to.
    pub port: &'a OutputPort,
    /// The table of the port's contract.
    pub table: &'a Table,
}

/// What the policy says of one principal and one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The table may not be read.
    Deny,
    /// The table may be read, under obligations.
    Permit(Obligations),
}

/// Decides on access.
#[async_trait]
pub trait Authorizer: Debug + Send + Sync {
    /// True if there is no policy at all: everything is permitted to everybody, and nothing else is asked.
    fn is_open(&self) -> bool {
        false
    }

    /// True if the principal may do this with the table. Asked for each table of a listing: it waits for nothing.
    fn allows(&self, action: Action, request: &AccessRequest<'_>) -> bool;

    /// The columns of the contract that do not exist for the principal. Asked for each table of a listing, as
    /// [`Authorizer::allows`] is.
    fn absent(&self, _request: &AccessRequest<'_>) -> BTreeSet<String> {
        BTreeSet::new()
    }

    /// The policies that forbid to read a table, for the record of a refusal.
    fn forbids(&self, _request: &AccessRequest<'_>) -> Forbids {
        Forbids::default()
    }

    /// Another number whenever a policy has changed.
    fn revision(&self) -> u64 {
        0
    }

    /// Decides how one table may be read. `columns` are all that the table has: those of its contract and, where the
    /// contract names none, those of the source.
    ///
    /// # Errors
    ///
    /// When no decision can be made; the caller treats that as a refusal of the whole query.
    async fn decide(&self, request: &AccessRequest<'_>, columns: &[&str]) -> Result<Decision>;
}

/// Permits everything to everybody: an open mesh.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenMesh;

#[async_trait]
impl Authorizer for OpenMesh {
    fn is_open(&self) -> bool {
        true
    }

    fn allows(&self, _action: Action, _request: &AccessRequest<'_>) -> bool {
        true
    }

    async fn decide(&self, _request: &AccessRequest<'_>, _columns: &[&str]) -> Result<Decision> {
        Ok(Decision::Permit(Obligations::default()))
    }
}
