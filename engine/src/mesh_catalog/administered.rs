//! Of which tables somebody may see what others asked: an administrator of all, anybody else of those that the
//! policies let them administer.

use std::cell::RefCell;
use std::collections::HashMap;

use super::Picture;
use crate::audit::{PortAddress, ToldStatement};
use crate::govern::may_administer;
use crate::product::OutputPort;

/// Of which tables somebody may see what others asked.
pub(super) struct Administered<'a> {
    picture: Picture<'a>,
    known: RefCell<HashMap<PortAddress, bool>>,
}

impl<'a> Administered<'a> {
    pub(super) fn new(picture: Picture<'a>) -> Self {
        Self { picture, known: RefCell::default() }
    }

    /// The last statements, and those that run.
    pub(super) fn history(&self) -> Vec<ToldStatement> {
        self.picture.engine.history().all()
    }

    /// True for one who sees everything.
    pub(super) fn is_all(&self) -> bool {
        self.picture.is_administrator
    }

    /// True if nothing is wanted but the columns, or nobody but an administrator sees anything.
    pub(super) fn is_none(&self) -> bool {
        let is_open = self.picture.engine.authorizer().is_open();
        self.picture.principal.is_empty() || (is_open && !self.is_all())
    }

    /// True for a table of which this principal may see what others asked.
    pub(super) fn has(&self, port: Option<&PortAddress>) -> bool {
        if self.is_all() {
            return true;
        }
        let Some(port) = port else { return false };
        if let Some(known) = self.known.borrow().get(port) {
            return *known;
        }
        let has = self.decide(port);
        self.known.borrow_mut().insert(port.clone(), has);
        has
    }

    fn decide(&self, wanted: &PortAddress) -> bool {
        let Some(product) = self.picture.mesh.product(&wanted.domain, &wanted.product) else {
            return false;
        };
        let is_it = |port: &&OutputPort| {
            port.name == wanted.port && port.version.to_string() == wanted.version
        };
        let port = product.ports.iter().find(is_it);
        let found = port.and_then(|port| Some((port, port.contract.table(&wanted.table)?)));
        found.is_some_and(|(port, table)| {
            may_administer(self.picture.asking, (product, port, table))
        })
    }
}
