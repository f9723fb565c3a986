//! A server process, the real one or the floor, with a data folder of its own.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use portcullis::clock::Clock;
use tempfile::TempDir;

use super::{
    seed::{self, Amount, RESOURCE, Seed},
    tables,
};

const PATIENCE: Duration = Duration::from_mins(1);

/// A server that is ready to be asked. It ends with this value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    folder: TempDir,
    process: Child,
    /// From the start of the process to its first answer.
    pub(crate) started_within: Duration,
}

impl Server {
    /// The release binary, as an operator runs it, on a database with so much in it.
    pub(crate) async fn real(amount: Amount) -> anyhow::Result<(Self, Seed)> {
        let folder = tempfile::Builder::new().prefix("portcullis-bench-").tempdir()?;
        let address = free_address()?;
        let settings = format!(
            "listen = \"{address}\"\ndatabase = \"sqlite:{}\"\nresources = [{{ url = \"{RESOURCE}\", name = \"Files\", \
             scopes = {{ \"files:read\" = \"Read your files\", \"files:write\" = \"Change your files\" }} }}]\n",
            folder.path().join("portcullis.db").display()
        );
        fs::write(folder.path().join("portcullis.toml"), settings)?;
        let seed = seed::fill(folder.path(), &format!("http://{address}"), amount, Clock::system().now()).await?;
        Ok((Self::start(folder, address, Kind::Real).await?, seed))
    }

    /// The bare server, with the same refresh tokens, and so many codes.
    pub(crate) async fn floor(seed: &Seed, codes: usize, documents: &[(&str, &[u8])]) -> anyhow::Result<(Self, Vec<String>)> {
        let folder = tempfile::Builder::new().prefix("portcullis-floor-").tempdir()?;
        let address = free_address()?;
        fs::write(folder.path().join("listen"), address.to_string())?;
        for (name, body) in documents {
            fs::write(folder.path().join(name), body)?;
        }
        let codes = tables::fill(folder.path(), seed, codes).await?;
        Ok((Self::start(folder, address, Kind::Floor).await?, codes))
    }

    async fn start(folder: TempDir, address: SocketAddr, kind: Kind) -> anyhow::Result<Self> {
        let mut server = Self { address, process: spawn(kind, &folder)?, folder, started_within: Duration::ZERO };
        server.started_within = server.first_answer().await?;
        Ok(server)
    }

    /// Ends the real server and starts it again on the same data.
    pub(crate) async fn restart(&mut self) -> anyhow::Result<()> {
        Command::new("kill").args(["-TERM", &self.id().to_string()]).status()?;
        self.process.wait()?;
        self.process = spawn(Kind::Real, &self.folder)?;
        self.started_within = self.first_answer().await?;
        Ok(())
    }

    /// Asks until there is an answer.
    async fn first_answer(&mut self) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let request = super::requests::get(self.address, "/readyz");
        loop {
            if TcpStream::connect(self.address).is_ok() {
                super::load::ask(self.address, &request).await.context("the first answer")?;
                return Ok(began.elapsed());
            }
            if let Some(status) = self.process.try_wait()? {
                anyhow::bail!("the server ended with {status}: {}", fs::read_to_string(self.folder.path().join("log"))?);
            }
            anyhow::ensure!(began.elapsed() < PATIENCE, "the server does not begin");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _status = self.process.wait();
    }
}

/// The log goes to a file, as a service manager would keep it.
fn spawn(kind: Kind, folder: &TempDir) -> anyhow::Result<Child> {
    let log = File::options().create(true).append(true).open(folder.path().join("log"))?;
    let mut command = kind.command(folder.path())?;
    command.current_dir(folder.path()).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn().context("starting a server")
}

#[derive(Clone, Copy)]
enum Kind {
    Floor,
    Real,
}

impl Kind {
    fn command(self, folder: &Path) -> anyhow::Result<Command> {
        let mut command;
        match self {
            Self::Floor => {
                command = Command::new(std::env::current_exe()?);
                command.arg("--floor").arg(folder);
            }
            Self::Real => {
                command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
                command.arg("serve").env("PORTCULLIS_CONFIG", folder.join("portcullis.toml")).env("PORTCULLIS_DATA_DIR", folder);
            }
        }
        Ok(command)
    }
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
