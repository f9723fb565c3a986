//! Signing in: who is in front of the browser.
//!
//! `account_name` says what a person may be called,
//! `password` checks what a person knows, `session` remembers that they did,
//! `sign_in` is the form. Where they go afterwards is not decided here.

pub mod account_name;
pub mod page;
pub mod password;
pub mod session;
pub mod sign_in;
