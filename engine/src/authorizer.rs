//! The seam to whatever decides on access.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;
use crate::product::TableName;
use crate::session::Principal;

/// What is asked: may this principal read this table, for this purpose?
#[derive(Debug, Clone, Copy)]
pub struct AccessRequest<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// What for.
    pub purpose: Option<&'a str>,
    /// The table, with the major version that it resolved to.
    pub table: &'a TableName,
}

/// What the policy says of one principal and one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The table does not exist for this principal.
    Deny,
    /// The table may be read, under obligations.
    Permit(Obligations),
}

/// What must be done to a table before the principal sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Obligations {
    /// The rows that may be seen, as SQL over the table's columns.
    pub row_filter: Option<String>,
    /// The name of the mask of each masked column.
    pub masks: BTreeMap<String, String>,
    /// The columns that do not exist for this principal.
    pub absent: BTreeSet<String>,
    /// The policies that led here.
    pub policies: Vec<String>,
}

impl Obligations {
    /// True if nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.row_filter.is_none() && self.masks.is_empty() && self.absent.is_empty()
    }
}

/// Decides on access.
#[async_trait]
pub trait Authorizer: Debug + Send + Sync {
    /// Decides on one table.
    ///
    /// # Errors
    ///
    /// When no decision can be made; the caller treats that as a refusal of the whole query.
    async fn decide(&self, request: AccessRequest<'_>) -> Result<Decision>;
}

/// Permits everything to everybody: an open mesh.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenMesh;

#[async_trait]
impl Authorizer for OpenMesh {
    async fn decide(&self, _request: AccessRequest<'_>) -> Result<Decision> {
        Ok(Decision::Permit(Obligations::default()))
    }
}
