//! Compiles `proto/` in pure Rust (no `protoc`): messages with their JSON form, one plain async trait per service, and
//! two adapters for each: serve an implementation over gRPC, call a remote one as that trait.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use prost_build::{Service, ServiceGenerator};
use prost_types::{
    FileDescriptorSet, field_descriptor_proto::Label, field_descriptor_proto::Type, method_options::IdempotencyLevel,
};

/// What is seldom there, or seldom said. Each message and each frame is as large as the largest thing it could hold, and is
/// moved about in memory several times on its way: so these stand in boxes.
const RARE: &[&str] = &[
    ".anser.v1.Content.kind.image",
    ".anser.v1.Content.kind.file",
    ".anser.v1.Content.kind.voice",
    ".anser.v1.Content.kind.location",
    ".anser.v1.Content.kind.card",
    ".anser.v1.Content.mentions",
    ".anser.v1.Content.forwarded",
    ".anser.v1.Content.expiring",
    ".anser.v1.Event.event.friend_request",
    ".anser.v1.Event.event.friend_added",
    ".anser.v1.Event.event.invitation",
    ".anser.v1.Event.event.settings",
    ".anser.v1.Event.event.join_request",
    ".anser.v1.Event.event.friend_changed",
    ".anser.v1.Event.event.block_added",
    ".anser.v1.Event.event.profile_updated",
    ".anser.v1.Event.event.me_updated",
    ".anser.v1.Event.target",
    ".anser.v1.Hint.invitation",
    ".anser.v1.Hint.delivered",
    ".anser.v1.Hint.typing",
    ".anser.v1.Outcome.error",
    ".anser.v1.Reply.outcome.sync_me",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let files = [
        "model",
        "gateway",
        "user",
        "auth",
        "contact",
        "messaging",
        "journal",
        "file",
        "search",
        "speech",
        "events",
        "admin",
    ];
    let descriptors = protox::compile(files.map(|name| format!("anser/v1/{name}.proto")), [&root])?;

    let mut config = prost_build::Config::new();
    describe_json(&mut config, &descriptors);
    // Bundles stand in bundles; the API document names the schema instead of unfolding it for ever.
    config.field_attribute(".anser.v1.BundleItem.content", "#[schema(no_recursion)]");
    for rare in RARE {
        config.boxed(rare);
    }
    let services = Adapters { tonic: tonic_prost_build::configure().service_generator() };
    config.service_generator(Box::new(services));
    config.compile_fds(descriptors)?;
    flatten_oneofs()?;
    compile_chatroom(&root)
}

/// The chat-room clients' messages: no JSON and no services. Media are large, so their bytes are shared and not copied.
fn compile_chatroom(root: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let descriptors = protox::compile(["chatroom/chatroom.proto"], [root])?;
    prost_build::Config::new().bytes(["."]).btree_map(["."]).compile_fds(descriptors)?;
    Ok(())
}

/// In JSON a oneof is not an object of its own. prost would put a field attribute on the variants too, so the generated
/// text gets it where the field is: `#[prost(oneof = …)]`, on one line or, where it names many variants, on several.
fn flatten_oneofs() -> std::io::Result<()> {
    let path = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets OUT_DIR")).join("anser.v1.rs");
    let text = std::fs::read_to_string(&path)?;
    let mut parts = text.split("#[prost(");
    let mut flattened = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let flat = if part.trim_start().starts_with("oneof = ") { "#[serde(flatten)]\n" } else { "" };
        let _ = write!(flattened, "{flat}#[prost({part}");
    }
    std::fs::write(path, flattened)
}

/// Attributes that give each message the JSON form of the API: snake_case, ids as base32, enums as words.
fn describe_json(config: &mut prost_build::Config, descriptors: &FileDescriptorSet) {
    config
        .message_attribute(".", "#[derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema)] #[serde(default)]");
    for file in &descriptors.file {
        let package = file.package();
        for message in &file.message_type {
            let path = format!(".{package}.{}", message.name());
            for field in &message.field {
                let field_path = format!("{path}.{}", field.name());
                if field.oneof_index.is_some() && !field.proto3_optional() {
                    continue;
                }
                if let Some(attribute) = field_attribute(field) {
                    config.field_attribute(&field_path, attribute);
                }
            }
            for oneof in message.oneof_decl.iter().filter(|oneof| !oneof.name().starts_with('_')) {
                let oneof_path = format!("{path}.{}", oneof.name());
                config.enum_attribute(&oneof_path, "#[derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema)] #[serde(rename_all = \"snake_case\")]");
                // Two messages may each have a `kind`; in the API document every schema has a name of its own.
                let schema = format!("{}_{}", message.name(), oneof.name());
                config.enum_attribute(&oneof_path, format!("#[schema(as = {schema})]"));
            }
        }
    }
    let mut words = String::new();
    for file in &descriptors.file {
        for enumeration in &file.enum_type {
            let name = enumeration.name();
            let prefix = enumeration.value[0].name().trim_end_matches("UNSPECIFIED");
            let variants = enumeration.value.iter().map(|value| value.name().trim_start_matches(prefix).to_lowercase());
            let variants = variants.map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ");
            let _ = writeln!(
                words,
                "impl crate::json::Word for {name} {{ const WORDS: &'static [&'static str] = &[{variants}]; }}\n\
                 impl utoipa::PartialSchema for {name} {{ fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {{ crate::json::schema::<Self>() }} }}\n\
                 impl utoipa::ToSchema for {name} {{}}"
            );
        }
    }
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets OUT_DIR"));
    std::fs::write(out.join("words.rs"), words).expect("OUT_DIR is writable");
}

fn field_attribute(field: &prost_types::FieldDescriptorProto) -> Option<String> {
    let repeated = field.label() == Label::Repeated;
    match field.r#type() {
        Type::Bytes if repeated => Some("#[serde(with = \"crate::json::ids\")] #[schema(value_type = Vec<String>)]".into()),
        Type::Bytes => Some(
            "#[serde(with = \"crate::json::id\", skip_serializing_if = \"Vec::is_empty\")] #[schema(value_type = String)]"
                .into(),
        ),
        Type::Message if !repeated => Some("#[serde(skip_serializing_if = \"Option::is_none\")]".into()),
        Type::Enum => {
            let name = field.type_name().rsplit('.').next().expect("a type has a name");
            Some(format!(
                "#[serde(serialize_with = \"crate::json::word::serialize::<{name}, _>\", deserialize_with = \"crate::json::word::deserialize::<{name}, _>\")] #[schema(value_type = {name})]"
            ))
        }
        _ if field.proto3_optional() => Some("#[serde(skip_serializing_if = \"Option::is_none\")]".into()),
        _ => None,
    }
}

/// Tonic's own client and server, and over them the plain trait with its two adapters.
struct Adapters {
    tonic: Box<dyn ServiceGenerator>,
}

impl ServiceGenerator for Adapters {
    fn generate(&mut self, service: Service, buffer: &mut String) {
        write_trait(&service, buffer);
        write_server_adapter(&service, buffer);
        write_client_adapter(&service, buffer);
        self.tonic.generate(service, buffer);
    }

    fn finalize(&mut self, buffer: &mut String) {
        self.tonic.finalize(buffer);
    }

    fn finalize_package(&mut self, package: &str, buffer: &mut String) {
        self.tonic.finalize_package(package, buffer);
    }
}

fn docs(lines: &[String]) -> String {
    lines.iter().map(|line| format!("/// {}\n", line.trim())).collect()
}

fn signature(method: &prost_build::Method) -> String {
    let wrap =
        |streaming: bool, name: &str| if streaming { format!("crate::Streaming<{name}>") } else { name.to_owned() };
    format!(
        "async fn {}(&self, ctx: &crate::Context, request: {}) -> anser_types::Result<{}>",
        method.name,
        wrap(method.client_streaming, &method.input_type),
        wrap(method.server_streaming, &method.output_type)
    )
}

fn write_trait(service: &Service, out: &mut String) {
    let _ = writeln!(
        out,
        "{}#[async_trait::async_trait]\npub trait {}: Send + Sync + 'static {{",
        docs(&service.comments.leading),
        service.name
    );
    for method in &service.methods {
        let _ = writeln!(out, "{}{};", docs(&method.comments.leading), signature(method));
    }
    let _ = writeln!(out, "}}\n");
}

fn write_server_adapter(service: &Service, out: &mut String) {
    let name = &service.name;
    let module = format!("{}_server", snake(name));
    let _ = writeln!(
        out,
        "/// Serves any implementation of [`{name}`] over gRPC to callers that know the shared secret.\n\
         pub struct Serve{name} {{ inner: std::sync::Arc<dyn {name}>, secret: crate::PeerSecret }}\n\
         impl Serve{name} {{\n\
         /// The gRPC service to mount.\n\
         pub fn new(inner: std::sync::Arc<dyn {name}>, secret: crate::PeerSecret) -> {module}::{name}Server<Self> {{\n\
         {module}::{name}Server::new(Self {{ inner, secret }}).max_decoding_message_size(crate::MAX_MESSAGE_BYTES).max_encoding_message_size(crate::MAX_MESSAGE_BYTES) }}\n}}\n\
         #[async_trait::async_trait]\nimpl {module}::{name} for Serve{name} {{"
    );
    for method in &service.methods {
        let (m, input, output) = (&method.name, &method.input_type, &method.output_type);
        let input_type = if method.client_streaming { format!("tonic::Streaming<{input}>") } else { input.clone() };
        let output_type =
            if method.server_streaming { format!("Self::{}Stream", method.proto_name) } else { output.clone() };
        if method.server_streaming {
            let _ = writeln!(out, "type {}Stream = crate::remote::StatusStream<{output}>;", method.proto_name);
        }
        let convert_in = if method.client_streaming {
            "crate::remote::incoming(request.into_inner())"
        } else {
            "request.into_inner()"
        };
        let convert_out = if method.server_streaming { ".map(crate::remote::outgoing)" } else { "" };
        let _ = writeln!(
            out,
            "async fn {m}(&self, request: tonic::Request<{input_type}>) -> Result<tonic::Response<{output_type}>, tonic::Status> {{\n\
             let ctx = crate::remote::accept(&request, &self.secret)?;\n\
             let request = {convert_in};\n\
             crate::remote::serve(&ctx, self.inner.{m}(&ctx, request)).await{convert_out}.map(tonic::Response::new).map_err(crate::remote::to_status) }}"
        );
    }
    let _ = writeln!(out, "}}\n");
}

fn write_client_adapter(service: &Service, out: &mut String) {
    let name = &service.name;
    let module = format!("{}_client", snake(name));
    let _ = writeln!(
        out,
        "/// Calls a remote [`{name}`] over gRPC; to its caller it is that trait.\n\
         #[derive(Clone)]\npub struct Remote{name} {{ peer: crate::Peer }}\n\
         impl Remote{name} {{\n\
         /// The service as served at `peer`.\n\
         pub fn new(peer: crate::Peer) -> Self {{ Self {{ peer }} }}\n\
         fn client(&self) -> {module}::{name}Client<tonic::transport::Channel> {{\n\
         {module}::{name}Client::new(self.peer.channel()).max_decoding_message_size(crate::MAX_MESSAGE_BYTES).max_encoding_message_size(crate::MAX_MESSAGE_BYTES) }}\n}}\n\
         #[async_trait::async_trait]\nimpl {name} for Remote{name} {{"
    );
    for method in &service.methods {
        let m = &method.name;
        let _ = writeln!(out, "{} {{", signature(method));
        let level = method.options.idempotency_level.and_then(|level| IdempotencyLevel::try_from(level).ok());
        let idempotent = matches!(level, Some(IdempotencyLevel::NoSideEffects | IdempotencyLevel::Idempotent));
        let body = match (method.client_streaming, method.server_streaming) {
            (true, _) => format!(
                "let request = self.peer.stream(ctx, crate::remote::flatten(request)); self.client().{m}(request).await\
                 .map(|reply| crate::remote::incoming(reply.into_inner())).map_err(crate::remote::from_status)"
            ),
            (false, true) => format!(
                "let request = self.peer.stream(ctx, request); self.client().{m}(request).await\
                 .map(|reply| crate::remote::incoming(reply.into_inner())).map_err(crate::remote::from_status)"
            ),
            (false, false) => format!(
                "self.peer.call(ctx, {idempotent}, request, |request| {{ let mut client = self.client(); \
                 async move {{ client.{m}(request).await }} }}).await"
            ),
        };
        let _ = writeln!(out, "{body} }}");
    }
    let _ = writeln!(out, "}}\n");
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for (index, character) in name.chars().enumerate() {
        if character.is_uppercase() && index > 0 {
            out.push('_');
        }
        out.extend(character.to_lowercase());
    }
    out
}
