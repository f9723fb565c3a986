//! `portcullis serve`: the server itself.

use std::{
    env,
    io::{self, IsTerminal as _},
    net::SocketAddr,
};

use anyhow::Context as _;
use clap::Args;

use super::{Global, failure::Outcome, greeting::Greeting, output};
use crate::{
    config::load,
    serve::{self, Options, Started},
    telemetry,
};

/// Run the server
///
/// Without any configuration it listens on loopback, keeps its data in your user's data folder and makes the keys it needs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  portcullis serve --sample\n  portcullis serve --config /etc/portcullis/portcullis.toml")]
pub(super) struct Serve {
    /// Where to listen [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Also serve a sample MCP server that the tokens of this one open
    #[cfg(feature = "sample")]
    #[arg(long)]
    sample: bool,
    /// Where the sample listens, on loopback
    #[cfg(feature = "sample")]
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081", requires = "sample")]
    sample_listen: SocketAddr,
}

impl Serve {
    pub(super) fn run(&self, global: &Global) -> Outcome {
        let mut sources = global.sources();
        if let Some(listen) = &self.listen {
            sources.flags.push(("listen", "--listen".to_owned(), listen.clone()));
        }
        let config = load(&sources)?;
        telemetry::init(&config.log, &config.issuer)?;
        let options = Options { sample: self.sample() };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the threads of the server")?;
        runtime.block_on(serve::run(config, options, greet))?;
        Ok(())
    }

    #[cfg(feature = "sample")]
    fn sample(&self) -> Option<SocketAddr> {
        self.sample.then_some(self.sample_listen)
    }

    #[cfg(not(feature = "sample"))]
    #[expect(clippy::unused_self, reason = "the sample is a feature, its argument comes and goes with it")]
    fn sample(&self) -> Option<SocketAddr> {
        None
    }
}

/// On a terminal a page for the person who sits there, elsewhere a log line.
fn greet(started: &Started) -> anyhow::Result<()> {
    let greeting = Greeting::of(started, env::args_os().next().and_then(|name| name.into_string().ok()));
    if io::stdout().is_terminal() {
        let link = started.setup_link.as_ref().map(|link| link.expose().as_str());
        return output::write(&greeting.for_people(link)).map_err(|failure| anyhow::anyhow!("{failure}"));
    }
    let file = started.leave_setup_link()?;
    greeting.log(file.as_deref());
    Ok(())
}
