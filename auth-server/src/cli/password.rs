//! Passwords, as an operator hands them over.

use std::io::{self, BufRead as _, IsTerminal as _};

use anyhow::Context as _;

use super::failure::Failure;
use crate::{
    login::password::{Passwords, judge},
    secret::Secret,
};

/// Longer than any password that is taken.
const MOST_BYTES: u64 = 4096;

/// Asks twice, without echo; or reads one line of standard input. Judged and hashed.
pub(super) async fn hashed(name: &str, from_stdin: bool) -> Result<Secret<String>, Failure> {
    let password = if from_stdin { from_line()? } else { asked(name)? };
    judge(name, password.expose()).map_err(|weak| Failure::Refused(weak.to_string()))?;
    let hash = Passwords::new(1)?.hash(password).await?;
    Ok(hash.context("hashing the password")?)
}

fn from_line() -> Result<Secret<String>, Failure> {
    let mut line = String::new();
    let input = io::Read::take(io::stdin().lock(), MOST_BYTES);
    io::BufReader::new(input).read_line(&mut line).context("reading the password from standard input")?;
    let password = Secret::new(line.strip_suffix('\n').map_or(line.as_str(), |line| line.strip_suffix('\r').unwrap_or(line)).to_owned());
    drop(Secret::new(line));
    Ok(password)
}

fn asked(name: &str) -> Result<Secret<String>, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "there is no terminal to ask for the password: give it as a line of input, with --password-stdin".to_owned(),
        ));
    }
    let ask = |prompt: String| rpassword::prompt_password(prompt).map(Secret::new).context("asking for the password");
    let password = ask(format!("Password for {name}: "))?;
    let again = ask("The same again: ".to_owned())?;
    if password.expose() == again.expose() { Ok(password) } else { Err(Failure::Usage("the two passwords are not the same".to_owned())) }
}
