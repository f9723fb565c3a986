//! What the command line changes reaches a running server within a second, also under load.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;

use crate::harness::{Answer, CALLBACK, Client, FILES, Server, Setup, Tokens, on_both_stores, until};

/// Registrations without a pause: each is a durable write.
struct Load {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicUsize>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    const WRITERS: usize = 24;

    fn begin(server: &Server) -> Self {
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let tasks = (0..Self::WRITERS).map(|_| {
            let (stop, written) = (Arc::clone(&stop), Arc::clone(&written));
            let (http, url) = (server.http().build().unwrap(), server.url("/register"));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    Answer::to(http.post(&url).json(&json!({"redirect_uris": [CALLBACK]}))).await.expect(201);
                    written.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        Self { tasks: tasks.collect(), stop, written }
    }

    fn written(&self) -> usize {
        self.written.load(Ordering::Relaxed)
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

/// How long the command took, and then how long the server took to know.
struct Reached {
    command: Duration,
    server: Duration,
}

/// Shuts a machine out, or lets it in again.
async fn switch(server: &Server, machine: &Client, arguments: &[&str], status: u16) -> Reached {
    let begun = Instant::now();
    server.cli(arguments).expect();
    let command = begun.elapsed();
    let begun = Instant::now();
    until("the change to be known", async || machine.credentials(&[("resource", FILES)]).await.status == status).await;
    Reached { command, server: begun.elapsed() }
}

/// One slow turn may be the machine's fault; most of them are not.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

on_both_stores! {
    async fn a_change_reaches_a_server_under_load_within_a_second(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let machine = Client::operator(&server, "Nightly", "", &["--machine", FILES]);
        machine.credentials(&[("resource", FILES)]).await.expect(200);
        let load = Load::begin(&server);
        until("the load to have begun", async || load.written() > 100).await;
        let mut reached = Vec::new();
        for _ in 0..5 {
            reached.push(switch(&server, &machine, &["client", "disable", "Nightly", "--yes"], 401).await);
            // Is not measured: a client that is shut out is looked up each time, and let in at once.
            switch(&server, &machine, &["client", "enable", "Nightly"], 200).await;
        }
        let written = load.written();
        load.end().await;
        let command = median(reached.iter().map(|one| one.command).collect());
        let heard = median(reached.iter().map(|one| one.server).collect());
        eprintln!("{written} registrations; the command took {command:?}, the server {heard:?}");
        assert!(command < Duration::from_secs(1), "the command took {command:?}: it was starved");
        assert!(heard < Duration::from_secs(1), "the server heard of it after {heard:?}");
    }

    // each change once, each for itself: no median hides a slow one
    async fn every_kind_of_change_reaches_a_server_under_load_in_time(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        server.add_account("bob");
        let machine = Client::operator(&server, "Nightly", "", &["--machine", FILES]);
        let client = server.client().await;
        let (mut ada, mut bob) = (server.person("ada"), server.person("bob"));
        let (hers, his) = (client.connect(&mut ada).await, client.connect(&mut bob).await);
        let kid = Tokens::of(&machine.credentials(&[("resource", FILES)]).await).header()["kid"].clone();
        let load = Load::begin(&server);
        until("the load to have begun", async || load.written() > 100).await;
        let add = ["resource", "add", "https://notes.example.com/mcp", "--scope", "notes:read=Read your notes"];
        let listed = async || server.get("/.well-known/oauth-authorization-server").await.body.contains("notes:read");
        in_time(&server, &add, listed).await;
        let rotated = async || Tokens::of(&machine.credentials(&[("resource", FILES)]).await).header()["kid"] != kid;
        in_time(&server, &["key", "rotate", "--yes"], rotated).await;
        let revoked = async || client.refresh(hers.refresh()).await.status == 400;
        in_time(&server, &["grant", "revoke", "--user", "ada", "--yes"], revoked).await;
        let disabled = async || client.refresh(his.refresh()).await.status == 400;
        in_time(&server, &["user", "disable", "bob", "--yes"], disabled).await;
        load.end().await;
    }
}

/// Much more than it takes, on a machine with other things to do.
const DEADLINE: Duration = Duration::from_secs(5);

/// Runs the command and waits until the server knows.
async fn in_time(server: &Server, arguments: &[&str], is_known: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    server.cli(arguments).expect();
    let command = begun.elapsed();
    let begun = Instant::now();
    until("the change to be known", is_known).await;
    let heard = begun.elapsed();
    eprintln!("{arguments:?}: the command took {command:?}, the server {heard:?}");
    assert!(command < DEADLINE && heard < DEADLINE, "{arguments:?}: the command took {command:?}, the server {heard:?}");
}
