//! The terminal client, as somebody types into it.

use std::process::Stdio;

use anser_tests::{PASSWORD, TestApp, anser_binary, soon};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

struct Terminal {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Terminal {
    fn start(url: &str) -> Self {
        let mut command = Command::new(anser_binary());
        command.args(["chat", "--server", url]).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, input, output }
    }

    async fn types(&mut self, lines: &[&str]) {
        for line in lines {
            self.input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }
    }

    async fn shows(&mut self, wanted: &str) -> String {
        soon(&format!("the terminal shows {wanted:?}"), async {
            loop {
                let line =
                    self.output.next_line().await.unwrap().unwrap_or_else(|| panic!("it ended before {wanted:?}"));
                if line.contains(wanted) {
                    return line;
                }
            }
        })
        .await
    }
}

#[tokio::test]
async fn two_people_meet_and_talk() {
    let (app, somebody) = TestApp::with_person("x").await;
    let (alice, bob) = (format!("{}-alice", somebody.username), format!("{}-bob", somebody.username));
    let mut alices = Terminal::start(app.url());
    alices.types(&["/help", &format!("/register {alice}"), PASSWORD]).await;
    alices.shows("You are").await;
    let mut bobs = Terminal::start(app.url());
    bobs.types(&[&format!("/register {bob}"), PASSWORD]).await;
    bobs.shows("You are").await;

    alices.types(&[&format!("/add {bob} hello there")]).await;
    bobs.shows("hello there").await;
    bobs.types(&[&format!("/accept {alice}"), &format!("/open {alice}")]).await;
    alices.shows("is your friend now").await;
    alices.types(&[&format!("/open {bob}"), "good morning", "//not a command"]).await;
    bobs.shows("good morning").await;
    bobs.shows("/not a command").await;
    bobs.types(&["and to you"]).await;
    alices.shows("and to you").await;

    alices.types(&[&format!("/group the two of us: {bob}"), "in the group", "/members"]).await;
    alices.shows(&format!("({bob})")).await;
    bobs.shows("[the two of us]").await;
    bobs.types(&["/list", "/open the two of us", "/history", "/nonsense", "/quit"]).await;
    bobs.shows("in the group").await;
    bobs.shows("there is no /nonsense").await;
    assert!(soon("it ends", bobs.child.wait()).await.unwrap().success());
    drop(alices.input);
    assert!(soon("it ends with its input", alices.child.wait()).await.unwrap().success());

    // Later, in a pipe.
    let mut later = Terminal::start(app.url());
    later.types(&[&format!("/login {bob}"), "a wrong password", &format!("/login {bob}"), PASSWORD, "/history"]).await;
    later.shows("unauthenticated").await;
    later.shows("You are").await;
    later.shows("no conversation is open").await;
}
