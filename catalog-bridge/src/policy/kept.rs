//! Decisions that were made before, and would be made alike again.
//!
//! They end with the policies that made them, which are made anew with each picture of the mesh. One that can depend on
//! the time is kept for the time between two changes, if it is known when these are, else not at all.

use std::sync::Arc;

use moka::sync::Cache;
use samite_engine::authorizer::{AccessRequest, Action, Decision};
use samite_engine::product::{Contract, Status, Version};
use samite_engine::session::Principal;

/// How many decisions are kept.
const KEPT_MAX: u64 = 5_000;

/// Decisions that were made before.
#[derive(Debug)]
pub(super) struct KeptDecisions(Cache<Key, (Arc<Contract>, Answer)>);

/// What was decided.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// Whether an action is permitted.
    May(bool),
    /// How a table may be read.
    Read(Decision),
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Question {
    /// Whether an action is permitted.
    May(Action),
    /// How a table with these columns may be read.
    Read(Vec<String>),
}

/// Everything that a decision depends on, but for the policies, the contract and the time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    question: Question,
    moments: [usize; 2],
    principal: Principal,
    purpose: Option<String>,
    channel: String,
    domain: String,
    product: String,
    status: Status,
    archetype: Option<String>,
    port: (String, Version),
    table: String,
}

impl Default for KeptDecisions {
    fn default() -> Self {
        Self(Cache::new(KEPT_MAX))
    }
}

impl KeptDecisions {
    /// The answer that was given before, else the one that `decide` gives now; none is kept where it fails. It holds for
    /// these moments of the two layers.
    pub(super) fn answer<E>(
        &self,
        request: &AccessRequest<'_>,
        (question, moments): (Question, [usize; 2]),
        decide: impl FnOnce() -> Result<Answer, E>,
    ) -> Result<Answer, E> {
        let key = Key {
            question,
            moments,
            principal: request.principal.clone(),
            purpose: request.purpose.map(str::to_owned),
            channel: request.channel.to_owned(),
            domain: request.product.domain.clone(),
            product: request.product.name.clone(),
            status: request.product.status.clone(),
            archetype: request.product.archetype.clone(),
            port: (request.port.name.clone(), request.port.version),
            table: request.table.name.clone(),
        };
        // A contract that is held here is where it was: another one is somewhere else.
        let contract = &request.port.contract;
        if let Some((_, known)) = self.0.get(&key).filter(|(of, _)| Arc::ptr_eq(of, contract)) {
            return Ok(known);
        }
        let answer = decide()?;
        self.0.insert(key, (Arc::clone(contract), answer.clone()));
        Ok(answer)
    }
}
