//! Each kind of request, in rounds: the server, then what it is held against, by
//! turns, so that what else the machine does falls on both.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;

use super::{
    authorize, cpu,
    load::{self, Scripts},
    options::Options,
    report::{Report, Row, median},
    requests::{self, CONNECTIONS, member},
    seed::{Amount, Seed},
    server::Server,
};

const CODE: &str = "code";
/// Families whose tokens are refreshed, in the empty store and in the full one.
const ACTIVE: u32 = 2048;
/// Requests of one connection in one round.
const READS: usize = 1000;
const SIGNATURES: usize = 300;
const COMMITS: usize = 100;

/// A process that is asked, and what it is asked.
struct Side<'s> {
    server: &'s Server,
    scripts: Scripts,
    /// Each gets a code before a round, and the round redeems them.
    browsers: &'s [Arc<str>],
}

/// One round of one side.
struct Round {
    times: Vec<Duration>,
    per_second: f64,
    cpu_micros: f64,
}

/// The servers of one run.
struct Cast {
    real: Server,
    seed: Seed,
    floor: Server,
    floor_codes: Vec<String>,
    /// Access tokens of people.
    tokens: Vec<String>,
}

/// A row of the report and its measure.
struct Pair<'s> {
    name: &'static str,
    expected: f64,
    each: usize,
    ours: Side<'s>,
    beside: Side<'s>,
}

pub(crate) async fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    const METADATA: &str = "/.well-known/oauth-authorization-server";
    const ROWS: [&str; 6] = ["metadata", "jwks", "client_credentials", CODE, "refresh", "introspection"];
    if ROWS.iter().any(|row| options.wants(row)) {
        let cast = Cast::gather(options).await?;
        let get = |path| move |_: &Cast, server: &Server| requests::same(vec![requests::get(server.address, path)]);
        cast.row("metadata", 1.5, READS, get(METADATA), options, report).await?;
        cast.row("jwks", 1.5, READS, get("/jwks"), options, report).await?;
        cast.row("client_credentials", 2.0, SIGNATURES, machine, options, report).await?;
        cast.codes(options, report).await?;
        cast.row("introspection", 2.0, SIGNATURES, introspection, options, report).await?;
        cast.row("refresh", 2.0, COMMITS, |cast, server| requests::refreshes(server.address, &cast.seed.active), options, report).await?;
    }
    full_store(options, report).await
}

fn machine(cast: &Cast, server: &Server) -> Scripts {
    requests::same(vec![requests::client_credentials(server.address, &cast.seed.secret)])
}

fn introspection(cast: &Cast, server: &Server) -> Scripts {
    requests::same(cast.tokens.iter().map(|token| requests::introspection(server.address, &cast.seed.secret, token)).collect())
}

/// Refreshing where a million grants are stored, beside a store with only those in use.
async fn full_store(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    const NAME: &str = "refresh in a full store";
    if !options.wants(NAME) {
        return Ok(());
    }
    let (full, of_full) = Server::real(Amount { grants: options.many_grants(), active: ACTIVE, browsers: 0 }).await?;
    let (empty, of_empty) = Server::real(Amount { grants: ACTIVE, active: ACTIVE, browsers: 0 }).await?;
    let ours = Side::of(&full, requests::refreshes(full.address, &of_full.active));
    let beside = Side::of(&empty, requests::refreshes(empty.address, &of_empty.active));
    let pair = Pair { name: NAME, expected: 1.1, each: COMMITS, ours, beside };
    report.add(pair.measure(options.rounds()).await?);
    Ok(())
}

impl Cast {
    async fn gather(options: &Options) -> anyhow::Result<Self> {
        let (browsers, floor_codes) =
            if options.wants(CODE) { (CONNECTIONS * COMMITS, CONNECTIONS * COMMITS * (options.rounds() + 1)) } else { (0, 0) };
        let (real, seed) = Server::real(Amount { grants: ACTIVE, active: ACTIVE, browsers: u32::try_from(browsers)? }).await?;
        let metadata = ask(&real, requests::get(real.address, "/.well-known/oauth-authorization-server")).await?;
        let jwks = ask(&real, requests::get(real.address, "/jwks")).await?;
        let (floor, floor_codes) = Server::floor(&seed, floor_codes, &[("metadata", &metadata), ("jwks", &jwks)]).await?;
        let mut cast = Self { real, seed, floor, floor_codes, tokens: Vec::new() };
        cast.take_access_tokens().await?;
        Ok(cast)
    }

    /// The families at the end become the access tokens to ask about; the floor
    /// knows them too.
    async fn take_access_tokens(&mut self) -> anyhow::Result<()> {
        const TOKENS: usize = 512;
        for active in self.seed.active.split_off(self.seed.active.len() - TOKENS) {
            let answer = ask(&self.real, requests::refresh(self.real.address, &active)?).await?;
            self.tokens.push(member(&answer, "access_token")?);
        }
        Ok(())
    }

    /// The real server's codes are fresh, as they are in life; the floor's lie ready.
    async fn codes(&self, options: &Options, report: &mut Report) -> anyhow::Result<()> {
        if options.wants(CODE) {
            let ours = Side { server: &self.real, scripts: Scripts::new(), browsers: &self.seed.browsers };
            let beside = Side::of(&self.floor, requests::codes(self.floor.address, &self.floor_codes));
            let pair = Pair { name: CODE, expected: 2.0, each: COMMITS, ours, beside };
            report.add(pair.measure(options.rounds()).await.context("measuring codes")?);
        }
        Ok(())
    }

    async fn row(
        &self,
        name: &'static str,
        expected: f64,
        each: usize,
        scripts: impl Fn(&Self, &Server) -> Scripts,
        options: &Options,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        if options.wants(name) {
            let side = |server| Side::of(server, scripts(self, server));
            let pair = Pair { name, expected, each, ours: side(&self.real), beside: side(&self.floor) };
            report.add(pair.measure(options.rounds()).await.with_context(|| format!("measuring {name}"))?);
        }
        Ok(())
    }
}

/// One request, one answer.
async fn ask(server: &Server, request: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    load::ask(server.address, &request).await
}

impl Pair<'_> {
    /// A round to warm up, then rounds that count.
    async fn measure(mut self, rounds: usize) -> anyhow::Result<Row> {
        let mut ours = Vec::new();
        let mut beside = Vec::new();
        for round in 0..=rounds {
            let (one, other) = (self.ours.play(self.each).await?, self.beside.play(self.each).await?);
            if round > 0 {
                ours.push(one);
                beside.push(other);
            }
        }
        let mut times: Vec<Duration> = ours.iter().flat_map(|round| &round.times).copied().collect();
        times.sort_unstable();
        let ratios = ours.iter().zip(&beside).map(|(one, other)| one.cpu_micros / other.cpu_micros);
        Ok(Row {
            name: self.name,
            per_second: median(ours.iter().map(|round| round.per_second)),
            p50: at(&times, 50),
            p99: at(&times, 99),
            cpu_micros: median(ours.iter().map(|round| round.cpu_micros)),
            beside_micros: median(beside.iter().map(|round| round.cpu_micros)),
            ratio: median(ratios),
            expected: self.expected,
        })
    }
}

fn at(sorted: &[Duration], percent: usize) -> Duration {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

impl<'s> Side<'s> {
    fn of(server: &'s Server, scripts: Scripts) -> Self {
        Self { server, scripts, browsers: &[] }
    }

    async fn play(&mut self, each: usize) -> anyhow::Result<Round> {
        if !self.browsers.is_empty() {
            self.scripts = requests::codes(self.server.address, &authorize::codes(self.server.address, self.browsers).await?);
        }
        let before = cpu::time_of(self.server.id())?;
        let (load, scripts) = load::play(self.server.address, std::mem::take(&mut self.scripts), each).await?;
        self.scripts = scripts;
        let cpu = cpu::time_of(self.server.id())?.saturating_sub(before);
        let requests = f64::from(u32::try_from(load.times.len())?);
        Ok(Round { per_second: requests / load.took.as_secs_f64(), cpu_micros: cpu.as_secs_f64() * 1e6 / requests, times: load.times })
    }
}
