//! The start and the end of the process, seen from outside.

mod support;

use std::{fs, io::Read, os::unix::fs::PermissionsExt, path::Path};

use support::{Running, anser, eventually, text};

const ANYWHERE: [&str; 2] = ["--listen", "127.0.0.1:0"];

fn serve(data: &Path, more: &[&str]) -> Running {
    let data = data.to_str().expect("a plain path");
    Running::start(&[&ANYWHERE, &["--data-dir", data][..], more].concat())
}

fn refused(data: &Path, more: &[&str]) -> String {
    let anywhere = if more.contains(&"--listen") { &[][..] } else { &ANYWHERE };
    let mut command = anser();
    command.arg("serve").args(anywhere).arg("--data-dir").arg(data).args(more);
    match Running::try_start(&mut command) {
        Ok(_) => panic!("it started"),
        Err(error) => error,
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[test]
fn a_first_start_makes_everything_for_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = serve(&data, &[]);
    let ready = server.get("/readyz").unwrap();
    assert!(ready.contains("\"ready\":true"), "{ready}");
    assert_eq!(mode(&data), 0o700);
    for entry in fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        let owners = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), owners, "{}", path.display());
    }
    for name in ["anser.db", "secrets", "token-signing-key", "peer.secret"] {
        assert!(data.join(name).exists(), "{name}");
    }
}

#[test]
fn secrets_survive_a_restart_and_differ_between_installations() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let secrets = |dir: &Path| {
        let server = serve(dir, &[]);
        server.signal("TERM");
        assert_eq!(server.wait().0.code(), Some(0));
        fs::read(dir.join("peer.secret")).unwrap()
    };
    let first = secrets(one.path());
    assert_eq!(first, secrets(one.path()));
    assert_ne!(first, secrets(two.path()));
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let first = serve(dir.path(), &[]);
    let error = refused(dir.path(), &[]);
    assert!(error.starts_with("anser: the data directory"), "{error}");
    assert!(error.contains("is in use by another server"), "{error}");
    assert!(error.contains(dir.path().to_str().unwrap()), "{error}");
    assert!(first.get("/healthz").is_some(), "the first one does not mind");
}

#[test]
fn a_killed_server_leaves_no_lock_behind() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]);
    server.signal("KILL");
    let _killed = server.wait();
    serve(dir.path(), &[]);
}

#[test]
fn a_taken_port_is_told_before_anything_is_made() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = serve(one.path(), &[]);
    let fresh = two.path().join("data");
    let error = refused(&fresh, &["--listen", first.url.strip_prefix("http://").unwrap()]);
    assert!(error.contains("cannot listen on"), "{error}");
    assert!(!fresh.exists());
}

#[test]
fn a_signal_ends_it_in_order() {
    for name in ["TERM", "INT"] {
        let dir = tempfile::tempdir().unwrap();
        let server = serve(dir.path(), &[]);
        server.signal(name);
        let (status, log) = server.wait();
        assert_eq!(status.code(), Some(0), "{log}");
        // That codes are sent to nobody is told at every start of a server for development.
        let mut told = log.lines().filter(|line| !line.contains("(sms.provider)"));
        assert!(told.all(|line| !line.contains("WARN") && !line.contains("ERROR")), "{log}");
        assert!(!dir.path().join("anser.db-wal").exists(), "the log was folded into the database");
    }
}

#[test]
fn a_second_signal_ends_it_now() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &["--set", "server.drain_ms=60000"]);
    // A request whose head never ends keeps the drain waiting.
    let address = server.url.strip_prefix("http://").unwrap();
    let mut open = std::net::TcpStream::connect(address).unwrap();
    std::io::Write::write_all(&mut open, b"POST /v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")
        .unwrap();
    eventually("the request has begun", || server.get("/healthz").is_some());
    server.signal("TERM");
    eventually("it takes no more connections", || server.get("/healthz").is_none());
    server.signal("TERM");
    assert_eq!(server.wait().0.code(), Some(143));
}

#[test]
fn the_drain_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &["--set", "server.drain_ms=200"]);
    let address = server.url.strip_prefix("http://").unwrap();
    let mut open = std::net::TcpStream::connect(address).unwrap();
    std::io::Write::write_all(&mut open, b"POST /v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")
        .unwrap();
    eventually("the request has begun", || server.get("/healthz").is_some());
    server.signal("TERM");
    assert_eq!(server.wait().0.code(), Some(0));
}

#[test]
fn less_durability_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &["--set", "store.durability=normal"]);
    let ready = server.get("/readyz").unwrap();
    assert!(ready.contains("durability"), "{ready}");
    server.signal("TERM");
    assert!(server.wait().1.contains("DEGRADED"));
}

#[test]
fn json_logs_are_one_object_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &["--set", "log.format=json"]);
    server.signal("TERM");
    let (_, log) = server.wait();
    assert!(!log.is_empty());
    for line in log.lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(object["level"].is_string() && object["message"].is_string(), "{line}");
    }
}

#[test]
fn metrics_are_rendered_with_their_documented_help() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]);
    let metrics = server.get("/metrics").unwrap();
    assert!(metrics.contains("# HELP anser_build_info Always 1"), "{metrics}");
    assert!(metrics.contains("anser_uptime_seconds"), "{metrics}");
}

#[test]
fn the_gateway_alone_touches_no_data() {
    let dir = tempfile::tempdir().unwrap();
    let (data, empty) = (dir.path().join("store"), dir.path().join("gateway"));
    let roles = ["--roles", "auth,user,contact,messaging,file,search,speech", "--set", "peers.listen=127.0.0.1:0"];
    let store = serve(&data, &roles);
    let secret = format!("peers.secret_file={}", data.join("peer.secret").display());
    let peer = format!("peers.store={}", store.url);
    let gateway = serve(&empty, &["--roles", "gateway", "--set", &peer, "--set", &secret]);
    eventually("the gateway is ready", || {
        gateway.get("/readyz").is_some_and(|ready| ready.contains("\"degraded\":[]"))
    });
    assert!(!empty.exists());
    let files = fs::read_dir(format!("/proc/{}/fd", gateway.pid())).unwrap();
    for file in files.filter_map(|file| fs::read_link(file.unwrap().path()).ok()) {
        assert!(!file.to_string_lossy().contains("anser.db"), "{}", file.display());
    }

    drop(store);
    eventually("the gateway says that the store is away", || {
        gateway.get("/readyz").is_some_and(|ready| ready.contains("\"store\""))
    });
    gateway.signal("TERM");
    assert_eq!(gateway.wait().0.code(), Some(0));
}

#[test]
fn the_process_with_the_store_answers_probes() {
    let dir = tempfile::tempdir().unwrap();
    let roles = ["--roles", "auth,user,contact,messaging,file,search,speech", "--set", "peers.listen=127.0.0.1:0"];
    let port = free_port();
    let probes = format!("telemetry.probes_listen=127.0.0.1:{port}");
    let mut store = serve(dir.path(), &[&roles[..], &["--set", &probes]].concat());
    store.url = format!("http://127.0.0.1:{port}");
    eventually("it is ready", || store.get("/readyz").is_some_and(|ready| ready.contains("\"ready\":true")));
    assert!(store.get("/metrics").unwrap().contains("anser_store_commits_total"));
    store.signal("TERM");
    assert_eq!(store.wait().0.code(), Some(0));
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

#[test]
fn the_gateway_alone_needs_the_secret() {
    let dir = tempfile::tempdir().unwrap();
    let error = refused(
        dir.path(),
        &[
            "--roles",
            "gateway",
            "--set",
            "peers.store=http://127.0.0.1:1",
            "--set",
            "peers.secret_file=/does/not/exist",
        ],
    );
    assert!(error.contains("/does/not/exist"), "{error}");
}

#[test]
fn traces_are_sent_to_the_collector_before_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let collector = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("telemetry.otlp_endpoint=http://{}", collector.local_addr().unwrap());
    let server = serve(dir.path(), &["--set", &endpoint]);
    assert!(server.get("/readyz").is_some());
    server.signal("TERM");
    let (mut connection, _) = collector.accept().unwrap();
    let mut preface = [0; 14];
    connection.read_exact(&mut preface).unwrap();
    assert_eq!(&preface, b"PRI * HTTP/2.0");
    drop((connection, collector));
    assert_eq!(server.wait().0.code(), Some(0), "a collector that is away does not matter");
}

/// The aim is 40 MB for a release; this build carries more code.
#[test]
fn an_idle_server_is_small() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]);
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let field = |name: &str| -> u64 {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    assert!(field("RssAnon:") < 16 * 1024, "its own memory: {} KiB", field("RssAnon:"));
    assert!(field("VmRSS:") < 96 * 1024, "all of it: {} KiB", field("VmRSS:"));
}

#[test]
fn secrets_never_reach_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &["--set", "log.level=trace"]);
    assert!(server.get("/readyz").is_some());
    let secrets = fs::read_to_string(dir.path().join("secrets")).unwrap();
    server.signal("TERM");
    let (_, log) = server.wait();
    for secret in secrets.lines().filter_map(|line| line.split_once(' ')) {
        assert!(!log.contains(secret.1), "{} is in the log", secret.0);
    }
}

#[test]
fn a_mistake_in_the_configuration_is_exit_code_2() {
    let output = support::say(&["serve", "--set", "server.listne=1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("did you mean \"server.listen\"?"));
}
