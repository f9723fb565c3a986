//! The real binary, on a free port, with a data folder of its own.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{Answer, CALLBACK, Client, FILES, MAIL, PATIENCE, Person, Store, free_port, postgres::Postgres, trusting};

/// The password of every account of the stories.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// What a server is started with.
#[derive(Clone)]
pub(crate) struct Setup {
    store: Store,
    settings: String,
    tables: String,
    resources: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    faketime: Option<String>,
    listen: Option<u16>,
    accounts: bool,
    issuer_path: String,
    certificate: Option<PathBuf>,
}

/// A running server. Killed when dropped.
pub(crate) struct Server {
    /// Also the address: `http://127.0.0.1:PORT`, unless the story's settings name another.
    pub(crate) issuer: String,
    pub(crate) port: u16,
    setup: Setup,
    database: String,
    folder: Arc<TempDir>,
    config: PathBuf,
    process: Mutex<Option<Child>>,
    http: reqwest::Client,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Setup {
    pub(crate) fn on(store: Store) -> Self {
        let resources = format!(
            r#"resources = [
    {{ url = "{FILES}", name = "Files", scopes = {{ "files:read" = "Read your files", "files:write" = "Change and delete your files" }} }},
    {{ url = "{MAIL}", name = "Mail", scopes = {{ "mail:read" = "Read your mail" }} }},
]
default_resource = "{FILES}"
"#
        );
        Self {
            store,
            settings: String::new(),
            tables: String::new(),
            resources,
            arguments: Vec::new(),
            environment: Vec::new(),
            faketime: None,
            listen: None,
            accounts: true,
            issuer_path: String::new(),
            certificate: None,
        }
    }

    /// Settings at the top of the file.
    pub(crate) fn settings(mut self, toml: &str) -> Self {
        writeln!(self.settings, "{toml}").unwrap();
        self
    }

    /// A table of the file.
    pub(crate) fn table(mut self, name: &str, toml: &str) -> Self {
        writeln!(self.tables, "[{name}]\n{toml}").unwrap();
        self
    }

    /// Replaces the two resources.
    pub(crate) fn resources(mut self, toml: &str) -> Self {
        toml.clone_into(&mut self.resources);
        self
    }

    /// A further argument of `serve`.
    pub(crate) fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The clock of its processes until it is started again, as `Server::restart_at` takes it.
    pub(crate) fn clock(mut self, offset: &str) -> Self {
        self.faketime = Some(offset.to_owned());
        self
    }

    /// An issuer with a path below its origin.
    pub(crate) fn issuer_path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.issuer_path);
        self
    }

    /// With a certificate for `localhost`, its own TLS and an https issuer.
    pub(crate) fn tls(mut self, certificate: &Path, key: &Path) -> Self {
        self.certificate = Some(certificate.to_path_buf());
        self.table("tls", &format!("certificate = \"{}\"\nkey = \"{}\"", certificate.display(), key.display()))
    }

    /// Without Ada's account.
    pub(crate) fn without_accounts(mut self) -> Self {
        self.accounts = false;
        self
    }

    /// Generous limits, for stories with many requests from one address that are not about limits.
    pub(crate) fn unlimited(self) -> Self {
        self.table("registration", "per_source_per_hour = 1000000")
            .table("limits", "client_failures_per_minute = 100000\nsource_failures_per_minute = 100000\nlogin_failures_per_source = 10000")
    }

    pub(crate) async fn start(self) -> Server {
        let server = Server::prepare(self);
        server.run();
        server.ready().await;
        if server.setup.accounts {
            server.add_account("ada");
        }
        server
    }

    /// Starts on rows that an earlier release left in a schema of so many steps.
    pub(crate) async fn start_on(self, steps: i64, rows: &str) -> Server {
        let server = Server::prepare(self.without_accounts());
        server.fill(steps, rows).await;
        server.run();
        server.ready().await;
        server
    }

    /// Two processes of one server that begin at the same moment, with nothing there yet.
    pub(crate) async fn start_two(self) -> (Server, Server) {
        let first = Server::prepare(self);
        let mut second = first.beside();
        first.run();
        second.run();
        first.ready().await;
        second.ready().await;
        second.issuer = format!("http://127.0.0.1:{}", second.port);
        (first, second)
    }

    /// Runs `serve` to its end: for servers that should refuse to start. One that starts all the same is ended.
    pub(crate) fn refused(self) -> Ran {
        let server = Server::prepare(self);
        let mut child =
            server.command().arg("serve").args(&server.setup.arguments).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let started = Instant::now();
        while child.try_wait().unwrap().is_none() {
            // Not when it listens: the sample may be refused after that.
            if started.elapsed() > PATIENCE {
                child.kill().unwrap();
                panic!("it was not refused: {:?}", Ran::of(child));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ran::of(child)
    }
}

impl Server {
    /// A server with two resources and Ada's account, otherwise as it comes.
    pub(crate) async fn start(store: Store) -> Self {
        Setup::on(store).start().await
    }

    fn prepare(setup: Setup) -> Self {
        let folder = tempfile::Builder::new().prefix("portcullis-test-").tempdir().unwrap();
        let database = match setup.store {
            Store::Sqlite => format!("sqlite:{}", folder.path().join("portcullis.db").display()),
            Store::Postgres => Postgres::shared().new_database(),
        };
        Self::in_folder(setup, Arc::new(folder), database)
    }

    fn in_folder(setup: Setup, folder: Arc<TempDir>, database: String) -> Self {
        let port = setup.listen.unwrap_or_else(free_port);
        let config = folder.path().join(format!("portcullis-{port}.toml"));
        let mut text = format!("listen = \"127.0.0.1:{port}\"\n");
        let origin = match &setup.certificate {
            Some(_) => format!("https://localhost:{port}"),
            None => format!("http://127.0.0.1:{port}"),
        };
        let issuer = format!("{origin}{}", setup.issuer_path);
        if issuer != format!("http://127.0.0.1:{port}") {
            writeln!(text, "issuer = \"{issuer}\"").unwrap();
        }
        writeln!(text, "{}\n{}\n{}", setup.settings, setup.resources, setup.tables).unwrap();
        fs::write(&config, text).unwrap();
        let http = trusting(setup.certificate.as_deref()).build().unwrap();
        Self { issuer, port, setup, database, folder, config, process: Mutex::new(None), http }
    }

    /// A second process on the same database, data folder and issuer.
    pub(crate) async fn twin(&self) -> Self {
        let mut twin = self.beside();
        twin.run();
        twin.ready().await;
        // Its own address, as a load balancer would use it; the issuer stays that of both.
        twin.issuer = format!("http://127.0.0.1:{}", twin.port);
        twin
    }

    fn beside(&self) -> Self {
        let mut setup = self.setup.clone().settings(&format!("issuer = \"{}\"\ntrusted_proxies = [\"127.0.0.0/8\"]", self.issuer));
        setup.listen = None;
        Self::in_folder(setup, Arc::clone(&self.folder), self.database.clone())
    }

    /// A server for another issuer on the same database.
    pub(crate) async fn neighbour(&self) -> Self {
        let mut setup = self.setup.clone();
        setup.listen = None;
        let neighbour = Self::in_folder(setup, Arc::clone(&self.folder), self.database.clone());
        neighbour.run();
        neighbour.ready().await;
        neighbour
    }

    /// The clock of the next process, as libfaketime reads it: `+2h`, `+30s`, `-1d`.
    pub(crate) async fn restart_at(&mut self, offset: Option<&str>) {
        self.kill();
        self.setup.faketime = offset.map(str::to_owned);
        self.run();
        self.ready().await;
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        if let Some(offset) = &self.setup.faketime {
            // Not by the program `faketime`: it would be the process that is killed, and the server would live on.
            command.env("LD_PRELOAD", faketime()).env("FAKETIME", offset).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        command
            .current_dir(self.folder.path())
            .env("PORTCULLIS_CONFIG", &self.config)
            .env("PORTCULLIS_DATA_DIR", self.folder.path())
            .env("PORTCULLIS_DATABASE", &self.database)
            .env("RUST_BACKTRACE", "1")
            .env_remove("PORTCULLIS_MASTER_KEY")
            .envs(self.setup.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Starts the process without waiting for it.
    pub(crate) fn run(&self) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        let child = self.command().arg("serve").args(&self.setup.arguments).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let before = self.process.lock().unwrap().replace(child);
        assert!(before.is_none(), "the server runs already");
    }

    /// Returns when the server answers that it is ready.
    pub(crate) async fn ready(&self) {
        let started = Instant::now();
        loop {
            // A connection is cheap to try; only who accepts one is asked.
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                let answer = Answer::try_to(self.http.get(self.url("/readyz"))).await;
                if answer.is_ok_and(|answer| answer.status == 200) {
                    return;
                }
            }
            if let Some(status) = self.ended() {
                panic!("the server ended with {status}:\n{}", self.log());
            }
            assert!(started.elapsed() < PATIENCE, "the server is not ready:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until it ends by itself, in failure, and returns what it logged.
    pub(crate) fn fails(&self) -> String {
        let status = self.process.lock().unwrap().take().expect("the server runs").wait().unwrap();
        assert!(!status.success(), "it ended well: {}", self.log());
        self.log()
    }

    fn ended(&self) -> Option<ExitStatus> {
        self.process.lock().unwrap().as_mut().and_then(|child| child.try_wait().unwrap())
    }

    /// `kill -9`: nothing is flushed, nobody is told.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.process.lock().unwrap().take() {
            let _gone_already = child.kill();
            child.wait().unwrap();
        }
    }

    /// Kills and starts again, on the same data and port.
    pub(crate) async fn kill_and_restart(&self) {
        self.kill();
        self.run();
        self.ready().await;
    }

    /// Asks the process to end, as a service manager does, and returns its exit code.
    pub(crate) fn terminate(&self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        match &self.setup.certificate {
            Some(_) => format!("https://localhost:{}{path}", self.port),
            None => format!("http://127.0.0.1:{}{path}", self.port),
        }
    }

    /// An HTTP client of one's own, which trusts the server's certificate.
    pub(crate) fn http(&self) -> reqwest::ClientBuilder {
        trusting(self.setup.certificate.as_deref())
    }

    /// Sends a signal to the process.
    pub(crate) fn signal(&self, name: &str) {
        let process = self.process.lock().unwrap();
        let id = process.as_ref().expect("the server runs").id().to_string();
        assert!(Command::new("kill").args([format!("-{name}"), id]).status().unwrap().success());
    }

    /// Waits until the process has ended by itself.
    pub(crate) fn wait(&self) -> ExitStatus {
        self.process.lock().unwrap().take().expect("the server runs").wait().unwrap()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The address of its database.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// The file of its settings.
    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join(format!("server-{}.log", self.port))
    }

    /// All that it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The command line of the same binary, with the same settings.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Ran {
        self.cli_with_input(arguments, "")
    }

    pub(crate) fn cli_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut child = self.command().args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Who does not read may close first.
        let _not_read = child.stdin.take().unwrap().write_all(input.as_bytes());
        Ran::of(child)
    }

    /// An account with the password of all.
    pub(crate) fn add_account(&self, name: &str) {
        self.cli_with_input(&["user", "add", name, "--password-stdin"], &format!("{PASSWORD}\n")).expect();
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::to(self.http.get(self.url(path))).await
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method.parse().unwrap(), self.url(path))
    }

    pub(crate) async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        Answer::to(self.request("POST", path).header("content-type", "application/x-www-form-urlencoded").body(encoded(form))).await
    }

    /// A person with an account of this server, in a browser of their own.
    pub(crate) fn person(&self, name: &str) -> Person {
        Person::new(name, self)
    }

    /// A public client that registers itself.
    pub(crate) async fn client(&self) -> Client {
        Client::register(self, CALLBACK).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- log of the server on port {}\n{}", self.port, self.log());
        }
    }
}

impl Ran {
    pub(crate) fn of(child: Child) -> Self {
        let output = child.wait_with_output().unwrap();
        Self { status: output.status, stdout: String::from_utf8(output.stdout).unwrap(), stderr: String::from_utf8(output.stderr).unwrap() }
    }

    #[track_caller]
    pub(crate) fn expect(self) -> Self {
        assert!(self.status.success(), "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// `application/x-www-form-urlencoded`.
pub(crate) fn encoded<K: AsRef<str>, V: AsRef<str>>(form: &[(K, V)]) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in form {
        text.append_pair(name.as_ref(), value.as_ref());
    }
    text.finish()
}

/// Debian's library behind `faketime`, for programs with threads.
fn faketime() -> PathBuf {
    forget_the_dead();
    let found = fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path().join("faketime/libfaketimeMT.so.1"));
    let mut here = found.filter(|library| library.exists());
    here.next().expect("faketime is installed by tests/prepare")
}

/// The library keeps its state under the number of its process, and leaves it behind
/// when that is killed; the next process of that number would keep the real time.
fn forget_the_dead() {
    for entry in fs::read_dir("/dev/shm").unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        let number = name.strip_prefix("faketime_shm_").or_else(|| name.strip_prefix("sem.faketime_sem_"));
        if number.is_some_and(|number| !Path::new("/proc").join(number).exists()) {
            // Another test may have been quicker.
            let _gone_already = fs::remove_file(entry.path());
        }
    }
}
