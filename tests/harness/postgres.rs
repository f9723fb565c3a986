//! One PostgreSQL cluster for the whole run, one database for each server.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
};

use super::free_port;

/// The cluster.
pub(crate) struct Postgres {
    programs: PathBuf,
    port: u16,
}

/// Runs until its parent is gone, then takes the cluster's folder with it.
const KEEPER: &str = r#"
trap 'kill -QUIT $child; wait $child; rm -rf "$0"; exit' TERM INT
"$1"/postgres -D "$0"/data -h 127.0.0.1 -p "$2" -k "$0" -c fsync="$3" -c full_page_writes="$3" -c synchronous_commit="$3" \
    -c max_connections=300 -c log_min_messages=fatal &
child=$!
wait $child
"#;

impl Postgres {
    /// The cluster of this run, started by who asks first.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::start("off"))
    }

    /// Where PostgreSQL's programs are on this machine.
    pub(crate) fn installed() -> Option<PathBuf> {
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
        let newest = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).filter(|bin| bin.join("initdb").exists()).max();
        newest.or_else(|| {
            let path = std::env::var_os("PATH")?;
            std::env::split_paths(&path).find(|folder| folder.join("initdb").exists())
        })
    }

    /// A new empty database, by its address.
    pub(crate) fn new_database(&self) -> String {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", MADE.fetch_add(1, Ordering::Relaxed));
        let port = self.port.to_string();
        let output = Command::new(self.programs.join("createdb"))
            .args(["-h", "127.0.0.1", "-p", &port, "-U", "portcullis", &name])
            .output()
            .unwrap();
        assert!(output.status.success(), "createdb {name}: {}", String::from_utf8_lossy(&output.stderr));
        format!("postgres://portcullis@127.0.0.1:{port}/{name}")
    }

    /// Ends every connection to a database and refuses new ones, until it is opened again.
    pub(crate) fn close(&self, database: &str) {
        let name = database.rsplit('/').next().unwrap();
        self.say(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
        self.say(&format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"));
    }

    pub(crate) fn open(&self, database: &str) {
        self.say(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", database.rsplit('/').next().unwrap()));
    }

    fn say(&self, sql: &str) {
        let mut psql = Command::new(self.programs.join("psql"));
        run(psql.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "portcullis", "-d", "postgres", "-q", "-c", sql]));
    }

    fn start(fsync: &'static str) -> Self {
        let programs = Self::installed().expect("PostgreSQL is installed");
        let folder = tempfile::Builder::new().prefix("portcullis-postgres-").tempdir().unwrap().keep();
        if is_root() {
            run(Command::new("chown").arg("postgres:postgres").arg(&folder));
        }
        let mut initdb = as_nobody_special(&programs.join("initdb"));
        run(initdb.arg("-D").arg(folder.join("data")).args(["-A", "trust", "-U", "portcullis", "--no-sync", "-E", "UTF8", "--locale=C"]));
        let port = free_port();
        keep_running(programs.clone(), folder, port, fsync);
        let ready = programs.join("pg_isready");
        let started = std::time::Instant::now();
        while !Command::new(&ready).args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).status().unwrap().success() {
            assert!(started.elapsed().as_secs() < 60, "PostgreSQL does not come up");
            std::thread::yield_now();
        }
        Self { programs, port }
    }
}

/// Starts the cluster from a thread that lives as long as the run: it is the
/// parent whose death ends the cluster.
fn keep_running(programs: PathBuf, folder: PathBuf, port: u16, fsync: &'static str) {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut keeper = as_nobody_special(Path::new("sh"));
        let child = keeper
            .args(["-c", KEEPER])
            .arg(&folder)
            .arg(&programs)
            .args([port.to_string().as_str(), fsync])
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        tell.send(()).unwrap();
        child.unwrap().wait().unwrap();
    });
    told.recv().unwrap();
}

/// `program`, ending with its parent, and as the user `postgres` where this is root, whom PostgreSQL refuses.
fn as_nobody_special(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM"]);
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    }
    command.arg("--").arg(program);
    command.current_dir("/");
    command
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
