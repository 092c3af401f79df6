//! Sends the rows of a query as a file (PostgreSQL, "COPY Operations").

use std::sync::Arc;

use bytes::BytesMut;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::copy::{CopyDone, CopyOutResponse};
use samite_engine::{Error, ErrorKind};

use super::portal::{Portal, Progress, Work};
use super::{Conversation, End};
use crate::copy::{Copy, CopyFormat};
use crate::protocol::Backend;
use crate::rows::{Formats, columns};
use crate::values::{CopyLayout, Format};

impl Conversation {
    /// Sends what a COPY gives; the words that the client gets.
    pub(super) async fn copy(&mut self, copy: &Copy) -> Result<String, End> {
        let statement = self.session.parse(&copy.query)?;
        if !statement.is_query() {
            return Err(Error::new(ErrorKind::Unsupported, "COPY takes a query or a table").into());
        }
        let session = self.session.clone();
        let plan = self.unless_stopped(session.plan(&statement)).await?;
        self.warn(&plan).await?;
        let columns = columns(&plan.schema(), statement.column_names())?;
        let names: Vec<&str> = columns.iter().map(|column| column.name()).collect();
        let layout = CopyLayout::new(copy.options.clone(), &names).ok_or_else(|| {
            let message = "FORCE_QUOTE names a column that COPY does not send";
            Error::new(ErrorKind::InvalidQuery, message)
        })?;
        let (format, code) = match copy.options.format {
            CopyFormat::Binary => (Format::Binary, 1),
            CopyFormat::Text | CopyFormat::Csv => (Format::Text, 0),
        };
        let mut portal = Portal {
            columns: Some(Arc::clone(&columns)),
            plan: Some(plan),
            work: Work::Nothing,
            formats: Formats::all(format),
            progress: Progress::New,
            is_held: false,
        };
        self.begin(&mut portal).await?;
        if let Progress::Running { rows, .. } = &mut portal.progress {
            rows.set_layout(layout.clone());
        }
        // `columns` holds no more than fit.
        let width = i16::try_from(columns.len()).unwrap_or(i16::MAX);
        let formats = vec![i16::from(code); columns.len()];
        let begin = CopyOutResponse::new(code, width, formats);
        self.link.say(PgWireBackendMessage::CopyOutResponse(begin)).await?;
        let mut edge = BytesMut::new();
        layout.head(&names, &mut edge)?;
        self.link.send(Backend::Written(edge.split())).await?;
        let sent = self.send_rows(&mut portal, None).await?;
        layout.tail(sent > 0, &mut edge)?;
        self.link.send(Backend::Written(edge)).await?;
        self.link.say(PgWireBackendMessage::CopyDone(CopyDone::new())).await?;
        Ok(format!("COPY {sent}"))
    }
}
