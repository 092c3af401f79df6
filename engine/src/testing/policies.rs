//! An authorizer whose decisions are written down one by one.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use parking_lot::RwLock;

use crate::authorizer::{AccessRequest, Action, Authorizer, Decision, Obligations};
use crate::error::Result;

/// Decisions for principals and tables, which go by `domain.product.table`; what is not written down is
/// denied. They can change while queries run.
#[derive(Debug, Default)]
pub struct FixedPolicies(RwLock<Written>);

#[derive(Debug, Default)]
struct Written {
    decisions: BTreeMap<(String, String), Decision>,
    explainers: BTreeSet<String>,
    administrators: BTreeSet<String>,
    denies_select: bool,
}

impl FixedPolicies {
    /// Decides so from now on.
    pub fn decide(&self, principal: &str, table: &str, decision: Decision) {
        self.0.write().decisions.insert((principal.to_owned(), table.to_owned()), decision);
    }

    /// Permits a table under obligations from now on.
    pub fn permit(&self, principal: &str, table: &str, obligations: Obligations) {
        self.decide(principal, table, Decision::Permit(obligations));
    }

    /// Lets a principal see from now on how what it may read is read.
    pub fn let_explain(&self, principal: &str) {
        self.0.write().explainers.insert(principal.to_owned());
    }

    /// Lets a principal see from now on what others asked of the tables that it may read.
    pub fn let_administer(&self, principal: &str) {
        self.0.write().administrators.insert(principal.to_owned());
    }

    /// Says whether tables that are there may be read at all.
    pub fn let_select(&self, is_allowed: bool) {
        self.0.write().denies_select = !is_allowed;
    }

    fn decision(&self, request: &AccessRequest<'_>) -> Decision {
        let (product, table) = (request.product, &request.table.name);
        let table = format!("{}.{}.{table}", product.domain, product.name);
        let key = (request.principal.name.clone(), table);
        self.0.read().decisions.get(&key).cloned().unwrap_or(Decision::Deny)
    }
}

#[async_trait]
impl Authorizer for FixedPolicies {
    fn allows(&self, action: Action, request: &AccessRequest<'_>) -> bool {
        let (written, name) = (self.0.read(), &request.principal.name);
        let may = match action {
            Action::Explain => written.explainers.contains(name),
            Action::Administer => written.administrators.contains(name),
            Action::Select => !written.denies_select,
            Action::Discover | Action::Describe | Action::SelectDraft | Action::Profile => true,
        };
        drop(written);
        may && self.decision(request) != Decision::Deny
    }

    fn absent(&self, request: &AccessRequest<'_>) -> BTreeSet<String> {
        match self.decision(request) {
            Decision::Permit(obligations) => obligations.absent,
            Decision::Deny => BTreeSet::new(),
        }
    }

    async fn decide(&self, request: &AccessRequest<'_>, _columns: &[&str]) -> Result<Decision> {
        Ok(self.decision(request))
    }
}
