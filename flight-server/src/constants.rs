//! The statements that were asked lately and give the same row of constants each time, as `SELECT 1`
//! does: tools ask them over and over to see whether a connection lives.
//!
//! They are answered from here without being read or planned again. Nothing in here comes from a
//! table.

use std::net::IpAddr;
use std::sync::Arc;

use moka::sync::Cache;
use samite_engine::plan::QueryPlan;
use samite_engine::resolve::Statement;
use samite_engine::session::{Principal, Session, Settings};

use crate::wire::{Profile, WireSchema};

/// Statements that are kept.
const STATEMENTS_MAX: u64 = 1000;

/// Length of a statement that is kept, in bytes.
const STATEMENT_BYTES_MAX: usize = 1 << 10;

/// A statement with its answer.
#[derive(Debug)]
pub(crate) struct Constant {
    pub(crate) statement: Statement,
    pub(crate) plan: QueryPlan,
    pub(crate) schema: Arc<WireSchema>,
}

/// The statements that were asked lately and give the same row of constants each time.
#[derive(Debug)]
pub(crate) struct Constants(Cache<Key, Arc<Constant>>);

/// All that an answer depends on.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    principal: Principal,
    /// From where: the record of a statement says it.
    origin: (Option<IpAddr>, Option<String>),
    settings: Settings,
    profile: Profile,
    sql: String,
}

impl Key {
    fn new(session: &Session, profile: Profile, sql: &str) -> Self {
        let (principal, settings) = (session.principal().clone(), session.settings());
        let origin = (session.address(), session.program().map(str::to_owned));
        Self { principal, origin, settings, profile, sql: sql.to_owned() }
    }
}

impl Constants {
    pub(crate) fn new() -> Self {
        Self(Cache::new(STATEMENTS_MAX))
    }

    /// The answer to a statement with just this text, in a session like this one.
    pub(crate) fn find(
        &self,
        session: &Session,
        profile: Profile,
        sql: &str,
    ) -> Option<Arc<Constant>> {
        if sql.len() > STATEMENT_BYTES_MAX {
            return None;
        }
        self.0.get(&Key::new(session, profile, sql))
    }

    /// Keeps an answer, if each time gives the same.
    pub(crate) fn keep(&self, session: &Session, profile: Profile, sql: &str, answer: Constant) {
        if sql.len() <= STATEMENT_BYTES_MAX && answer.plan.is_constant() {
            self.0.insert(Key::new(session, profile, sql), Arc::new(answer));
        }
    }
}

#[cfg(test)]
mod tests;
