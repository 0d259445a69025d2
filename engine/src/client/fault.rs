//! Why a client's call has failed.

use std::fmt;

use crate::error::text;
use crate::tls::ClientFault;

/// Why a call has failed. [`fmt::Display`] gives `text[code]`, and what else is known behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientError {
    code: i32,
    detail: Option<Box<str>>,
}

impl ClientError {
    pub(super) fn with(code: i32, detail: impl Into<Box<str>>) -> ClientError {
        ClientError {
            code,
            detail: Some(detail.into()),
        }
    }

    /// `errno`, or one of the engine's numbers.
    pub fn code(&self) -> i32 {
        self.code
    }

    /// What is known besides.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }
}

impl From<i32> for ClientError {
    fn from(code: i32) -> ClientError {
        ClientError { code, detail: None }
    }
}

impl From<ClientFault> for ClientError {
    fn from(fault: ClientFault) -> ClientError {
        ClientError::with(fault.code, fault.text)
    }
}

impl std::error::Error for ClientError {}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", text(self.code), self.code)?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}
