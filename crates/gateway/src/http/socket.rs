//! `/v1/ws`: the row of the WebSocket; what happens behind it is [`crate::ws`]'s.

use http::Method;

use crate::{
    rates::Rate,
    routes::{Class, Route, route},
    ws,
};

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    // Public, because the connection says in its first frame whose it is: browsers cannot send a header here.
    vec![
        route(Method::GET, "/v1/ws", "open_web_socket", ws::upgrade)
            .class(Class::Public)
            .rate(Rate::Own)
            .tag("sessions")
            .about("Open a WebSocket: sends, syncs and pushes over one connection")
            .details(
                "Sub-protocols `anser.v1.json` and `anser.v1.proto`. Frames are described in the protocol's own document. \
                 Never put a token into the URL.",
            )
            .answers_other(101, None, "The connection is a WebSocket now")
            .refuses(&[anser_types::Code::InvalidArgument, anser_types::Code::Forbidden]),
    ]
}
