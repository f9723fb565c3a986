//! What the operator set, from file, environment and flags.
