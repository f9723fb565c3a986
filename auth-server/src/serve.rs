//! Running the server, from an empty folder to its last answer.

use std::{
    fs::{self, DirBuilder},
    io::Write as _,
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use axum_server::Handle;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use chrono::TimeDelta;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{self, App},
    clock::Clock,
    config::{Config, MasterKeySource},
    entropy,
    events::{Event, Step},
    http::listener,
    jobs,
    keys::{MasterKey, hmac},
    oauth::front::Front,
    protocol::vocabulary::{SetupLink, Token},
    router::router,
    secret::Secret,
};

/// How long the link that makes the first account can be used.
const SETUP_LINK_LIFETIME: TimeDelta = TimeDelta::minutes(30);

/// How long the database is waited for at the end.
const GOODBYE: Duration = Duration::from_secs(5);

/// What is served beside the server itself.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Where the sample MCP server listens, if it is wanted.
    pub sample: Option<SocketAddr>,
}

/// A server that is about to accept its first request.
#[derive(Debug)]
pub struct Started {
    /// The server.
    pub app: App,
    /// Whether its master key was made just now.
    pub is_first: bool,
    /// How many accounts there are.
    pub accounts: i64,
    /// The resources it protects: name and address.
    pub resources: Vec<(String, String)>,
    /// The keys that sign: algorithm and `kid`.
    pub signing: Vec<(String, String)>,
    /// The link that makes the first account, while there is none.
    pub setup_link: Option<Secret<String>>,
    /// The address of the sample MCP server.
    pub sample: Option<String>,
    /// The user's home folder, by which paths are shortened.
    pub home: Option<PathBuf>,
}

impl Started {
    /// Leaves the link in a file that only its owner reads, for servers without a terminal.
    pub fn leave_setup_link(&self) -> anyhow::Result<Option<PathBuf>> {
        let Some(link) = &self.setup_link else { return Ok(None) };
        let file = setup_link_file(&self.app.config);
        remove_setup_link(&self.app.config)?;
        let mut open = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&file)
            .with_context(|| format!("writing the set-up link to {}", file.display()))?;
        writeln!(open, "{}", link.expose())?;
        Ok(Some(file))
    }
}

fn setup_link_file(config: &Config) -> PathBuf {
    config.data_dir.join("setup-link")
}

/// Removes the file with the link, once it has no use any more.
pub fn remove_setup_link(config: &Config) -> anyhow::Result<()> {
    match fs::remove_file(setup_link_file(config)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).context("removing the used set-up link"),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The folder of the database and the master key, readable by its owner only.
pub fn make_data_dir(config: &Config) -> anyhow::Result<()> {
    let folder = &config.data_dir;
    DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(|| format!("making the data folder {}", folder.display()))
}

/// The key that seals, and whether it was made just now.
pub fn master_key(config: &Config) -> anyhow::Result<(MasterKey, bool)> {
    match &config.master_key {
        MasterKeySource::File(file) => MasterKey::load_or_create(file),
        MasterKeySource::Value(key) => Ok((MasterKey::new(*key.expose()), false)),
    }
}

/// Serves until the process is told to end. `greet` runs once, when the
/// port is open and connections queue.
pub async fn run(config: Config, options: Options, greet: impl FnOnce(&Started) -> anyhow::Result<()>) -> anyhow::Result<()> {
    // Every TLS connection of this process goes through one provider; a second call finds it there.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    make_data_dir(&config)?;
    let (master_key, is_first) = master_key(&config)?;
    let socket = listener::bind(config.listen)?;
    let tls = config.tls.as_ref().map(|tls| listener::tls(&tls.certificate, &tls.key)).transpose()?;
    let app = App::open(config, Clock::system(), master_key).await?;
    let stop = CancellationToken::new();
    let sample = sample(&app, options, &stop).await?;
    let started = started(&app, is_first, sample).await?;
    jobs::start(&app, &stop);

    let handle = Handle::new();
    // Before anybody can know that there is something to stop: none is lost.
    let mut signals = Signals::listen()?;
    // Before the first answer: whoever hears that the server is ready finds the link in its file.
    greet(&started)?;
    drop(started);
    tell_of_the_start(&app).await?;
    let service = Front::of(app.clone(), router(app.clone()));
    let mut serving = tokio::spawn(listener::serve(service, socket, tls.clone(), handle.clone()));
    let ended = tokio::select! {
        () = signals.until_told_to_stop(&app, tls.as_ref()) => {
            stop.cancel();
            listener::stop(&handle);
            serving.await
        }
        ended = &mut serving => ended,
    };
    stop.cancel();
    ended.context("the server's task broke")??;
    // All that was acknowledged is durable; what is left is to say goodbye.
    if tokio::time::timeout(GOODBYE, app.store.close()).await.is_err() {
        tracing::warn!("the database was left without waiting for its connections to close");
    }
    tracing::info!("Portcullis has stopped");
    Ok(())
}

/// The first events: keys that were made, and settings that are others than at the last start.
async fn tell_of_the_start(app: &App) -> anyhow::Result<()> {
    app::tell_of_keys(&app.made_keys);
    // Keyed, so that nobody guesses a value who has only the database.
    let key = app.master_key.derive("settings");
    let hash = |parts: &[&[u8]]| BASE64URL.encode(hmac(key.expose(), parts));
    let settings = app.config.chosen.iter().map(|(&name, value)| (name.to_owned(), hash(&[name.as_bytes(), value.to_string().as_bytes()])));
    // Servers that share a database may differ: each is held against its own last start.
    let machine = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let (folder, address) = (app.config.data_dir.display().to_string(), app.config.listen.to_string());
    let place = hash(&[machine.trim().as_bytes(), folder.as_bytes(), address.as_bytes()]);
    let tell = |changed: &[&str]| {
        let names = changed.join(", ");
        Event::of(Step::ConfigChange).because(format_args!("started with other settings than before: {names}")).record();
    };
    app.store.note_start(&place, &settings.collect(), app.clock.now(), tell).await
}

async fn started(app: &App, is_first: bool, sample: Option<String>) -> anyhow::Result<Started> {
    let accounts = app.store.count_users().await?;
    let setup_link = if accounts == 0 { Some(setup_link(app).await?) } else { None };
    Ok(Started {
        is_first,
        accounts,
        resources: app.resources.load().iter().map(|resource| (resource.name.clone(), resource.identifier.to_string())).collect(),
        signing: app.keys.active(),
        setup_link,
        sample,
        home: home(),
        app: app.clone(),
    })
}

#[expect(clippy::disallowed_methods, reason = "only to write ~ in a greeting; no setting is read here")]
fn home() -> Option<PathBuf> {
    std::env::var("HOME").ok().filter(|home| Path::new(home).is_absolute() && home != "/").map(PathBuf::from)
}

/// A fresh link; earlier ones are void.
async fn setup_link(app: &App) -> anyhow::Result<Secret<String>> {
    let token = Token::<SetupLink>::new(entropy::random()?);
    app.store.replace_setup_link(&token.hash(), app.clock.now() + SETUP_LINK_LIFETIME).await?;
    Ok(Secret::new(app.config.issuer.below(&format!("/setup/{}", token.wire()))))
}

/// What the operating system tells this process; what came before anybody asks is kept.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("listening for SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("listening for SIGINT")?,
            hang_up: signal(SignalKind::hangup()).context("listening for SIGHUP")?,
        })
    }

    /// Waits for SIGTERM or Ctrl-C; SIGHUP reads the certificate anew.
    async fn until_told_to_stop(&mut self, app: &App, tls: Option<&axum_server::tls_rustls::RustlsConfig>) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => reload_certificate(app, tls),
            }
        }
    }
}

/// The old certificate stays when the new one can't be used.
fn reload_certificate(app: &App, current: Option<&axum_server::tls_rustls::RustlsConfig>) {
    let (Some(files), Some(current)) = (&app.config.tls, current) else { return };
    match listener::tls(&files.certificate, &files.key) {
        Ok(fresh) => {
            current.reload_from_config(fresh.get_inner());
            tracing::info!("the certificate was read anew");
        }
        Err(error) => tracing::error!(error = format!("{error:#}"), "the certificate was not read anew, the old one stays"),
    }
}

#[cfg(not(feature = "sample"))]
#[expect(clippy::unused_async, reason = "the sample is a feature; its place stays the same")]
async fn sample(_: &App, _: Options, _: &CancellationToken) -> anyhow::Result<Option<String>> {
    Ok(None)
}

#[cfg(feature = "sample")]
async fn sample(app: &App, options: Options, stop: &CancellationToken) -> anyhow::Result<Option<String>> {
    let Some(address) = options.sample else { return Ok(None) };
    crate::sample::start(app, address, stop).await.map(Some)
}
