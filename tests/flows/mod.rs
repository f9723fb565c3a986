//! Stories.

mod sample;
