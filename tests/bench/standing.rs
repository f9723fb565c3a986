//! What the server costs before and after its work: the time until it answers, and
//! the memory it keeps.

use super::{
    cpu, load,
    options::Options,
    report::{Figure, Report, median},
    requests,
    seed::Amount,
    server::Server,
};

const GRANTS: u32 = 2048;

pub(crate) async fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    const START: &str = "start on existing data, to the first answer";
    const MEMORY: &str = "memory, idle";
    const MEMORY_AFTER: &str = "memory, idle after a load";
    if ![START, MEMORY, MEMORY_AFTER].iter().any(|row| options.wants(row)) {
        return Ok(());
    }
    let (mut server, seed) = Server::real(Amount { grants: GRANTS, active: GRANTS, browsers: 0 }).await?;
    let mut starts = Vec::new();
    for _ in 0..options.rounds() {
        server.restart().await?;
        starts.push(server.started_within.as_secs_f64() * 1000.0);
    }
    report.note(Figure { name: START, value: median(starts.into_iter()), unit: "ms", expected: Some(100.0) });
    report.note(Figure { name: MEMORY, value: cpu::resident_kib(server.id())? / 1024.0, unit: "MiB", expected: Some(25.0) });
    load::play(server.address, requests::refreshes(server.address, &seed.active), 100).await?;
    report.note(Figure { name: MEMORY_AFTER, value: cpu::resident_kib(server.id())? / 1024.0, unit: "MiB", expected: None });
    Ok(())
}
