//! Doings with clients, whoever asks.
