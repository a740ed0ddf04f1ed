//! Traces: a request's span, under the client's own where it sent one (W3C Trace Context), and what is handed on.

use http::HeaderMap;
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The client's `traceparent` header, `00-<32 hex>-<16 hex>-<2 hex>` (section 3.2); anything else counts as none.
pub fn parent(headers: &HeaderMap) -> Option<SpanContext> {
    let value = headers.get("traceparent")?.to_str().ok()?;
    let [version, trace, span, flags] = value.split('-').collect::<Vec<_>>().try_into().ok()?;
    let lower_hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let well_formed = version == "00" && trace.len() == 32 && span.len() == 16 && flags.len() == 2;
    if !well_formed || ![trace, span, flags].into_iter().all(lower_hex) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    context.is_valid().then_some(context)
}

/// The span of a request on `route`.
pub fn span(request_id: &str, method: &str, route: &str, parent: Option<&SpanContext>) -> Span {
    let span = tracing::info_span!(
        "http",
        request.id = request_id,
        method,
        route,
        otel.name = format!("{method} {route}"),
        otel.kind = "server"
    );
    if let Some(parent) = parent {
        // Fails only where no traces are collected.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent.clone()));
    }
    span
}

/// The `traceparent` for the calls that a request makes: its own span's where traces are collected, else the client's.
pub fn handed_on(span: &Span, parent: Option<&SpanContext>) -> Option<String> {
    let own = span.context().span().span_context().clone();
    let context = if own.is_valid() { own } else { parent?.clone() };
    let flags = context.trace_flags().to_u8();
    Some(format!("00-{}-{}-{flags:02x}", context.trace_id(), context.span_id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_trace_parents_count() {
        let handed = |text: &str| {
            let headers = HeaderMap::from_iter([(http::HeaderName::from_static("traceparent"), text.parse().unwrap())]);
            handed_on(&Span::none(), parent(&headers).as_ref())
        };
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(handed(good).as_deref(), Some(good));
        for bad in ["", "00", "00-x-y-z", &good.to_uppercase(), &good.replace("00f067aa0ba902b7", "0000000000000000")] {
            assert_eq!(handed(bad), None, "{bad}");
        }
    }
}
