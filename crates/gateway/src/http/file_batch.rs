//! Several files with one request (`/v1/files:batch`), as browsers send forms. Each has an outcome of its own.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anser_contract::{
    Context,
    v1::{File, Problem},
};
use anser_types::{Code, Error};
use axum::extract::{Request, State};
use bytes::Bytes;
use futures_util::{Stream, stream};
use http::{Method, header};
use multer::{Field, Multipart};
use serde::Serialize;
use tokio::task::yield_now;
use utoipa::ToSchema;

use crate::{
    http::{
        extract::Call,
        intake::Incoming,
        transfer::{self, AtOnce, Source},
    },
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

/// Files that one request may bring.
const MOST: usize = 20;
/// What may come of a form before it is known to be a part of a file, in bytes.
const AROUND: usize = 256 << 10;

/// The row of this resource.
pub fn routes() -> Vec<Route> {
    let row = route(Method::POST, "/v1/files:batch", "upload_files", upload)
        .class(Class::User)
        .rate(Rate::Write)
        .tag("files")
        .about("Send several files with one request")
        .details(
            "A form with up to 20 files. Each has its own outcome, in order: what is wrong with one is no harm to the others. \
             It takes no `Idempotency-Key`: ask for what you have before you send all of it again.",
        )
        .streams(&["multipart/form-data"], "The files, each under its name")
        .answers::<Outcomes>(200, "What became of each")
        .refuses(&[Code::Unsupported]);
    vec![row]
}

/// What became of each file, in the order in which they came.
#[derive(Serialize, ToSchema)]
struct Outcomes {
    items: Vec<Outcome>,
}

/// What became of one file: it, or what was wrong with it.
#[derive(Serialize, ToSchema)]
struct Outcome {
    /// What the form called it.
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<File>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
}

async fn upload(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    request: Request,
) -> Answer<axum::Json<Outcomes>> {
    let said = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(said)
        .map_err(|_| Error::new(Code::Unsupported, "send multipart/form-data with its boundary"))?;
    let _place = gateway.transfers.begin(ctx.user()?)?;
    let unread = Arc::new(AtomicUsize::new(0));
    let body = bytes_of(Incoming::of(request, &gateway.options.intake), unread.clone());
    let mut form = Multipart::new(body, boundary);
    let mut items = Vec::new();
    while let Some(field) = form.next_field().await.map_err(broken)? {
        if items.len() >= MOST {
            return Err(Error::invalid(format!("one request brings at most {MOST} files")).into());
        }
        let name = field.file_name().or(field.name()).unwrap_or_default().to_owned();
        let outcome = one(&gateway, &ctx, &name, Part { field, unread: unread.clone() }).await;
        items.push(match outcome {
            Ok(file) => Outcome { name, file: Some(file), error: None },
            Err(error) => Outcome { name, file: None, error: Some(error.into()) },
        });
    }
    Ok(axum::Json(Outcomes { items }))
}

async fn one(gateway: &Arc<Gateway>, ctx: &Context, name: &str, mut part: Part<'_>) -> Result<File, Error> {
    let asked = AtOnce { name: name.to_owned(), size: -1, sha256: String::new(), key: String::new() };
    let outcome = transfer::upload_at_once(gateway, ctx, asked, &mut part).await;
    // What is left of a file that was refused stands before the next one.
    while let Ok(Some(_)) = part.chunk().await {}
    outcome.map_err(|refusal| refusal.error)
}

/// One file of the form.
struct Part<'f> {
    field: Field<'f>,
    unread: Arc<AtomicUsize>,
}

impl Source for Part<'_> {
    async fn chunk(&mut self) -> Answer<Option<Bytes>> {
        let chunk = self.field.chunk().await.map_err(broken)?;
        self.unread.store(0, Ordering::Relaxed);
        Ok(chunk)
    }
}

/// The body as the reader of forms wants it. It takes whatever is ready into its memory before it looks at it, so nothing is
/// ready twice in a row; and what is no part of a file must end soon.
fn bytes_of(incoming: Incoming, unread: Arc<AtomicUsize>) -> impl Stream<Item = Result<Bytes, Error>> {
    stream::unfold(Some((incoming, unread)), |state| async {
        let (mut incoming, unread) = state?;
        yield_now().await;
        match incoming.next().await {
            Ok(Some(bytes)) if unread.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len() > AROUND => {
                Some((Err(Error::invalid("the form has too much around its files")), None))
            }
            Ok(Some(bytes)) => Some((Ok(bytes), Some((incoming, unread)))),
            Ok(None) => None,
            Err(refusal) => Some((Err(refusal.error), None)),
        }
    })
}

fn broken(error: multer::Error) -> Error {
    match error {
        // What the body itself said.
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<Error>() {
            Ok(error) => *error,
            Err(_) => Error::invalid("the body ended early"),
        },
        _ => Error::invalid("the body is no form as it must be"),
    }
}
