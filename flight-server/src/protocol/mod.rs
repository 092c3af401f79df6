//! Bytes to commands and back; knows no gRPC and no engine stage.

mod command;
mod placeholders;
mod session_messages;

pub(crate) use command::{Prepared, any_action, any_bytes, raw_action, read_command};
pub(crate) use placeholders::number_placeholders;
pub(crate) use session_messages::{
    CloseSessionResult, CloseStatus, GetSessionOptionsResult, OptionError, OptionErrorKind,
    SessionOptionValue, SetSessionOptionsRequest, SetSessionOptionsResult, option_value,
};
