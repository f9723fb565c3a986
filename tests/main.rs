//! Everything that is proved from outside: the real binary, over HTTP.
//!
//! `harness/` has the cast (server, database, person, client); the other
//! folders are the stories. `./tests/run --test blackbox flows::` runs one folder.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "in tests a panic is the report")]

mod harness;

mod architecture;
mod atlas;
mod attacks;
mod browser;
mod clients;
mod corpus;
mod docs;
mod doctor;
mod durability;
mod endpoints;
mod flows;
mod journeys;
mod k8s;
mod listener;
mod operators;
mod pages;
mod reasons;
mod recipes;
