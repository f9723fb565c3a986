//! What every request meets, whatever it asks for.
//!
//! In here: layers, reading forms, cookies, how requests end badly, the listener.
//! Not in here: what any endpoint means.

pub mod api_failure;
pub mod assets;
pub mod browser;
mod connections;
pub mod cors;
pub mod csrf;
pub mod form;
pub mod guard;
pub mod layers;
pub mod listener;
pub mod page;
pub mod page_failure;
pub mod page_form;
pub mod readers;
pub mod request_id;

pub use api_failure::ApiFailure;
pub use page_failure::PageFailure;
