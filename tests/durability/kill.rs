//! `kill -9` in the middle of the work, again and again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, task::JoinSet};

use crate::harness::{Answer, Client, Person, Server, Setup, Tokens, on_both_stores};

const KILLS: usize = 8;
const CONNECTIONS: usize = 6;
const CODES: usize = 4;

/// What a client remembers of one connection: the newest token it was given.
struct Connection {
    client: Client,
    newest: String,
}

/// A code that was sent, and how often it gave tokens.
struct Code {
    client: Client,
    secret: String,
    verifier: String,
    gave: Option<String>,
}

/// Counts answers and says when there are enough for the next kill.
struct Progress {
    answers: AtomicUsize,
    enough: usize,
    reached: Notify,
    stop: AtomicBool,
}

impl Progress {
    fn note(&self) {
        if self.answers.fetch_add(1, Ordering::SeqCst) + 1 == self.enough {
            self.reached.notify_one();
        }
    }
}

impl Connection {
    /// Refreshes until the server is gone.
    async fn work(mut self, progress: Arc<Progress>) -> Self {
        while !progress.stop.load(Ordering::SeqCst) {
            let Ok(answer) = self.client.try_refresh(&self.newest).await else { break };
            Tokens::of(&answer).refresh().clone_into(&mut self.newest);
            progress.note();
        }
        self
    }

    /// No acknowledged rotation is lost. Where the answer to the last one was lost, the
    /// newest known token is the parent by now, and gives what was rotated to.
    async fn check(&mut self) {
        let next = Tokens::of(&self.client.refresh(&self.newest).await).refresh().to_owned();
        assert_eq!(Tokens::of(&self.client.refresh(&self.newest).await).refresh(), next, "a second lineage");
        self.newest = next;
    }
}

impl Code {
    async fn new(client: &Client, ada: &mut Person) -> Self {
        let ask = client.ask();
        Self { client: client.clone(), secret: ada.code_for(&ask).await, verifier: ask.verifier, gave: None }
    }

    async fn redeem(mut self, progress: Arc<Progress>) -> Self {
        if let Ok(answer) = self.client.try_redeem(&self.secret, &self.verifier).await {
            self.gave = Some(Tokens::of(&answer).refresh().to_owned());
            progress.note();
        }
        self
    }

    /// What was given stands, and is given once; where the answer was lost, it may
    /// have been given or not.
    async fn check(&self) {
        if let Some(token) = &self.gave {
            Tokens::of(&self.client.refresh(token).await);
        } else {
            let answer = self.redeem_again().await;
            assert!(answer.status == 200 || answer.error().as_deref() == Some("invalid_grant"), "{}", answer.body);
        }
        self.redeem_again().await.expect_error(400, "invalid_grant");
    }

    async fn redeem_again(&self) -> Answer {
        self.client.redeem(&self.secret, &self.verifier).await
    }
}

/// One life of the server: load, and a kill after so many answers.
async fn live_and_die(server: &Server, connections: Vec<Connection>, codes: Vec<Code>, enough: usize) -> (Vec<Connection>, Vec<Code>) {
    let progress = Arc::new(Progress { answers: AtomicUsize::new(0), enough, reached: Notify::new(), stop: AtomicBool::new(false) });
    let mut refreshing = JoinSet::new();
    for connection in connections {
        refreshing.spawn(connection.work(Arc::clone(&progress)));
    }
    let mut redeeming = JoinSet::new();
    for code in codes {
        redeeming.spawn(code.redeem(Arc::clone(&progress)));
    }
    tokio::time::timeout(Duration::from_mins(1), progress.reached.notified()).await.expect("the server makes no progress");
    server.kill();
    progress.stop.store(true, Ordering::SeqCst);
    (refreshing.join_all().await, redeeming.join_all().await)
}

on_both_stores! {
    // OA-DB-01, OA-CD-11, OA-RT-21, MCP-AS-95
    async fn whenever_the_server_is_killed_nothing_acknowledged_is_lost_and_nothing_is_given_twice(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            let newest = client.connect(&mut ada).await.refresh().to_owned();
            connections.push(Connection { client: client.clone(), newest });
        }
        for round in 0..KILLS {
            // a client of its own each time: five codes may be in flight, and twenty families stand
            let fresh = server.client().await;
            let mut codes = Vec::new();
            for _ in 0..CODES {
                codes.push(Code::new(&fresh, &mut ada).await);
            }
            // at another moment each time: now among the codes, now among the refreshes
            let enough = [1, 2, 3, 5, 8, 13, 34, 89][round % 8];
            (connections, codes) = live_and_die(&server, connections, codes, enough).await;
            server.run();
            server.ready().await;
            for connection in &mut connections {
                connection.check().await;
            }
            for code in &codes {
                code.check().await;
            }
        }
        let expected = i64::try_from(CONNECTIONS).unwrap();
        assert_eq!(server.count("SELECT COUNT(*) FROM token_families WHERE revoked_at IS NULL AND generation > 0 AND client_id = \
            (SELECT client_id FROM token_families ORDER BY created_at LIMIT 1)").await, expected, "no session was lost");
    }

    // OA-DB-01: an orderly end answers what it has begun
    async fn a_server_that_is_asked_to_end_finishes_its_work(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.client().await;
        let mut tokens = client.connect(&mut server.person("ada")).await;
        for _ in 0..3 {
            let next = Tokens::of(&client.refresh(tokens.refresh()).await);
            assert!(server.terminate().success());
            server.run();
            server.ready().await;
            assert_eq!(Tokens::of(&client.refresh(tokens.refresh()).await).refresh(), next.refresh());
            tokens = next;
        }
    }
}
