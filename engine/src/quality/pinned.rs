//! The snapshots that all queries of one run read: the first that meets a table pins it.
//!
//! A table that moves on while its rules are run is read as it was. One without a history cannot be, so that the run
//! begins anew.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::QualitySubject;
use crate::connector::SnapshotId;
use crate::error::{ErrorKind, Result};
use crate::plan::QueryPlan;
use crate::product::{TableName, VersionSelector};
use crate::resolve::Statement;
use crate::session::Session;
use crate::snapshot_token::SnapshotToken;

/// The setting that names the snapshots of a session.
const SNAPSHOTS: &str = "mesh.snapshots";

/// The snapshots of one run.
#[derive(Debug)]
pub(super) struct Pinned {
    /// What tokens call the table whose rules are run: the same table has several names.
    own: Vec<String>,
    snapshots: Mutex<BTreeMap<String, SnapshotId>>,
    is_lost: AtomicBool,
}

impl Pinned {
    pub(super) fn new(subject: &QualitySubject) -> Self {
        let (exact, major) = (subject.name(), subject.port.version.major);
        let named = |port: &Option<String>, version: VersionSelector| {
            let mut name: TableName = exact.clone();
            (name.product.port, name.product.version) = (port.clone(), version);
            name.to_string()
        };
        let ports = [&exact.product.port, &None];
        let versions = [&exact.product.version, &VersionSelector::Major(major)];
        let own = ports
            .into_iter()
            .flat_map(|port| versions.map(|version| named(port, *version)))
            .collect();
        Self { own, snapshots: Mutex::default(), is_lost: AtomicBool::new(false) }
    }

    /// Plans a query on the snapshots of the run; what it names first is pinned from now on.
    pub(super) async fn plan(&self, session: &Session, statement: &Statement) -> Result<QueryPlan> {
        // One that took too long may have left its own behind.
        session.reset(SNAPSHOTS)?;
        let plan = session.plan(statement).await?;
        let Some(token) = self.pin(&plan.snapshot_token()) else { return Ok(plan) };
        drop(plan);
        session.set(SNAPSHOTS, &token.to_string()).await?;
        let earlier = session.plan(statement).await;
        session.reset(SNAPSHOTS)?;
        if earlier.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            self.is_lost.store(true, Ordering::Relaxed);
        }
        earlier
    }

    /// Pins what is not pinned yet; what else is to be read, if a table has moved on since.
    fn pin(&self, found: &SnapshotToken) -> Option<SnapshotToken> {
        let mut pinned = self.snapshots.lock();
        let mut has_moved = false;
        let mut wanted = Vec::new();
        for (name, snapshot) in found.iter() {
            let key = self.own.first().filter(|_| self.own.contains(name)).unwrap_or(name);
            let known = pinned.entry(key.clone()).or_insert_with(|| snapshot.clone());
            has_moved |= *known != snapshot;
            wanted.push((name.clone(), known.clone()));
        }
        has_moved.then(|| wanted.into_iter().collect())
    }

    /// The snapshot of the table whose rules are run, once it was read.
    pub(super) fn snapshot(&self) -> Option<String> {
        let SnapshotId(id) = self.snapshots.lock().get(self.own.first()?)?.clone();
        Some(id)
    }

    /// True if a snapshot was gone before all rules were run.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }
}
