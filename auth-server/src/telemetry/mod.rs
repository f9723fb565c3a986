//! Log lines: for people on a terminal, JSON elsewhere.
//!
//! What is logged never holds a secret: events name ids ([`crate::events`]), and
//! secrets print as `[redacted]` ([`crate::secret::Secret`]).

mod lines;
mod writer;

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use portcullis_verifier::vocabulary::Issuer;
use tracing_subscriber::{EnvFilter, Layer as _, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use writer::OfIssuer;
pub use writer::Writer;

use crate::config::{Log, LogFormat};

/// What libraries say is only interesting when it is a warning, unless the operator asks for more.
const QUIET: &str = "hyper=warn,h2=warn,rustls=warn,sqlx=warn,tower=warn,rmcp=warn";

/// Begins to log, to standard error: standard output belongs to the answers. Every event
/// says that it is of this issuer: one process serves one.
///
/// # Errors
/// Something else in this process logs already.
pub fn init(log: &Log, issuer: &Issuer) -> anyhow::Result<()> {
    let filter = EnvFilter::builder().parse(format!("{QUIET},{}", log.level.as_str())).context("reading the log level")?;
    let on_terminal = io::stderr().is_terminal();
    let layer = if writes_json(log.format, on_terminal) {
        fmt::layer().fmt_fields(lines::Fields).event_format(lines::Lines).with_writer(io::stderr).boxed()
    } else {
        fmt::layer().compact().with_target(false).with_ansi(on_terminal).with_writer(io::stderr).boxed()
    };
    // The filter stands before the layer, not in it: a filter of a layer keeps notes per
    // thread, and a library that only asks whether it would be heard (sqlx does, for
    // each query) makes it swallow the next event of ours.
    tracing_subscriber::registry().with(filter).with(OfIssuer::new(issuer)).with(layer).try_init().context("beginning to log")
}

/// Whether lines are JSON.
fn writes_json(format: LogFormat, on_terminal: bool) -> bool {
    match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !on_terminal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_get_text_and_programs_get_json() {
        assert!(writes_json(LogFormat::Auto, false));
        assert!(!writes_json(LogFormat::Auto, true));
        assert!(writes_json(LogFormat::Json, true));
        assert!(!writes_json(LogFormat::Text, false));
    }
}
