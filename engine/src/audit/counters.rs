//! What is counted of decisions and of what was read, for whoever watches the server.
//!
//! Domains and products are named only where the configuration says so: metrics are served without logins.

use std::collections::HashSet;

use parking_lot::Mutex;
use prometheus::IntCounterVec;

use super::{OTHERS, TableAccess, to_domain};
use crate::error::{Error, Result};
use crate::events::{Asked, QueryEvent};
use crate::telemetry::Metrics;

/// Ports and pairs of domains that are told apart.
const NAMES_MAX: usize = 1000;

/// What is counted of decisions and of what was read.
#[derive(Debug)]
pub(crate) struct Counters {
    decisions: IntCounterVec,
    /// What names domains and products.
    named: Option<Named>,
}

#[derive(Debug)]
struct Named {
    scan_bytes: IntCounterVec,
    transfer_bytes: IntCounterVec,
    transfer_rows: IntCounterVec,
    known: Mutex<HashSet<String>>,
}

impl Counters {
    /// Nothing counted yet.
    ///
    /// # Errors
    ///
    /// When a name is taken.
    pub(crate) fn new(metrics: &Metrics, has_product_metrics: bool) -> Result<Self> {
        let decisions = metrics.counters(
            "policy_decisions_total",
            "Decisions on tables of statements, by what the statement does.",
            &["action", "decision"],
        )?;
        let named = || {
            let domains = ["from_domain", "to_domain"];
            Ok::<_, Error>(Named {
                scan_bytes: metrics.counters(
                    "scan_bytes_total",
                    "Bytes read, by port.",
                    &["port"],
                )?,
                transfer_bytes: metrics.counters(
                    "transfer_bytes_total",
                    "Bytes read for another domain, by both.",
                    &domains,
                )?,
                transfer_rows: metrics.counters(
                    "transfer_rows_total",
                    "Rows let through to another domain, by both.",
                    &domains,
                )?,
                known: Mutex::default(),
            })
        };
        Ok(Self { decisions, named: has_product_metrics.then(named).transpose()? })
    }

    /// Counts a statement that ended.
    pub(crate) fn count(&self, event: &QueryEvent) {
        let asked = &event.asked;
        for table in asked.tables.iter().filter(|table| !table.is_of_samite()) {
            let labels = [asked.action.as_str(), table.decision.as_str()];
            self.decisions.with_label_values(&labels).inc();
            if let Some(named) = &self.named {
                named.count(asked, table);
            }
        }
    }
}

impl Named {
    fn count(&self, asked: &Asked, table: &TableAccess) {
        let Some(port) = table.port.as_ref().filter(|_| table.reads.bytes > 0) else { return };
        let address = format!("{}.{}:{}@{}", port.domain, port.product, port.port, port.version);
        let address = self.known_or_others(&address);
        self.scan_bytes.with_label_values(&[address]).inc_by(table.reads.bytes);
        let to = to_domain(table.reader.as_deref().unwrap_or(&asked.principal));
        if to == port.domain {
            return;
        }
        let pair = format!("{} {to}", port.domain);
        let labels = match self.known_or_others(&pair) {
            OTHERS => [OTHERS, OTHERS],
            _ => [port.domain.as_str(), to],
        };
        self.transfer_bytes.with_label_values(&labels).inc_by(table.reads.bytes);
        self.transfer_rows.with_label_values(&labels).inc_by(table.reads.rows_passed);
    }

    fn known_or_others<'a>(&self, name: &'a str) -> &'a str {
        let mut known = self.known.lock();
        if known.contains(name) {
            return name;
        }
        if known.len() >= NAMES_MAX {
            return OTHERS;
        }
        known.insert(name.to_owned());
        name
    }
}
