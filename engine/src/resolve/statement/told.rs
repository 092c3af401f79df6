//! A statement as it is told of: what it does, and its text without literals.

use super::{Form, Statement};
use crate::audit::{StatementText, redacted};
use crate::events::StatementAction;
use crate::resolve::bounds::Budgeted;

impl Statement {
    /// The text as it is told of: without literals.
    pub(crate) fn text(&self) -> &StatementText {
        self.0.text.get_or_init(|| {
            let sql = self.sql();
            let (action, redacted) = match self.0.form.as_deref() {
                Some(Form::Substrait(_)) => (StatementAction::Select, sql.into()),
                Some(Form::Set { name, value: Some(_) }) => {
                    (StatementAction::Set, format!("SET {name} = ?").into())
                }
                Some(Form::Set { .. } | Form::Use { .. }) => {
                    (StatementAction::Set, redacted(sql, &Budgeted::new(sql)))
                }
                form => (action(form), redacted(sql, &Budgeted::new(sql))),
            };
            StatementText { sql: sql.into(), redacted, action }
        })
    }
}

fn action(form: Option<&Form>) -> StatementAction {
    match form {
        Some(Form::Query(_) | Form::Substrait(_)) => StatementAction::Select,
        Some(Form::Explain { .. }) => StatementAction::Explain,
        Some(Form::Show(_) | Form::Nothing) => StatementAction::List,
        Some(Form::Set { .. } | Form::Use { .. }) => StatementAction::Set,
        Some(Form::Kill(_)) => StatementAction::Kill,
        None => StatementAction::Unread,
    }
}
