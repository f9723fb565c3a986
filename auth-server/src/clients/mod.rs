//! Doings with clients, whoever asks.

pub mod presets;
