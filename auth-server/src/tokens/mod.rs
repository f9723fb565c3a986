//! Making the tokens that leave the server.
//!
//! In here: how an access token is signed and how a refresh token is built. Not in
//! here: what a token may say (`protocol/`), which key signs (`keys/`).

mod access_token;
mod refresh_token;

pub use access_token::sign;
pub use refresh_token::{RefreshToken, RefreshTokenKeys};
