//! signing_algorithm
