#![forbid(unsafe_code)]

pub mod vocabulary;
