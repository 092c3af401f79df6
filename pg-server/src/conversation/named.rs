//! Statements that are prepared and run by SQL: `PREPARE` and `EXECUTE`.

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::scalar::ScalarValue;
use futures::StreamExt;
use samite_engine::{Error, ErrorKind};

use super::portal::{Portal, Progress, Work};
use super::{Conversation, End};
use crate::command::Command;
use crate::error::{Coded, code};
use crate::kind::oid_of_name;
use crate::rows::{Formats, description};

impl Conversation {
    /// Prepares a statement under a name.
    pub(super) async fn prepare_named(
        &mut self,
        name: &str,
        types: &[String],
        query: &str,
    ) -> Result<(), End> {
        if self.statements.contains_key(name) {
            let message = format!("a statement is prepared as \"{name}\" already");
            let kind = ErrorKind::InvalidQuery;
            return Err(Coded::new(code::DUPLICATE_STATEMENT, kind, message).into());
        }
        self.check_room(self.statements.len())?;
        if !matches!(Command::of(query)?, Command::Sql(_)) {
            return Err(Error::new(ErrorKind::Unsupported, "only queries are prepared").into());
        }
        let oid = |name: &String| {
            oid_of_name(name).ok_or_else(|| {
                let message = format!("parameters of the type {name} cannot be prepared");
                Error::new(ErrorKind::Unsupported, message)
                    .with_hint("leave the types away, or cast in the statement")
            })
        };
        let types = types.iter().map(oid).collect::<Result<Vec<u32>, _>>()?;
        let prepared = self.prepare(query, &types).await?;
        self.statements.insert(name.to_owned(), Arc::new(prepared));
        Ok(())
    }

    /// Runs a prepared statement; the words that the client gets.
    pub(super) async fn execute_named(
        &mut self,
        name: &str,
        values: &str,
        formats: Option<&Formats>,
    ) -> Result<String, End> {
        let prepared = self.prepared(name)?;
        let Work::Statement(Command::Sql(verb), statement) = &prepared.work else {
            let message = format!("\"{name}\" was not prepared by PREPARE");
            return Err(Error::new(ErrorKind::Unsupported, message).into());
        };
        let values = self.values_of(values).await?;
        if values.len() != prepared.parameters.len() {
            let message = format!(
                "\"{name}\" has {} parameters and got {} values",
                prepared.parameters.len(),
                values.len()
            );
            return Err(Error::new(ErrorKind::InvalidQuery, message).into());
        }
        if prepared.columns.is_none() {
            return self.apply(statement, verb).await;
        }
        let mut plan = self.plan(statement).await?;
        if !values.is_empty() {
            let fitted = prepared.parameters.iter().zip(&values);
            let fitted =
                fitted.map(|(wanted, value)| wanted.fit(value)).collect::<Result<_, _>>()?;
            plan = plan.bind(fitted)?;
        }
        let columns = prepared.columns.clone().unwrap_or_default();
        if formats.is_none() {
            self.link.say(description(&columns, &Formats::text())).await?;
        }
        let mut portal = Portal {
            work: prepared.work.clone(),
            plan: Some(plan),
            columns: Some(columns),
            formats: formats.cloned().unwrap_or_else(Formats::text),
            progress: Progress::New,
            is_held: false,
        };
        let sent = self.send_rows(&mut portal, None).await?;
        Ok(verb.tag(sent))
    }

    /// The values of expressions that are written one after the other.
    async fn values_of(&mut self, expressions: &str) -> Result<Vec<ScalarValue>, End> {
        if expressions.trim().is_empty() {
            return Ok(Vec::new());
        }
        let statement = self.session.parse(&format!("VALUES ({expressions})"))?;
        let session = self.session.clone();
        let batch = self
            .unless_stopped(async move {
                session.plan(&statement).await?.execute().await?.next().await.transpose()
            })
            .await?;
        let Some(batch) = batch.filter(|batch| batch.num_rows() == 1) else {
            let message = "EXECUTE takes one value for each parameter";
            return Err(Error::new(ErrorKind::InvalidQuery, message).into());
        };
        let value = |column: &ArrayRef| ScalarValue::try_from_array(column, 0).map_err(Error::from);
        Ok(batch.columns().iter().map(value).collect::<Result<_, _>>()?)
    }
}
