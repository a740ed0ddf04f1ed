//! For fuzz targets only: what one process reads of another.

use anser_types::Error;
use tonic::{Code, Request, Status, codegen::http::HeaderMap, metadata::MetadataMap};

use crate::{
    Context, PeerSecret,
    remote::{accept, from_status},
};

/// The circumstances of a call that came with these headers, if it may come in.
pub fn circumstances(headers: HeaderMap, secret: &PeerSecret) -> Option<Context> {
    let mut request = Request::new(());
    *request.metadata_mut() = MetadataMap::from_headers(headers);
    accept(&request, secret).ok()
}

/// What a peer's refusal means.
pub fn refusal(code: i32, details: Vec<u8>) -> Error {
    from_status(Status::with_details(Code::from_i32(code), "", details.into()))
}
