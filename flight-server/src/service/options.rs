//! Session options: those of `SET`, and what concerns the wire alone (`wire.profile`).

use std::collections::HashMap;

use samite_engine::session::SETTINGS;
use samite_engine::{Error, ErrorKind, Result};

use super::state::State;
use crate::auth::Caller;
use crate::protocol::option_value::Value;
use crate::protocol::{
    CloseSessionResult, CloseStatus, GetSessionOptionsResult, OptionError, OptionErrorKind,
    SessionOptionValue, SetSessionOptionsRequest, SetSessionOptionsResult,
};
use crate::sessions::ClientSession;
use crate::wire::Profile;

/// The option that chooses the types on the wire.
const PROFILE: &str = "wire.profile";

/// Options of one call.
const OPTIONS_MAX: usize = 100;

impl State {
    /// Sets options; gives the token of the session if this began it.
    pub(super) async fn set_options(
        &self,
        caller: &Caller,
        request: SetSessionOptionsRequest,
    ) -> Result<(SetSessionOptionsResult, Option<String>)> {
        if request.options.len() > OPTIONS_MAX {
            let message = format!("at most {OPTIONS_MAX} options can be set at once");
            return Err(Error::new(ErrorKind::InvalidQuery, message));
        }
        let (session, is_new) = self.sessions.open(caller)?;
        let mut options: Vec<(String, SessionOptionValue)> = request.options.into_iter().collect();
        // The catalog comes before the schema, which may mean something in it alone.
        options.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut errors = HashMap::new();
        for (name, value) in options {
            if let Err(error) = set_option(&session, &name, value).await {
                // Drivers turn the errors of single options into "invalid argument".
                if error.kind() == ErrorKind::NotFound {
                    return Err(error);
                }
                tracing::debug!(option = name, ?error, "session option was refused");
                errors.insert(name.clone(), OptionError { kind: error_kind(&name) as i32 });
            }
        }
        let token = is_new.then(|| session.token().to_owned());
        Ok((SetSessionOptionsResult { errors }, token))
    }

    /// The options that are set. Makes no session.
    pub(super) fn options(&self, caller: &Caller) -> Result<GetSessionOptionsResult> {
        let mut options = HashMap::new();
        let mut put = |name: &str, value: &str| {
            let value = SessionOptionValue { value: Some(Value::Text(value.to_owned())) };
            options.insert(name.to_owned(), value);
        };
        if let Some(session) = self.sessions.find(caller)? {
            for (name, value) in session.session().settings().iter() {
                put(name, value);
            }
            if let Some(profile) = session.profile() {
                put(PROFILE, profile.as_str());
            }
        }
        Ok(GetSessionOptionsResult { options })
    }

    /// Ends the session. One that never began is closed as well.
    pub(super) fn close_session(&self, caller: &Caller) -> CloseSessionResult {
        self.sessions.close(caller);
        CloseSessionResult { status: CloseStatus::Closed as i32 }
    }
}

async fn set_option(session: &ClientSession, name: &str, value: SessionOptionValue) -> Result<()> {
    let text = match value.value {
        None => None,
        Some(Value::Text(text)) => Some(text),
        Some(Value::Bool(value)) => Some(value.to_string()),
        Some(Value::Integer(value)) => Some(value.to_string()),
        Some(Value::Double(value)) => Some(value.to_string()),
        Some(Value::List(_)) => {
            let message = format!("option \"{name}\" cannot be a list");
            return Err(Error::new(ErrorKind::InvalidQuery, message));
        }
    };
    if name == PROFILE {
        let profile = text.as_deref().map(|text| {
            Profile::parse(text).ok_or_else(|| {
                let message = format!("option \"{name}\" cannot have this value");
                Error::new(ErrorKind::InvalidQuery, message).with_hint("use arrow, jdbc or odbc")
            })
        });
        session.set_profile(profile.transpose()?);
        return Ok(());
    }
    match text {
        Some(text) => session.session().set(name, &text).await,
        None => session.session().reset(name),
    }
}

fn error_kind(name: &str) -> OptionErrorKind {
    let is_known = name == PROFILE || SETTINGS.iter().any(|setting| setting.name == name);
    if is_known { OptionErrorKind::InvalidValue } else { OptionErrorKind::InvalidName }
}
