//! `portcullis client secret`: a new secret, while the old one works on for a while (MCP-AS-101).

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;

use super::{Record, facts, remove::store};
use crate::{
    cli::{
        ago::ago,
        danger::Danger,
        desk::Desk,
        failure::{Failure, Outcome},
        find,
        table::harmless,
    },
    config::parse_duration,
    entropy,
    protocol::{
        client::{Client, ClientSecret},
        vocabulary::Token,
    },
};

/// The old secret may work on for no longer than this.
const LONGEST: TimeDelta = TimeDelta::days(90);

/// Give a client a new secret, shown once
///
/// The old one works on for a week, so that it can be replaced without haste; a client never has more than two.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  portcullis client secret \"Nightly report\"\n  \
    portcullis client secret pc_c_3Vq --old-works-for 0s --yes")]
pub(in crate::cli) struct Secret {
    /// Its id, the beginning of it, or its name
    client: String,
    /// How long the old secret works on, at most 90d; 0s where it may be known to others
    #[arg(long, value_name = "DURATION", default_value = "7d")]
    old_works_for: String,
    #[command(flatten)]
    danger: Danger,
}

impl Secret {
    pub(super) async fn run(&self, desk: &Desk) -> Outcome {
        let mut client = find::client(desk, &self.client).await?;
        let name = harmless(&client.display_name());
        if !client.has_secret() {
            let what = if client.signs_assertions() { "proves itself by its keys" } else { "is a public client" };
            return Err(Failure::Refused(format!("{name} {what}, and has no secret")));
        }
        let stays = self.stays()?;
        let kept = kept(&client, stays, desk.now);
        let stops = client.secrets.iter().any(|old| old.is_live(desk.now) && !kept.iter().any(|still| still.hash == old.hash));
        if stops {
            let which = if kept.is_empty() { "with its present secret" } else { "with the older of its two secrets" };
            if !self.danger.is_taken(&format!("{name} can no longer authenticate {which}, at once."))? {
                return desk.output.show(&Record::of(&client), &self.danger.told(""));
            }
        } else if self.danger.is_dry_run() {
            return desk.output.show(&Record::of(&client), &self.danger.told(""));
        }
        let secret = Token::new(entropy::random()?);
        client.secrets = kept;
        let ends = client.secrets.first().and_then(|old| old.expires_at);
        client.secrets.push(ClientSecret::of(&secret, desk.now, None));
        store(desk, &client, "a new secret").await?;
        let old = ends.map_or_else(
            || "The old secret is refused from now on".to_owned(),
            |end| format!("The old secret ends {}", ago(end, desk.now)),
        );
        let said = format!("A new secret for {name}\n{}{old}", facts(&client, Some(secret.wire()), desk).render());
        desk.output.show(&Record::of(&client).with_secret(Some(secret.wire())), &said)
    }

    fn stays(&self) -> Result<TimeDelta, Failure> {
        parse_duration(&self.old_works_for).filter(|stays| *stays <= LONGEST).ok_or_else(|| {
            Failure::Usage(format!("--old-works-for {}: this should be a length of time up to 90d, such as 0s or 7d", self.old_works_for))
        })
    }
}

/// The secret that works on beside a new one, with its end: the newest that is live. None that ends already lives longer for it.
fn kept(client: &Client, stays: TimeDelta, now: DateTime<Utc>) -> Vec<ClientSecret> {
    if stays <= TimeDelta::zero() {
        return Vec::new();
    }
    let newest = client.secrets.iter().filter(|secret| secret.is_live(now)).max_by_key(|secret| secret.created_at);
    let end = now + stays;
    newest
        .map(|secret| ClientSecret { expires_at: Some(secret.expires_at.map_or(end, |own| own.min(end))), ..secret.clone() })
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::client::ClientOrigin;

    // MCP-AS-101, OA-CL-09
    #[test]
    fn never_more_than_two_secrets_live_and_none_lives_longer_than_it_would() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let week = TimeDelta::days(7);
        let secret = |byte: u8, age: i64, life: Option<i64>| {
            ClientSecret::of(&Token::new([byte; 32]), now - TimeDelta::days(age), life.map(|days| now + TimeDelta::days(days)))
        };
        let client = |secrets: Vec<ClientSecret>| Client { secrets, ..Client::new("c".parse().unwrap(), ClientOrigin::Operator, now) };
        let one = client(vec![secret(1, 30, None)]);
        assert_eq!(kept(&one, week, now), [ClientSecret { expires_at: Some(now + week), ..one.secrets[0].clone() }]);
        assert_eq!(kept(&one, TimeDelta::zero(), now), []);
        let two = client(vec![secret(1, 30, Some(5)), secret(2, 1, None)]);
        assert_eq!(kept(&two, week, now)[0].hash, two.secrets[1].hash);
        let ending = client(vec![secret(1, 30, Some(2))]);
        assert_eq!(kept(&ending, week, now)[0].expires_at, Some(now + TimeDelta::days(2)));
        assert_eq!(kept(&client(vec![secret(1, 30, Some(-1))]), week, now), [], "an expired secret is not woken");
    }
}
