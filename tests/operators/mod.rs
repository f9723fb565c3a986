//! The operator at a terminal: commands against the real binary, beside a running server.

mod clients;
mod configuration;
mod events;
mod grants;
mod help;
mod keys;
mod people;
mod prompts;
mod reach;
mod resources;
mod starting;
mod tokens;

use crate::harness::{Ran, Server};

/// Exit codes, as the manual has them.
const FAILED: i32 = 1;
const WRONGLY_USED: i32 = 2;
const NOT_FOUND: i32 = 3;
const REFUSED: i32 = 4;

/// A command that should not do what it was asked; what it said about that.
#[track_caller]
fn refused(server: &Server, arguments: &[&str], code: i32) -> String {
    told(&server.cli(arguments), code)
}

#[track_caller]
fn told(ran: &Ran, code: i32) -> String {
    assert_eq!(ran.status.code(), Some(code), "{ran:?}");
    assert!(ran.stderr.contains("portcullis: "), "{ran:?}");
    ran.stderr.clone()
}

/// What a command says to people.
#[track_caller]
fn said(server: &Server, arguments: &[&str]) -> String {
    server.cli(arguments).expect().stdout
}

/// The same for programs: nothing but one JSON value on standard output.
#[track_caller]
fn json(server: &Server, arguments: &[&str]) -> serde_json::Value {
    let mut arguments = arguments.to_vec();
    arguments.push("--json");
    server.cli(&arguments).expect().json()
}

/// The names of a JSON object's members, which programs rely on.
fn members(value: &serde_json::Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}
