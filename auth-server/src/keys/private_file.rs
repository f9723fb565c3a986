//! Files with a secret in them.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

/// Refuses a file that anybody but its owner can read (OA-JW-17). `what` is what it holds.
///
/// # Errors
/// Others can read it, or it is not there.
pub(super) fn refuse_open_to_others(file: &Path, what: &str) -> anyhow::Result<()> {
    let name = file.display();
    let mode = fs::metadata(file).map_err(|error| anyhow::anyhow!("{name} cannot be read: {error}"))?.permissions().mode();
    anyhow::ensure!(mode.trailing_zeros() >= 6, "others can read {what} {name}; run: chmod 600 {name}");
    Ok(())
}
