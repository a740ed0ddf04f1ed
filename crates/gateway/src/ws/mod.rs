//! The WebSocket half.

pub mod codec;

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;

use crate::state::Gateway;

/// `GET /v1/ws`: turns the request into a WebSocket.
pub async fn upgrade(State(_gateway): State<Arc<Gateway>>, _request: Request) -> Response {
    StatusCode::NOT_IMPLEMENTED.into_response()
}
