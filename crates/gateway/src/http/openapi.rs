//! The API document (OpenAPI 3.1), made from the route table.

use std::collections::BTreeMap;

use anser_types::Code;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, Content, HeaderBuilder, HttpMethod, Info, License, OpenApi, PathItem, Paths, Ref, RefOr, Required,
        Response, ResponseBuilder, Schema,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
        request_body::{RequestBody, RequestBodyBuilder},
        schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type},
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
        tag::TagBuilder,
    },
};

use crate::{
    problem::{self, PROBLEM_JSON, ProblemDocument, title},
    routes::{Class, Route},
};

const BEARER: &str = "access_token";

/// What may go wrong with any request.
const ALWAYS: &[Code] = &[Code::RateLimited, Code::Internal, Code::Unavailable, Code::DeadlineExceeded];

/// Describes every row of `routes`.
pub fn describe(routes: &[Route]) -> OpenApi {
    let mut info = Info::new("Anser", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Instant messaging over HTTP. Ids are 26 characters of base32, times are Unix milliseconds, lists are \
         `{items, next_cursor}`, errors are RFC 9457 problem documents with a stable `code`."
            .into(),
    );
    info.license = Some(License::new("Apache-2.0"));

    let mut paths = Paths::new();
    let mut schemas = BTreeMap::new();
    collect::<ProblemDocument>(&mut schemas);
    for route in routes {
        for collect in &route.schemas {
            collect(&mut schemas);
        }
        let item = paths.paths.entry(route.path.to_owned()).or_default();
        place(item, route, operation(route));
    }

    let mut components = Components::new();
    components.schemas = schemas;
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.bearer_format = Some("JWT".into());
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer));

    let mut document = OpenApi::new(info, paths);
    document.components = Some(components);
    document.tags = Some(tags(routes));
    document
}

/// Puts the schemas of one type beside others. Called when the document is made: until then they would only take memory.
pub type Collect = fn(&mut BTreeMap<String, RefOr<Schema>>);

/// A JSON body of type `B`, whose schemas are added to `schemas`.
pub fn request_body<B: ToSchema>(schemas: &mut Vec<Collect>) -> RequestBody {
    let content = Content::new(Some(reference::<B>(schemas)));
    RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True)).build()
}

/// A body that is no JSON of ours. No body is an empty one, and an empty file is a file.
pub fn streamed_body(media_types: &[&str], what: &str) -> RequestBody {
    let body = RequestBodyBuilder::new().description(Some(what)).required(Some(Required::False));
    media_types
        .iter()
        .fold(body, |body, media_type| body.content(*media_type, Content::new(Some(String::schema()))))
        .build()
}

/// A body that is a recording.
pub fn recording() -> RequestBody {
    let bytes = || {
        let binary = SchemaFormat::KnownFormat(KnownFormat::Binary);
        Content::new(Some(ObjectBuilder::new().schema_type(Type::String).format(Some(binary)).build()))
    };
    RequestBodyBuilder::new()
        .content("audio/wav", bytes())
        .content("application/octet-stream", bytes())
        .required(Some(Required::True))
        .build()
}

/// A JSON answer of type `A`, whose schemas are added to `schemas`.
pub fn response<A: ToSchema>(schemas: &mut Vec<Collect>, what: &str) -> Response {
    let content = Content::new(Some(reference::<A>(schemas)));
    ResponseBuilder::new().description(what).content("application/json", content).build()
}

/// An answer that is text of some other kind, or nothing.
pub fn other_response(media_type: Option<&str>, what: &str) -> Response {
    let response = ResponseBuilder::new().description(what);
    match media_type {
        Some(media_type) => response.content(media_type, Content::new(Some(String::schema()))).build(),
        None => response.build(),
    }
}

/// The `Idempotency-Key` header.
pub fn idempotency_key() -> Parameter {
    let schema = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(64));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("1 to 64 printable ASCII characters; a repeat within 24 hours has no second effect"))
        .schema(Some(schema))
        .build()
}

fn operation(route: &Route) -> Operation {
    let mut operation = route.operation.clone();
    let in_path: Vec<_> = parameters_in(route.path).collect();
    let has_input = !in_path.is_empty() || operation.parameters.is_some() || operation.request_body.is_some();
    let mut codes = route.refusals.clone();
    codes.extend(ALWAYS);
    codes.extend(has_input.then_some(Code::InvalidArgument));
    codes.extend((!in_path.is_empty()).then_some(Code::NotFound));
    if route.class != Some(Class::Public) {
        codes.push(Code::Unauthenticated);
        operation.security = Some(vec![SecurityRequirement::new(BEARER, [] as [&str; 0])]);
    }
    if !in_path.is_empty() {
        let parameters = operation.parameters.get_or_insert_default();
        parameters.splice(0..0, in_path.into_iter().map(|name| path_parameter(name).into()));
    }
    for (status, response) in problems(&codes) {
        operation.responses.responses.entry(status.to_string()).or_insert_with(|| response.into());
    }
    operation
}

fn parameters_in(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split('}').next())
}

fn path_parameter(name: &str) -> Parameter {
    let seq = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).build();
    ParameterBuilder::new()
        .name(name.trim_start_matches('*'))
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(if matches!(name, "seq" | "part") { seq.into() } else { String::schema() }))
        .build()
}

/// One answer for each status, naming its codes.
fn problems(codes: &[Code]) -> BTreeMap<u16, Response> {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for &code in Code::ALL.iter().filter(|code| codes.contains(code)) {
        by_status.entry(code.http_status()).or_default().push(code);
    }
    let retry_after = || {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
        HeaderBuilder::new().schema(Some(seconds)).description(Some("When to come back, in seconds")).build()
    };
    let describe = |status: u16, codes: Vec<Code>| {
        let words = codes.iter().map(|&code| format!("{} (`{code}`)", title(code))).collect::<Vec<_>>().join("; ");
        let schema = Ref::from_schema_name(ProblemDocument::name());
        let mut response =
            ResponseBuilder::new().description(words).content(PROBLEM_JSON, Content::new(Some(schema))).build();
        if problem::advises_when(status) {
            response.headers.insert("Retry-After".into(), retry_after().into());
        }
        response
    };
    by_status.into_iter().map(|(status, codes)| (status, describe(status, codes))).collect()
}

fn place(item: &mut PathItem, route: &Route, operation: Operation) {
    let method = match route.method.as_str() {
        "GET" => HttpMethod::Get,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Post,
    };
    item.merge_operations(PathItem::new(method, operation));
}

fn tags(routes: &[Route]) -> Vec<utoipa::openapi::Tag> {
    let mut names: Vec<&str> = Vec::new();
    for name in routes.iter().flat_map(|route| route.operation.tags.iter().flatten()) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.into_iter().map(|name| TagBuilder::new().name(name).build()).collect()
}

fn reference<T: ToSchema>(schemas: &mut Vec<Collect>) -> RefOr<Schema> {
    schemas.push(collect::<T>);
    Ref::from_schema_name(T::name()).into()
}

fn collect<T: ToSchema>(all: &mut BTreeMap<String, RefOr<Schema>>) {
    let mut schemas = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut schemas);
    all.extend(schemas);
}
