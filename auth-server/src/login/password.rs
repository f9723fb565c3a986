//! Passwords: argon2id, on a bounded number of threads (OA-CR-04, OA-AB-05).

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash};
use tokio::sync::Semaphore;

use crate::{entropy, secret::Secret};

/// What OWASP's password storage cheat sheet asks for: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// People wait this long for a free thread before they are asked to come again.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bounds on a new password (NIST SP 800-63B §5.1.1.2: length counts, not composition).
pub const LENGTH: std::ops::RangeInclusive<usize> = 10..=256;

/// Hashes and checks passwords. Clones share the bound.
#[derive(Clone, Debug)]
pub struct Passwords {
    threads: Arc<Semaphore>,
    /// The hash of nobody's password: checked when there is no such account.
    nobody: Arc<str>,
}

/// Too many people sign in at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all threads for passwords are busy")]
pub struct Busy;

/// Why a new password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// The account's own name.
    #[error("choose a password that is not the user name")]
    IsName,
    /// More than 256 characters.
    #[error("choose a password of at most 256 characters")]
    TooLong,
    /// Fewer than ten characters.
    #[error("choose a password of at least 10 characters")]
    TooShort,
}

/// Judges a new password.
pub fn judge(name: &str, password: &str) -> Result<(), WeakPassword> {
    let characters = password.chars().count();
    if characters < *LENGTH.start() {
        return Err(WeakPassword::TooShort);
    }
    if characters > *LENGTH.end() {
        return Err(WeakPassword::TooLong);
    }
    if password.to_lowercase() == name.to_lowercase() { Err(WeakPassword::IsName) } else { Ok(()) }
}

impl Passwords {
    /// Checks at most so many at once.
    pub fn new(at_once: u32) -> anyhow::Result<Self> {
        let nobody = hash_of_nothing(entropy::random()?, entropy::random()?).into();
        Ok(Self { threads: Arc::new(Semaphore::new(usize::try_from(at_once)?)), nobody })
    }

    /// The hash to store of a new password.
    pub async fn hash(&self, password: Secret<String>) -> anyhow::Result<Result<Secret<String>, Busy>> {
        let salt = entropy::random()?;
        let work = move || hash(password.expose().as_bytes(), salt).map(Secret::new);
        match self.run(work).await? {
            Ok(hashed) => Ok(Ok(hashed?)),
            Err(busy) => Ok(Err(busy)),
        }
    }

    /// Whether the password is the one behind `stored`. Without an account the
    /// same work is done, and the answer is no.
    pub async fn is_right(&self, password: Secret<String>, stored: Option<Secret<String>>) -> anyhow::Result<Result<bool, Busy>> {
        let nobody = Arc::clone(&self.nobody);
        let work = move || {
            let exists = stored.is_some();
            let against = stored.as_ref().map_or(&*nobody, |stored| stored.expose());
            PasswordHash::new(against)
                .map_err(|error| anyhow::anyhow!("a stored password hash is malformed: {error}"))
                .map(|hash| argon2().is_ok_and(|argon2| argon2.verify_password(password.expose().as_bytes(), &hash).is_ok()) && exists)
        };
        match self.run(work).await? {
            Ok(right) => Ok(Ok(right?)),
            Err(busy) => Ok(Err(busy)),
        }
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> anyhow::Result<Result<T, Busy>> {
        let waiting = Arc::clone(&self.threads).acquire_owned();
        let Ok(permit) = tokio::time::timeout(PATIENCE, waiting).await else { return Ok(Err(Busy)) };
        let permit = permit.context("the threads for passwords are gone")?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        });
        Ok(Ok(done.await.context("checking a password was interrupted")?))
    }
}

/// A hash that no password has: made up, not computed, since starting must be quick.
/// To check a password against it is the same work.
fn hash_of_nothing(salt: [u8; 16], hash: [u8; 32]) -> String {
    use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD as BASE64};
    format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${}${}", BASE64.encode(salt), BASE64.encode(hash))
}

fn argon2() -> anyhow::Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| anyhow::anyhow!("argon2 parameters: {error}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &[u8], salt: [u8; 16]) -> anyhow::Result<String> {
    let hash = argon2()?.hash_password_with_salt(password, &salt).map_err(|error| anyhow::anyhow!("hashing a password: {error}"))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    // OA-CR-04
    #[tokio::test]
    async fn only_the_right_password_of_an_account_is_right() {
        let passwords = Passwords::new(1).unwrap();
        let stored = passwords.hash(secret("correct horse")).await.unwrap().unwrap();
        assert!(stored.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", stored.expose());
        assert_eq!(passwords.is_right(secret("correct horse"), Some(stored.clone())).await.unwrap(), Ok(true));
        assert_eq!(passwords.is_right(secret("wrong horse"), Some(stored)).await.unwrap(), Ok(false));
        assert_eq!(passwords.is_right(secret(""), None).await.unwrap(), Ok(false), "nobody's password is no password");
    }

    // OA-CR-04: an unknown name must cost what a wrong password costs
    #[test]
    fn nobodys_hash_is_as_much_work_as_any() {
        let (nobody, stored) = (hash_of_nothing([1; 16], [2; 32]), hash(b"correct horse", [1; 16]).unwrap());
        let (nobody, stored) = (PasswordHash::new(&nobody).unwrap(), PasswordHash::new(&stored).unwrap());
        assert_eq!(
            (nobody.algorithm, nobody.version, &nobody.params, &nobody.salt),
            (stored.algorithm, stored.version, &stored.params, &stored.salt)
        );
        assert_eq!(nobody.hash.unwrap().len(), stored.hash.unwrap().len());
    }

    #[test]
    fn length_counts_and_nothing_else() {
        assert_eq!(judge("ada", "short"), Err(WeakPassword::TooShort));
        assert_eq!(judge("ada", &"x".repeat(257)), Err(WeakPassword::TooLong));
        assert_eq!(judge("ada.lovelace", "Ada.Lovelace"), Err(WeakPassword::IsName));
        assert_eq!(judge("ada", "ten letters"), Ok(()));
    }
}
