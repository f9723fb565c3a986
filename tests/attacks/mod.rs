//! What attackers try (RFC 9700 §3), and what they get.

mod code_theft;
mod cross_site;
mod fetching;
mod guessing;
mod headers;
mod parsers;
mod registration_flood;
mod secrets;
mod sign_in_limits;
mod whole_run;
