//! What is noted of the tables of one statement while it is resolved, governed and run.

use std::sync::Arc;

use parking_lot::Mutex;

use super::TableAccess;
use crate::session::Principal;

/// Tables of one statement that are noted; a statement names fewer.
const TABLES_MAX: usize = 2000;

/// What is noted of the tables of one statement. Cheap to clone; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Noted {
    /// The name of who asked the statement.
    asker: Arc<Principal>,
    tables: Arc<Mutex<Vec<TableAccess>>>,
}

impl Noted {
    /// Nothing noted yet of a statement of this principal.
    pub(crate) fn of(asker: Arc<Principal>) -> Self {
        Self { asker, tables: Arc::default() }
    }

    /// Goes on with what was noted when the statement was planned.
    pub(crate) fn go_on_with(&self, known: Vec<TableAccess>) {
        *self.tables.lock() = known;
    }

    /// Notes what was decided on a table for `reader`; of one that is noted already, what is known now.
    pub(crate) fn note(&self, reader: &Arc<Principal>, access: TableAccess) {
        let is_other = reader.name != self.asker.name;
        let access = TableAccess { reader: is_other.then(|| Arc::clone(reader)), ..access };
        let mut all = self.tables.lock();
        if let Some(known) = all.iter_mut().find(|known| known.is_known_as(&access)) {
            let snapshot = access.snapshot.clone().or_else(|| known.snapshot.take());
            *known = TableAccess { snapshot, ..access };
        } else if all.len() < TABLES_MAX {
            all.push(access);
        }
    }

    /// What was noted so far.
    pub(crate) fn all(&self) -> Vec<TableAccess> {
        self.tables.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::AccessDecision;
    use crate::connector::SnapshotId;

    fn access(table: &str, snapshot: Option<&str>, decision: AccessDecision) -> TableAccess {
        let snapshot = snapshot.map(|id| SnapshotId(id.to_owned()));
        TableAccess { snapshot, ..TableAccess::named(table.to_owned(), decision) }
    }

    #[test]
    fn table_is_noted_once_for_each_snapshot_with_the_last_decision() {
        use AccessDecision::{Allowed, Denied, Modified};
        let (anna, service) =
            (Arc::new(Principal::user("anna")), Arc::new(Principal::user("view")));
        let noted = Noted::of(Arc::clone(&anna));
        for access in [
            access("a", None, Allowed),
            access("a", Some("1"), Modified),
            access("b", Some("1"), Allowed),
            access("a", Some("2"), Allowed),
            access("b", None, Denied),
        ] {
            noted.note(&anna, access);
        }
        let all = noted.all();
        let shown: Vec<_> = all
            .iter()
            .map(|it| (it.table.as_str(), it.snapshot.as_ref().map_or("", |id| &id.0), it.decision))
            .collect();
        assert_eq!(shown, [("a", "1", Modified), ("b", "1", Denied), ("a", "2", Allowed)]);
        noted.note(&service, access("a", Some("1"), Allowed));
        let readers: Vec<_> = noted.all().into_iter().map(|it| it.reader.is_some()).collect();
        assert_eq!(readers, [false, false, false, true], "each reads in its own name");
    }
}
