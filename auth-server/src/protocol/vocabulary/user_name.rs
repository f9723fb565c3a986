//! The name of an account.

/// What makes two names one: everything but letter case, and blanks around them.
pub fn user_name_key(name: &str) -> String {
    name.trim().to_lowercase()
}
