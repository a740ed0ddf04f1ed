//! Logs and traces. Log lines go to standard error; traces go to an OTLP collector where one is configured.
//!
//! What may stand in a log line: ids, counts, durations, codes. Never: message bodies, passwords, tokens, addresses of
//! people.

use std::io::IsTerminal;

use anyhow::Context;
use http::{HeaderMap, HeaderName};
use opentelemetry::{
    propagation::{Extractor, TextMapPropagator},
    trace::TracerProvider,
};
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{Log, LogFormat, Telemetry};

/// Sends what is still to be sent when the process ends.
#[must_use = "traces that wait are lost without finish()"]
pub struct Telemetered(Option<SdkTracerProvider>);

/// Starts logs and traces. To be called inside the runtime, once.
pub fn start(log: &Log, telemetry: &Telemetry) -> anyhow::Result<Telemetered> {
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let lines = match log.format {
        LogFormat::Pretty => lines.with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    let traces = telemetry.otlp_endpoint.as_deref().map(|endpoint| exporter(endpoint, telemetry)).transpose()?;
    let spans = traces.as_ref().map(|traces| tracing_opentelemetry::layer().with_tracer(traces.tracer("anser")));
    tracing_subscriber::registry()
        .with(EnvFilter::try_new(&log.level)?)
        .with(lines)
        .with(spans)
        .try_init()
        .context("cannot start the log")?;
    log_panics();
    Ok(Telemetered(traces))
}

impl Telemetered {
    /// Sends the last traces. Blocks for a moment.
    pub fn finish(self) {
        if let Some(traces) = self.0
            && let Err(error) = traces.shutdown()
        {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// The span of a call from another process of ours, under the caller's where it is traced.
pub fn call_span(headers: &HeaderMap, path: &str) -> Span {
    let request_id = headers.get("anser-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    let span = tracing::info_span!("call", request.id = request_id, otel.name = path, otel.kind = "server");
    let parent = TraceContextPropagator::new().extract_with_context(&opentelemetry::Context::new(), &Headers(headers));
    // Fails only where no traces are collected.
    let _ = span.set_parent(parent);
    span
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

fn exporter(endpoint: &str, telemetry: &Telemetry) -> anyhow::Result<SdkTracerProvider> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .build()
        .with_context(|| format!("telemetry.otlp_endpoint = {endpoint:?}"))?;
    let share = 1.0 / f64::from(telemetry.trace_one_in);
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share))))
        .with_resource(Resource::builder().with_service_name(telemetry.service_name.clone()).build())
        .build())
}

/// A panic ends its task or thread and nothing else; nobody reads standard error's own format in a log of JSON lines.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
        let message = panic.payload_as_str().unwrap_or("no message");
        ::metrics::counter!("anser_panics_total").increment(1);
        tracing::error!(place, thread, message, "a panic");
    }));
}
