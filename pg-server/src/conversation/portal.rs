//! What a conversation keeps: prepared statements, and what was bound or declared.

use std::sync::Arc;

use samite_engine::plan::QueryPlan;
use samite_engine::resolve::Statement;
use tokio::time::Instant;

use crate::command::Command;
use crate::parameters::Wanted;
use crate::rows::{Column, Formats, Rows};

/// A prepared statement.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) work: Work,
    /// How its values are read.
    pub(super) parameters: Vec<Wanted>,
    /// Its columns; `None` if it gives no rows.
    pub(super) columns: Option<Arc<[Column]>>,
    /// The plan that it was described with, and the group of messages for which that holds: what is
    /// bound later reads the snapshots of its own moment.
    pub(super) plan: Option<(QueryPlan, u64)>,
}

/// What runs.
#[derive(Debug, Clone)]
pub(super) enum Work {
    /// Nothing: the text is empty.
    Nothing,
    /// A command of the connection.
    Command(Command),
    /// A statement of the engine.
    Statement(Command, Statement),
}

/// Something that can be run: a statement with its values, or a cursor.
#[derive(Debug)]
pub(super) struct Portal {
    pub(super) work: Work,
    pub(super) plan: Option<QueryPlan>,
    pub(super) columns: Option<Arc<[Column]>>,
    pub(super) formats: Formats,
    pub(super) progress: Progress,
    /// True if it outlives its transaction.
    pub(super) is_held: bool,
}

impl Portal {
    /// Sends what follows in other formats.
    pub(super) fn set_formats(&mut self, formats: Formats) {
        if let Progress::Running { rows, .. } = &mut self.progress {
            rows.set_formats(formats.clone());
        }
        self.formats = formats;
    }
}

/// How far it has come.
#[derive(Debug)]
pub(super) enum Progress {
    /// It has not begun.
    New,
    /// Rows are left.
    Running {
        rows: Box<Rows>,
        /// When it must have ended.
        deadline: Instant,
    },
    /// All rows were sent.
    Ended,
}
