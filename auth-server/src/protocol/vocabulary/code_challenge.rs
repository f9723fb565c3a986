//! code_challenge
