//! `portcullis config`: what can be set, and whether it is set well.

use clap::Subcommand;
use serde_json::json;

use super::{Global, failure::Outcome, output};
use crate::config;

/// The subcommands of `config`.
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Read the configuration as `serve` would, and list every mistake with its place
    ///
    /// Exit code 2 if there are any.
    #[command(after_help = "Examples:\n  portcullis config check\n  portcullis config check --config /etc/portcullis/portcullis.toml")]
    Check,
    /// Print a JSON Schema of the configuration file, for editors
    #[command(after_help = "Examples:\n  portcullis config schema > portcullis.schema.json\n  portcullis config schema | head -20")]
    Schema,
    /// Print the reference of all settings, in Markdown
    #[command(after_help = "Examples:\n  portcullis config reference\n  portcullis config reference > docs/configuration.md")]
    Reference,
}

impl Config {
    pub(super) fn run(&self, global: &Global) -> Outcome {
        match self {
            Self::Check => check(global),
            Self::Schema => output::write(&format!("{:#}", config::schema())),
            Self::Reference => output::write(config::reference().trim_end()),
        }
    }
}

fn check(global: &Global) -> Outcome {
    let output = global.output();
    match config::load(&global.sources()) {
        Ok(config) => {
            let file = config.file.as_ref().map(|file| file.display().to_string());
            let what = file.clone().unwrap_or_else(|| "the configuration (no file)".to_owned());
            output.show(&json!({"file": file, "issuer": config.issuer.as_str(), "mistakes": []}), &format!("{what} is in order"))
        }
        Err(mistakes) if global.json => {
            let list: Vec<_> = mistakes
                .iter()
                .map(|mistake| json!({"place": mistake.origin.to_string(), "subject": mistake.subject, "mistake": mistake.sentence}))
                .collect();
            output.show(&json!({ "mistakes": list }), "")?;
            Err(mistakes.into())
        }
        Err(mistakes) => Err(mistakes.into()),
    }
}
