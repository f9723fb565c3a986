//! Where chance comes from: the operating system's generator.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// `N` bytes nobody can guess.
///
/// # Errors
/// The operating system has no randomness to give; nothing may go on then.
pub fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("the system's random generator failed: {error}"))?;
    Ok(bytes)
}

/// A fresh identifier that sorts by the time it was made (UUID version 7).
pub fn identifier(now: DateTime<Utc>) -> anyhow::Result<Uuid> {
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or_default();
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &random::<10>()?).into_uuid())
}
