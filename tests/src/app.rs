//! A server of one's own, or the one that was named.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Mutex,
};

use anser_client::Client;
use tempfile::TempDir;

use crate::{
    Person,
    process::{AdminCommand, Process, Said},
    until,
};

/// Which server the suite starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One process, every service an object.
    Objects,
    /// One process, every service called over the network adapters.
    Remote,
    /// A gateway process and a store process.
    Split,
    /// Somebody else's server.
    Elsewhere,
}

impl Mode {
    /// What the environment says.
    pub fn from_environment() -> Self {
        if std::env::var_os("ANSER_TEST_SERVER").is_some() {
            return Mode::Elsewhere;
        }
        match std::env::var("ANSER_TEST_MODE").as_deref() {
            Err(_) | Ok("objects") => Mode::Objects,
            Ok("remote") => Mode::Remote,
            Ok("split") => Mode::Split,
            Ok(other) => panic!("ANSER_TEST_MODE={other} is none of objects, remote, split"),
        }
    }
}

/// Tests come from one address and make many people in a moment.
const RELAXED: &[&str] = &[
    "auth.hash_memory_kib=64",
    "auth.hash_passes=1",
    "gateway.handshakes_per_second=100000",
    // The first phone number waits for the table of all of them, which takes long where nothing is optimised.
    "gateway.request_timeout_ms=20000",
    "limits.friend_requests_per_day=10000",
    "limits.logins_per_minute_per_ip=100000",
    "limits.logins_per_minute_per_name=100000",
    "limits.registrations_per_minute_per_ip=100000",
    "limits.public_per_second=0",
    "limits.reads_per_second=0",
    "limits.send_burst=100000",
    "limits.sends_per_second=100000",
    "limits.searches_per_second=0",
    "limits.sessions_per_second=0",
    "limits.speech_per_second=0",
    "limits.writes_per_second=0",
    "log.level=warn",
    "sms.codes_per_day=0",
    "sms.codes_per_minute_per_ip=0",
    "sms.codes_per_minute_per_range=0",
    "sms.cooldown_s=0",
    "sms.lookups_per_minute=0",
];

/// A server, alone on its data.
pub struct TestApp {
    mode: Mode,
    /// Where clients find it; stays the same over restarts.
    url: String,
    settings: Vec<String>,
    folder: TempDir,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    // Dropped in this order: a gateway that outlives its store has things to say about it.
    gateway: Option<Process>,
    more: Vec<Process>,
    store: Option<Process>,
    /// Where the store process listens; stays the same over restarts.
    store_listen: String,
}

impl TestApp {
    /// A server with limits that tests do not meet.
    pub async fn start() -> Self {
        Self::boot(Mode::from_environment(), &[]).await
    }

    /// A server with these settings on top; `None`, with a word about it, where the suite has to take one as it is.
    pub async fn start_with(settings: &[&str]) -> Option<Self> {
        Self::own(settings).await
    }

    /// A server whose processes the test may kill; `None`, with a word about it, where there is none.
    pub async fn start_own() -> Option<Self> {
        Self::own(&[]).await
    }

    /// A gateway process and a store process, whatever the mode; `None` where the suite may not start any.
    pub async fn start_split(settings: &[&str]) -> Option<Self> {
        Self::own_in(|_| Mode::Split, settings).await
    }

    async fn own(settings: &[&str]) -> Option<Self> {
        Self::own_in(|mode| mode, settings).await
    }

    async fn own_in(choose: impl FnOnce(Mode) -> Mode, settings: &[&str]) -> Option<Self> {
        match Mode::from_environment() {
            Mode::Elsewhere => {
                eprintln!("skipped: needs a server of its own, and ANSER_TEST_SERVER names another");
                None
            }
            mode => Some(Self::boot(choose(mode), settings).await),
        }
    }

    async fn boot(mode: Mode, settings: &[&str]) -> Self {
        let mut app = Self {
            mode,
            url: std::env::var("ANSER_TEST_SERVER").unwrap_or_default().trim_end_matches('/').to_owned(),
            settings: RELAXED.iter().chain(settings).map(|&set| set.to_owned()).collect(),
            folder: tempfile::Builder::new().prefix("anser-test-").tempdir().unwrap(),
            running: Mutex::default(),
        };
        if mode != Mode::Elsewhere {
            app.running.get_mut().unwrap().store_listen = free_address();
            app.url = format!("http://{}", free_address());
            app.launch_store();
            app.launch_gateway();
        }
        until_ready(&app.anonymous()).await;
        app
    }

    /// Which server this is.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Where clients find it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The data of the process that owns the store.
    pub fn store_dir(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// The data directory of the gateway process.
    pub fn gateway_dir(&self) -> PathBuf {
        self.folder.path().join("gateway")
    }

    /// A folder that is removed with the server.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A client that nobody is logged in with.
    pub fn anonymous(&self) -> Client {
        Client::new(&self.url).unwrap()
    }

    /// Makes somebody and logs them in.
    pub async fn person(&self, name: &str) -> Person {
        Person::arrive(self, name).await
    }

    /// Makes two people who are friends.
    pub async fn friends(&self, one: &str, other: &str) -> (Person, Person) {
        let (one, other) = (self.person(one).await, self.person(other).await);
        one.befriends(&other).await;
        (one, other)
    }

    /// Starts a server on which somebody is logged in.
    pub async fn with_person(name: &str) -> (Self, Person) {
        let app = Self::start().await;
        let person = app.person(name).await;
        (app, person)
    }

    /// Starts a server on which two people are friends.
    pub async fn with_friends(one: &str, other: &str) -> (Self, Person, Person) {
        let app = Self::start().await;
        let (one, other) = app.friends(one, other).await;
        (app, one, other)
    }

    /// Runs `anser admin` on the store's data, with `input` on its standard input, whether a server runs or not.
    pub fn admin(&self, arguments: &[&str], input: &str) -> Said {
        self.admin_command(arguments).run(input)
    }

    /// The same, not started yet.
    pub fn admin_command(&self, arguments: &[&str]) -> AdminCommand {
        self.admin_at(&self.store_dir(), arguments)
    }

    /// The same on another data directory.
    pub fn admin_at(&self, data_dir: &Path, arguments: &[&str]) -> AdminCommand {
        let mut all: Vec<String> = vec!["admin".into(), "--data-dir".into(), data_dir.display().to_string()];
        all.extend(self.settings.iter().flat_map(|set| ["--set".into(), set.clone()]));
        all.extend(arguments.iter().map(|&argument| argument.to_owned()));
        AdminCommand::new(all)
    }

    /// Kills everything as a crash does.
    pub fn crash(&self) {
        let mut running = self.running.lock().unwrap();
        [running.gateway.take(), running.store.take()].into_iter().flatten().for_each(Process::kill);
    }

    /// Starts again, on the same data, at the same address.
    pub async fn start_again(&self) {
        self.launch_store();
        self.launch_gateway();
        until_ready(&self.anonymous()).await;
    }

    /// The process that owns the store, and the others, as the system numbers them.
    pub fn process_ids(&self) -> Vec<u32> {
        let running = self.running.lock().unwrap();
        [&running.store, &running.gateway].into_iter().flatten().map(Process::id).collect()
    }

    /// Kills the process that owns the store, where the gateway is another one.
    pub fn crash_store(&self) {
        assert_eq!(self.mode, Mode::Split);
        self.running.lock().unwrap().store.take().unwrap().kill();
    }

    /// Starts the process that owns the store again.
    pub fn start_store_again(&self) {
        self.launch_store();
    }

    /// Tells the process that clients talk to that it should end.
    pub fn terminate_gateway(&self) {
        self.running.lock().unwrap().gateway.as_ref().unwrap().terminate();
    }

    /// Waits until the process that clients talk to has ended, and answers its exit code.
    pub async fn gateway_exit_code(&self) -> Option<i32> {
        let mut exit = None;
        until("the process ends", || {
            exit = self.running.lock().unwrap().gateway.as_mut().unwrap().ended();
            std::future::ready(exit.is_some())
        })
        .await;
        exit.and_then(|status| status.code())
    }

    /// Starts one more gateway process on the same store; answers where it listens.
    pub async fn another_gateway(&self) -> String {
        assert_eq!(self.mode, Mode::Split);
        let mut arguments = self.gateway_arguments(&self.folder.path().join("another-gateway"));
        arguments.extend(["--listen".into(), "127.0.0.1:0".into()]);
        let process = Process::start(&arguments);
        let url = process.url.clone();
        self.running.lock().unwrap().more.push(process);
        until_ready(&Client::new(&url).unwrap()).await;
        url
    }

    fn launch_store(&self) {
        if self.mode != Mode::Split {
            return;
        }
        let mut running = self.running.lock().unwrap();
        let listen = format!("peers.listen={}", running.store_listen);
        let mut arguments = self.arguments(&self.store_dir(), &[&listen]);
        arguments.extend(["--roles".into(), "auth,user,contact,messaging,file,search,speech".into()]);
        running.store = Some(Process::start(&arguments));
    }

    fn launch_gateway(&self) {
        let mut arguments = match self.mode {
            Mode::Objects => self.arguments(&self.store_dir(), &[]),
            Mode::Remote => self.arguments(&self.store_dir(), &["peers.loopback=true"]),
            Mode::Split => self.gateway_arguments(&self.gateway_dir()),
            Mode::Elsewhere => unreachable!("nothing is started elsewhere"),
        };
        arguments.extend(["--listen".into(), self.url.trim_start_matches("http://").to_owned()]);
        let process = Process::start(&arguments);
        assert_eq!(process.url, self.url, "the server announces where it listens");
        self.running.lock().unwrap().gateway = Some(process);
    }

    fn gateway_arguments(&self, data_dir: &Path) -> Vec<String> {
        let store = format!("peers.store=http://{}", self.running.lock().unwrap().store_listen);
        let secret = format!("peers.secret_file={}", self.store_dir().join("peer.secret").display());
        let mut arguments = self.arguments(data_dir, &[&store, &secret]);
        arguments.extend(["--roles".into(), "gateway".into()]);
        arguments
    }

    fn arguments(&self, data_dir: &Path, settings: &[&str]) -> Vec<String> {
        let mut arguments = vec!["serve".to_owned(), "--data-dir".into(), data_dir.display().to_string()];
        for set in self.settings.iter().map(String::as_str).chain(settings.iter().copied()) {
            arguments.extend(["--set".into(), set.to_owned()]);
        }
        arguments
    }
}

/// An address that was free a moment ago.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

async fn until_ready(probe: &Client) {
    until("the server is ready", || async {
        let answer = probe.call(reqwest::Method::GET, "/readyz", None, &[]).await;
        answer.is_ok_and(|answer| answer.status == 200)
    })
    .await;
}
