//! Rounds: a few tokens are checked in full, and their signatures alone, by turns, so
//! that what else the machine does falls on both. Rounds are short and many, so that
//! what falls on one of them is not the median.

use std::time::{Duration, Instant};

use portcullis_verifier::{Verifier, jwk::Algorithm};

use crate::{
    Result,
    issuer::Issuer,
    keys::{self, Key},
    options::Options,
    report::{Beside, Expected, Report, Row, median},
};

/// Tokens of one round.
const EACH: u8 = 50;

/// What the tokens of one round took.
struct Round {
    raw: Duration,
    uncached: Duration,
    cached: Duration,
}

pub(crate) async fn measure(options: &Options) -> Result<Report> {
    let mut report = Report::default();
    for key in keys::all()? {
        let name = key.algorithm.as_str();
        let (first, again) = (format!("{name}, first time"), format!("{name}, again"));
        if !options.wants(&first) && !options.wants(&again) {
            continue;
        }
        let rounds = play(&key, options.rounds()).await?;
        if options.wants(&first) {
            // The others are quicker to check or seldom used: shown, and nothing promised.
            let expected = (key.algorithm == Algorithm::Es256).then_some(Expected::Ratio(1.15));
            report.add(Row { name: first, micros: each(&rounds, |round| round.uncached), beside: Some(beside(&rounds)), expected });
        }
        if options.wants(&again) {
            let micros = each(&rounds, |round| round.cached);
            report.add(Row { name: again, micros, beside: None, expected: Some(Expected::Micros(2.0)) });
        }
    }
    Ok(report)
}

/// A round to warm up, then rounds that count; no token is in two of them.
async fn play(key: &Key, rounds: usize) -> Result<Vec<Round>> {
    let issuer = Issuer::new(key)?;
    let now = issuer.verifier.now();
    let each = usize::from(EACH);
    let tokens = (0..(rounds + 1) * each).map(|number| issuer.token(number, now)).collect::<Result<Vec<String>>>()?;
    let mut played = Vec::new();
    for (number, tokens) in tokens.chunks_exact(each).enumerate() {
        let round = if number % 2 == 0 {
            let raw = signatures(&issuer, tokens)?;
            Round { raw, uncached: checks(&issuer.verifier, tokens).await?, cached: checks(&issuer.verifier, tokens).await? }
        } else {
            let uncached = checks(&issuer.verifier, tokens).await?;
            Round { uncached, cached: checks(&issuer.verifier, tokens).await?, raw: signatures(&issuer, tokens)? }
        };
        if number > 0 {
            played.push(round);
        }
    }
    Ok(played)
}

fn signatures(issuer: &Issuer<'_>, tokens: &[String]) -> Result<Duration> {
    let began = Instant::now();
    for token in tokens {
        issuer.check_signature(token)?;
    }
    Ok(began.elapsed())
}

/// As the layer checks them.
async fn checks(verifier: &Verifier, tokens: &[String]) -> Result<Duration> {
    let began = Instant::now();
    for token in tokens {
        verifier.check(token).await?;
    }
    Ok(began.elapsed())
}

fn beside(rounds: &[Round]) -> Beside {
    let ratios = rounds.iter().map(|round| round.uncached.as_secs_f64() / round.raw.as_secs_f64());
    Beside { micros: each(rounds, |round| round.raw), ratio: median(ratios) }
}

/// The middle of the rounds, for one token.
fn each(rounds: &[Round], time: impl Fn(&Round) -> Duration) -> f64 {
    median(rounds.iter().map(|round| time(round).as_secs_f64() * 1e6 / f64::from(EACH)))
}
