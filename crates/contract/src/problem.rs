//! [`Error`] ⇄ the `Problem` message that carries it to clients and between processes.

use anser_types::{Code, Error, FieldError};

use crate::v1::{Problem, ProblemField};

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        Problem {
            code: error.code.as_str().into(),
            detail: error.detail.clone().into_owned(),
            retryable: error.retryable(),
            retry_after_ms: error.retry_after_ms,
            fields: error
                .fields
                .iter()
                .map(|field| ProblemField { field: field.field.clone(), detail: field.detail.clone() })
                .collect(),
            status: u32::from(error.code.http_status()),
            request_id: String::new(),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Problem::from(&error)
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Error {
            code: Code::parse(&problem.code).unwrap_or(Code::Internal),
            detail: problem.detail.into(),
            retry_after_ms: problem.retry_after_ms,
            fields: problem
                .fields
                .into_iter()
                .map(|field| FieldError { field: field.field, detail: field.detail })
                .collect(),
        }
    }
}
