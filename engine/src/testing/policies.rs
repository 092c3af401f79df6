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
        let may_explain = || self.0.read().explainers.contains(&request.principal.name);
        self.decision(request) != Decision::Deny && (action != Action::Explain || may_explain())
    }

    async fn decide(&self, request: &AccessRequest<'_>, _columns: &[&str]) -> Result<Decision> {
        Ok(self.decision(request))
    }
}
