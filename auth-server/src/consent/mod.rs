//! Asking a person whether an app may.
