//! What the doctor has to say: step by step, for people and for programs.

use std::fmt::Write as _;

use serde::Serialize;

use super::{
    client::Client,
    finding::{Finding, Kind, Severity},
};
use crate::cli::{output::counted, table::harmless};

/// The steps, in the order in which a client takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    Address,
    Connection,
    Challenge,
    ResourceMetadata,
    Issuer,
    ServerMetadata,
    ServerMembers,
    TokenEndpoint,
    Cors,
    Latency,
}

impl Step {
    const ALL: [Self; 10] = [
        Self::Address,
        Self::Connection,
        Self::Challenge,
        Self::ResourceMetadata,
        Self::Issuer,
        Self::ServerMetadata,
        Self::ServerMembers,
        Self::TokenEndpoint,
        Self::Cors,
        Self::Latency,
    ];
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Skip,
    Pass,
    Warn,
    Fail,
}

/// What one step has seen.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Notes {
    #[serde(skip)]
    pub(super) client: Client,
    step: Step,
    result: Verdict,
    /// What is as it should be.
    seen: Vec<String>,
    pub(super) findings: Vec<Finding>,
}

impl Notes {
    pub(super) fn of(step: Step, client: Client) -> Self {
        Self { client, step, result: Verdict::Pass, seen: Vec::new(), findings: Vec::new() }
    }

    pub(super) fn pass(&mut self, sentence: impl Into<String>) {
        self.seen.push(sentence.into());
    }

    pub(super) fn find<Line: Into<String>>(&mut self, kind: Kind, seen: impl IntoIterator<Item = Line>) {
        let finding = Finding::new(kind, self.client, seen.into_iter().map(Into::into).collect());
        let verdict = match finding.severity {
            Severity::Warn => Verdict::Warn,
            Severity::Fail => Verdict::Fail,
        };
        self.result = self.result.max(verdict);
        self.findings.push(finding);
    }

    #[cfg(test)]
    pub(super) fn kinds(&self) -> Vec<Kind> {
        self.findings.iter().map(|finding| finding.kind).collect()
    }
}

/// The whole walk.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    url: String,
    #[serde(rename = "as")]
    client: Option<String>,
    result: Verdict,
    failures: usize,
    warnings: usize,
    skipped: usize,
    steps: Vec<Notes>,
}

impl Report {
    /// Steps that nobody made notes of were skipped. CORS is no step of clients that are no pages.
    pub(super) fn new(url: &str, client: Client, mut steps: Vec<Notes>) -> Self {
        let due = Step::ALL.into_iter().filter(|step| *step != Step::Cors || client.asks_from_a_page());
        let missing: Vec<Step> = due.filter(|step| steps.iter().all(|notes| notes.step != *step)).collect();
        let skipped = missing.len();
        steps.extend(missing.into_iter().map(|step| Notes { result: Verdict::Skip, ..Notes::of(step, client) }));
        steps.sort_by_key(|notes| notes.step);
        let count = |severity| steps.iter().flat_map(|notes| &notes.findings).filter(|finding| finding.severity == severity).count();
        let (failures, warnings) = (count(Severity::Fail), count(Severity::Warn));
        let result = steps.iter().map(|notes| notes.result).max().unwrap_or(Verdict::Pass);
        Self { url: url.to_owned(), client: client.key(), result, failures, warnings, skipped, steps }
    }

    /// Whether it ends well: with `strict` a warning is too much.
    pub(super) fn is_good(&self, strict: bool) -> bool {
        self.failures == 0 && !(strict && self.warnings > 0)
    }

    /// `1 failure, 2 warnings`.
    pub(super) fn counts(&self) -> String {
        let count = |number: usize, noun| (number > 0).then(|| counted(i128::try_from(number).unwrap_or(i128::MAX), noun));
        let parts: Vec<_> = [count(self.failures, "failure"), count(self.warnings, "warning")].into_iter().flatten().collect();
        if parts.is_empty() { "everything is as it should be".to_owned() } else { parts.join(", ") }
    }

    pub(super) fn for_people(&self) -> String {
        let mut text = String::new();
        for notes in &self.steps {
            for sentence in &notes.seen {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "  pass  {}", harmless(sentence));
            }
            notes.findings.iter().for_each(|finding| tell(&mut text, finding));
        }
        match self.skipped {
            0 => {}
            1 => text.push_str("  skip  1 later step needs this one\n"),
            steps => {
                let _ = writeln!(text, "  skip  {steps} later steps need this one");
            }
        }
        text + &self.counts()
    }
}

fn tell(text: &mut String, finding: &Finding) {
    let word = match finding.severity {
        Severity::Warn => "warn",
        Severity::Fail => "FAIL",
    };
    let _ = writeln!(text, "  {word}  {}   {}", finding.title, finding.kind.code());
    for line in &finding.seen {
        let _ = writeln!(text, "        {}", harmless(line));
    }
    let _ = writeln!(text, "        {}\n        Fix: {}", finding.client, finding.fix);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(client: Client, kinds: &[Kind]) -> Report {
        let mut notes = Notes::of(Step::Address, client);
        notes.pass("a\u{1b}[31mname");
        for kind in kinds {
            notes.find(*kind, ["seen"]);
        }
        Report::new("https://mcp.example.com/mcp", client, vec![notes])
    }

    #[test]
    fn the_worst_finding_decides() {
        let fine = report(Client::Any, &[]);
        assert!(fine.is_good(true) && fine.counts() == "everything is as it should be" && fine.result == Verdict::Pass);
        let warned = report(Client::Any, &[Kind::NoIpv4]);
        assert!(warned.is_good(false) && !warned.is_good(true) && warned.result == Verdict::Warn);
        let failed = report(Client::Claude, &[Kind::NoIpv4, Kind::NoRefresh]);
        assert!(!failed.is_good(false) && failed.counts() == "1 failure, 1 warning" && failed.result == Verdict::Fail);
    }

    #[test]
    fn what_was_not_reached_is_counted_and_nothing_writes_elsewhere_on_the_terminal() {
        let text = report(Client::Any, &[Kind::NameUnknown]).for_people();
        assert!(text.contains("  skip  9 later steps need this one\n1 failure"), "{text}");
        assert!(text.contains("  FAIL  the name has no address   PC-D002\n        seen\n        A client can't"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(report(Client::Claude, &[]).for_people().contains("skip  8 later"), "CORS is nothing to a client that is no page");
    }
}
