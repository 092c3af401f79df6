//! What a statement wanted of one table, what was decided, and what was read of it.

use std::fmt::Write;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;

use crate::authorizer::{Obligations, PolicyTexts};
use crate::connector::SnapshotId;
use crate::resolve::PortTable;
use crate::session::Principal;

/// What was decided on one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccessDecision {
    /// It may be read as it is.
    Allowed,
    /// It may be read in part: some rows, some columns, some of them masked.
    Modified,
    /// It may not be read, and whoever asked was told so.
    Denied,
    /// It may not be read, and does not exist for whoever asked.
    Hidden,
    /// There is no such table.
    Unknown,
}

impl AccessDecision {
    /// The name, in records, metrics and listings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Modified => "modified",
            Self::Denied => "denied",
            Self::Hidden => "hidden",
            Self::Unknown => "unknown",
        }
    }

    /// True if something of the table may be read.
    #[must_use]
    pub fn is_allowed(self) -> bool {
        matches!(self, Self::Allowed | Self::Modified)
    }
}

/// The port that a table belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PortAddress {
    /// The domain.
    pub domain: String,
    /// The product.
    pub product: String,
    /// The port.
    pub port: String,
    /// The version of its contract.
    pub version: String,
    /// The table of the contract.
    pub table: String,
}

/// What was read of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TableReads {
    /// The rows that left its scan, those that a row filter then hides included.
    pub rows: u64,
    /// Those of them that were let through.
    pub rows_passed: u64,
    /// The bytes that were read.
    pub bytes: u64,
    /// The data files that were read from.
    pub files: u64,
}

impl TableReads {
    /// Adds what another scan of the same table read.
    pub(crate) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.rows_passed += other.rows_passed;
        self.bytes += other.bytes;
        self.files += other.files;
    }
}

/// What a statement wanted of one table, what was decided, and what was read of it.
#[derive(Debug, Clone)]
pub struct TableAccess {
    /// The address, with the version that was found; the name as it was written where nothing was found.
    pub table: String,
    /// The port; `None` for a table of Samite's own and for a name that means nothing.
    pub port: Option<PortAddress>,
    /// The snapshot, once it was opened.
    pub snapshot: Option<SnapshotId>,
    /// What was decided.
    pub decision: AccessDecision,
    /// The ids of the policies that led there.
    pub policies: Vec<String>,
    /// The texts of the policies that were asked; `None` where there are none, or none that can be used.
    pub policy_texts: Option<Arc<PolicyTexts>>,
    /// True if a policy leaves rows out.
    pub is_row_filtered: bool,
    /// The columns that are masked.
    pub masked: Vec<String>,
    /// The columns that do not exist for whoever asked.
    pub absent: Vec<String>,
    /// What stands for the obligations: the same for the same ones, in hexadecimal digits.
    pub fingerprint: Option<String>,
    /// In whose name it was read, where that is not who asked: a virtual product reads in its own.
    pub reader: Option<Arc<Principal>>,
    /// What was read.
    pub reads: TableReads,
    /// Where the data lies, without credentials.
    pub place: Option<String>,
    /// The columns as they may be seen.
    pub columns: Option<SchemaRef>,
}

impl TableAccess {
    /// A table of a product on which nothing more is known than this.
    pub(crate) fn of(table: &PortTable, decision: AccessDecision) -> Self {
        let (product, port) = (&table.product, &table.port);
        let port = PortAddress {
            domain: product.domain.clone(),
            product: product.name.clone(),
            port: port.name.clone(),
            version: port.version.to_string(),
            table: table.table.name.clone(),
        };
        Self { port: Some(port), ..Self::named(table.name.to_string(), decision) }
    }

    /// A name that means no table of a product.
    pub(crate) fn named(table: String, decision: AccessDecision) -> Self {
        Self {
            table,
            port: None,
            snapshot: None,
            decision,
            policies: Vec::new(),
            policy_texts: None,
            is_row_filtered: false,
            masked: Vec::new(),
            absent: Vec::new(),
            fingerprint: None,
            reader: None,
            reads: TableReads::default(),
            place: None,
            columns: None,
        }
    }

    /// The same, to be read under obligations.
    #[must_use]
    pub(crate) fn under(mut self, obligations: &Obligations) -> Self {
        self.decision = match obligations.is_empty() {
            true => AccessDecision::Allowed,
            false => AccessDecision::Modified,
        };
        self.policies = obligations.policies.iter().cloned().collect();
        self.policy_texts.clone_from(&obligations.texts);
        self.is_row_filtered = obligations.row_filter.is_some();
        self.masked = obligations.masks.keys().cloned().collect();
        self.absent = obligations.absent.iter().cloned().collect();
        self.fingerprint = Some(hexadecimal(&obligations.fingerprint()));
        self
    }

    /// True for a table of Samite's own.
    pub(crate) fn is_of_samite(&self) -> bool {
        self.port.is_none() && self.decision.is_allowed()
    }

    /// What it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        let lists = [&self.policies, &self.masked, &self.absent];
        let texts: usize = lists.into_iter().flatten().map(|text| text.len() + 24).sum();
        let place = self.place.as_ref().map_or(0, String::len);
        let port = self.port.as_ref().map_or(0, |port| {
            port.domain.len() + port.product.len() + port.port.len() + port.table.len() + 80
        });
        size_of::<Self>() + self.table.len() + texts + place + port
    }

    /// True for the same table, read in the same name, of which the other one knows no less.
    pub(super) fn is_known_as(&self, other: &Self) -> bool {
        let name = |access: &Self| access.reader.as_ref().map(|reader| reader.name.clone());
        self.table == other.table
            && name(self) == name(other)
            && (self.snapshot.is_none()
                || other.snapshot.is_none()
                || self.snapshot == other.snapshot)
    }
}

/// Bytes as hexadecimal digits.
fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
