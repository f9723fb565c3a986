//! What the kernel says of a process.

use std::{fs, time::Duration};

use anyhow::Context as _;

/// The kernel counts in hundredths of a second, whatever its own clock.
const TICK: Duration = Duration::from_millis(10);

/// CPU time so far, user and system (`proc_pid_stat(5)`: fields 14 and 15).
pub(crate) fn time_of(process: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).context("reading the CPU time of a server")?;
    // The second field is the program's name, which may hold spaces.
    let (_, fields) = stat.rsplit_once(") ").context("a line of /proc")?;
    let ticks: Vec<u32> = fields.split(' ').skip(11).take(2).map(str::parse).collect::<Result<_, _>>().context("ticks")?;
    Ok(TICK * ticks.iter().sum())
}

/// Resident memory in KiB (`proc_pid_status(5)`).
pub(crate) fn resident_kib(process: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).context("reading the memory of a server")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    line.trim().trim_end_matches(" kB").parse().context("VmRSS is a number")
}
