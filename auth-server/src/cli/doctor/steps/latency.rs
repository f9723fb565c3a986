//! Whether every answer comes within the time that the client waits (K-03, MCP-AS-09).

use std::time::Duration;

use crate::cli::doctor::{
    client::Client,
    finding::Kind,
    outside::Took,
    report::{Notes, Step},
};

pub(in crate::cli::doctor) fn judge(took: &[Took], client: Client) -> Notes {
    let mut notes = Notes::of(Step::Latency, client);
    let Some(slowest) = took.iter().max_by_key(|took| took.time) else { return notes };
    let line = format!("{} took {}", slowest.what, shown(slowest.time));
    match client.waits() {
        Some(limit) if slowest.time >= limit => notes.find(Kind::TooSlow, [line, format!("it waits {}", shown(limit))]),
        Some(limit) if slowest.time.saturating_mul(2) >= limit => notes.find(Kind::Slow, [line, format!("it waits {}", shown(limit))]),
        Some(limit) => notes.pass(format!("the slowest answer took {}; {} waits {}", shown(slowest.time), client.name(), shown(limit))),
        None => notes.pass(format!("the slowest answer took {}", shown(slowest.time))),
    }
    notes
}

fn shown(time: Duration) -> String {
    if time >= Duration::from_secs(1) { format!("{:.1} s", time.as_secs_f64()) } else { format!("{} ms", time.as_millis()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(times: &[u64], client: Client) -> Vec<Kind> {
        let took: Vec<_> = times.iter().map(|time| Took { what: "GET".to_owned(), time: Duration::from_millis(*time) }).collect();
        judge(&took, client).kinds()
    }

    // K-03
    #[test]
    fn the_slowest_answer_counts_against_what_the_client_waits() {
        assert_eq!(kinds(&[20, 4_999], Client::Claude), []);
        assert_eq!(kinds(&[5_000, 20], Client::Claude), [Kind::Slow]);
        assert_eq!(kinds(&[20, 10_000], Client::Claude), [Kind::TooSlow]);
        assert_eq!(kinds(&[29_000], Client::Any), [], "nobody knows how long others wait");
        assert_eq!(shown(Duration::from_millis(1_250)), "1.2 s");
    }
}
