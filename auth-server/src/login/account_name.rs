//! What an account may be called.

use crate::protocol::vocabulary::is_seen;

/// What a person can type anywhere, and tell from others.
const MOST_CHARACTERS: usize = 64;
/// RFC 5321 §4.5.3.1.3.
const MOST_EMAIL_CHARACTERS: usize = 254;

/// Why a name is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// No e-mail address.
    #[error("an e-mail address looks like ada@example.com")]
    Email,
    /// Empty, too long, or with characters that do not show.
    #[error("a user name has 1 to 64 characters, all of which can be seen")]
    Name,
}

/// Judges what somebody wants to sign in with.
pub fn judge(name: &str) -> Result<(), NameFault> {
    let fits = (1..=MOST_CHARACTERS).contains(&name.chars().count());
    if fits && name.trim() == name && name.chars().all(is_seen) { Ok(()) } else { Err(NameFault::Name) }
}

/// Judges an e-mail address, as far as its form tells anything.
pub fn judge_email(address: &str) -> Result<(), NameFault> {
    let fits = address.len() <= MOST_EMAIL_CHARACTERS && address.chars().all(|letter| is_seen(letter) && !letter.is_whitespace());
    let parts = address.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    if fits && parts { Ok(()) } else { Err(NameFault::Email) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_can_be_seen() {
        for good in ["ada", "Ada Lovelace", "ada@example.com", "Łukasz", &"x".repeat(64)] {
            assert_eq!(judge(good), Ok(()), "{good}");
        }
        for bad in ["", " ada", "ada ", "a\nb", "a\u{202E}b", "a\u{200B}da", &"x".repeat(65)] {
            assert_eq!(judge(bad), Err(NameFault::Name), "{bad:?}");
        }
    }

    #[test]
    fn an_address_has_one_at_sign_with_something_on_both_sides() {
        assert_eq!(judge_email("ada@example.com"), Ok(()));
        for bad in ["ada", "@example.com", "ada@", "a@b@c", "a da@example.com"] {
            assert_eq!(judge_email(bad), Err(NameFault::Email), "{bad}");
        }
    }
}
