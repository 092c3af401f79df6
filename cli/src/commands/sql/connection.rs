//! Whom SQL is sent to: the engine in this process, or a server.

use samite_engine::Result;
use samite_engine::session::Session;

use super::answer::Answer;
use super::remote::Remote;
use crate::mesh::Mesh;

/// Whom SQL is sent to.
pub(crate) enum Connection {
    /// The engine in this process.
    Local {
        /// Keeps the documents fresh.
        mesh: Mesh,
        /// The session.
        session: Session,
    },
    /// A server.
    Remote(Box<Remote>),
}

impl Connection {
    /// Sends one statement.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub(crate) async fn ask(&mut self, sql: &str) -> Result<Answer> {
        match self {
            Self::Local { session, .. } => ask_session(session, sql).await,
            Self::Remote(remote) => remote.ask(sql).await,
        }
    }

    /// The mesh that is asked in this process.
    pub(crate) fn mesh(&self) -> Option<&Mesh> {
        match self {
            Self::Local { mesh, .. } => Some(mesh),
            Self::Remote(_) => None,
        }
    }

    /// Where that is, for a greeting.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Local { session, .. } => format!("this process, as {}", session.principal().name),
            Self::Remote(remote) => remote.uri().to_owned(),
        }
    }
}

async fn ask_session(session: &Session, sql: &str) -> Result<Answer> {
    let statement = session.parse(sql)?;
    if !statement.is_query() {
        session.apply(&statement).await?;
        return Ok(Answer::empty());
    }
    let plan = session.plan(&statement).await?;
    let warnings = plan.warnings();
    let rows = plan.execute().await?;
    Ok(Answer::new(rows.schema(), rows, warnings))
}
