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
                Some(Form::Nothing) => {
                    let text = redacted(sql, &Budgeted::new(sql));
                    (bare_action(&text), text)
                }
                form => (action(form), redacted(sql, &Budgeted::new(sql))),
            };
            StatementText { sql: sql.into(), redacted, action }
        })
    }
}

/// The words that statements about transactions begin with.
const OF_TRANSACTIONS: [&str; 8] =
    ["ABORT", "BEGIN", "COMMIT", "END", "RELEASE", "ROLLBACK", "SAVEPOINT", "START"];

/// What a statement does that is accepted and changes nothing; the text is without comments.
fn bare_action(text: &str) -> StatementAction {
    let first = text.split(|c: char| !c.is_ascii_alphabetic()).find(|word| !word.is_empty());
    let is_one = |first: &str| OF_TRANSACTIONS.iter().any(|word| first.eq_ignore_ascii_case(word));
    match first.is_some_and(is_one) {
        true => StatementAction::Transaction,
        false => StatementAction::Set,
    }
}

fn action(form: Option<&Form>) -> StatementAction {
    match form {
        Some(Form::Query(_) | Form::Substrait(_)) => StatementAction::Select,
        Some(Form::Explain { .. }) => StatementAction::Explain,
        Some(Form::Show(_)) => StatementAction::List,
        Some(Form::Set { .. } | Form::Use { .. } | Form::Nothing) => StatementAction::Set,
        Some(Form::Kill(_)) => StatementAction::Kill,
        None => StatementAction::Unread,
    }
}
