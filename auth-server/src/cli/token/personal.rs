//! Personal access tokens, made, listed and revoked by the operator.

use chrono::TimeDelta;
use clap::Args;
use portcullis_verifier::vocabulary::{Scope, ScopeToken};
use serde::Serialize;

use super::verdict::{Reason, Verdict};
use crate::{
    app::load_resources,
    cli::{
        ago::{ago, ago_or, date, timestamp},
        danger::Danger,
        desk::Desk,
        failure::{Failure, Outcome},
        find,
        output::{Facts, counted},
        table::{Table, harmless},
    },
    config::parse_duration,
    entropy,
    events::Step,
    protocol::{
        personal_token::{DEFAULT_LIFETIME, PersonalToken, Terms, Useless, Wish},
        vocabulary::{PersonalAccessToken, Token},
    },
    store::{About, NewPersonalToken},
};

/// What a personal token is to be.
#[derive(Debug, Args)]
pub(in crate::cli) struct Add {
    /// What it is called
    name: String,
    /// For whom it speaks: their name, e-mail address or id
    #[arg(long)]
    user: String,
    /// The one resource that it is for
    #[arg(long, value_name = "URL")]
    resource: String,
    /// What it may do there, a scope of the resource; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// When it ends, such as 8h or 30d, at most 365d [default: 90d]
    #[arg(long, value_name = "DURATION")]
    expires_in: Option<String>,
}

/// Which tokens.
#[derive(Debug, Args)]
pub(in crate::cli) struct Filter {
    /// Only those of this person
    #[arg(long)]
    user: Option<String>,
    /// Only those for this resource
    #[arg(long, value_name = "URL")]
    resource: Option<String>,
}

/// A token, for programs.
#[derive(Debug, Serialize)]
struct Record<'a> {
    id: &'a str,
    name: &'a str,
    /// Only where it was made just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    user_id: &'a str,
    user_name: &'a str,
    resource: &'a str,
    scopes: Vec<&'a str>,
    created_at: String,
    expires_at: String,
    last_used_at: Option<String>,
}

impl<'a> Record<'a> {
    fn of(token: &'a PersonalToken) -> Self {
        Self {
            id: &token.id,
            name: &token.name,
            token: None,
            user_id: &token.user_id,
            user_name: &token.user_name,
            resource: &token.resource,
            scopes: token.scope.iter().map(ScopeToken::as_str).collect(),
            created_at: timestamp(token.created_at),
            expires_at: timestamp(token.expires_at),
            last_used_at: token.last_used_at.map(timestamp),
        }
    }
}

impl Add {
    pub(super) async fn run(&self, desk: &Desk) -> Outcome {
        let user = find::user(desk, &self.user).await?;
        let resources = load_resources(&desk.config, &desk.store).await?;
        let resource = find::resource(&resources, &self.resource, desk)?;
        let scope = Scope::parse(&self.scopes.join(" ")).map_err(|error| Failure::Usage(format!("--scope: {error}")))?;
        let wish = Wish { name: &self.name, person: &user.name, resource: &resource, scope, lifetime: self.lifetime()? };
        let terms = Terms::of(wish, desk.now).map_err(|error| Failure::Usage(error.to_string()))?;
        let token = Token::<PersonalAccessToken>::new(entropy::random()?);
        let new = NewPersonalToken { hash: token.hash(), id: entropy::identifier(desk.now)?.to_string(), user_id: user.id, terms };
        let ended = desk.store.add_personal_token(&new, desk.now).await?.map_err(|error| Failure::Refused(error.to_string()))?;
        let made = desk.store.personal_token(&new.hash).await?;
        let made = made.ok_or_else(|| Failure::Failed(anyhow::anyhow!("the person was removed at once")))?;
        desk.did(Step::PersonalTokenMade, about(&made)).await?;
        let mut hint = String::new();
        if ended > 0 {
            let reason = format!("{ended} of too many personal tokens ended, the longest unused");
            hint = format!("\n{reason}");
            desk.did(Step::CapReached, About { user_id: Some(made.user_id.clone()), reason: Some(reason), ..About::default() }).await?;
        }
        if !desk.store.is_asked_about(&made.resource).await? {
            hint.push_str(
                "\nNobody may ask about tokens for this resource yet, so it is let in nowhere: portcullis client add --introspect",
            );
        }
        let said = format!("Added {}, shown only now\n  {}{hint}", described(&made), token.wire());
        desk.output.show(&Record { token: Some(token.wire()), ..Record::of(&made) }, &said)
    }

    fn lifetime(&self) -> Result<TimeDelta, Failure> {
        let Some(text) = &self.expires_in else { return Ok(DEFAULT_LIFETIME) };
        let wrong = || Failure::Usage(format!("--expires-in {text}: this should be a length of time such as 8h or 30d"));
        parse_duration(text).ok_or_else(wrong)
    }
}

impl Filter {
    async fn tokens(&self, desk: &Desk) -> Result<Vec<PersonalToken>, Failure> {
        let mut tokens = match &self.user {
            Some(user) => desk.store.personal_tokens_of(&find::user(desk, user).await?.id).await?,
            None => desk.store.personal_tokens().await?,
        };
        if let Some(resource) = &self.resource {
            let identifier = find::any_resource(desk, resource).await?;
            tokens.retain(|token| token.resource == identifier);
        }
        Ok(tokens)
    }
}

pub(super) async fn list(desk: &Desk, filter: &Filter) -> Outcome {
    let tokens = filter.tokens(desk).await?;
    let records: Vec<_> = tokens.iter().map(Record::of).collect();
    let mut table = Table::new(["id", "name", "person", "resource", "scopes", "expires", "used"]).with_identifiers();
    for token in &tokens {
        table.row([
            token.id.clone(),
            token.name.clone(),
            token.user_name.clone(),
            token.resource.clone(),
            token.scope.to_string(),
            ago(token.expires_at, desk.now),
            ago_or(token.last_used_at, "never", desk.now),
        ]);
    }
    desk.output.list(&records, &table, tokens.len(), &format!("no such personal tokens {}", desk.place()))
}

pub(super) async fn revoke(desk: &Desk, given: &[String], filter: &Filter, danger: Danger) -> Outcome {
    let mut tokens = filter.tokens(desk).await?;
    if !given.is_empty() {
        let mut wanted = Vec::new();
        for one in given {
            let found = find::by_name_or_prefix("personal token", &tokens, one, |token| &token.id, |token| token.name.clone(), desk)?;
            wanted.push(found.id.clone());
        }
        tokens.retain(|token| wanted.contains(&token.id));
    }
    if tokens.is_empty() {
        return Err(Failure::NotFound(format!("no such personal tokens {}", desk.place())));
    }
    let number = counted(i128::try_from(tokens.len()).unwrap_or_default(), "personal token");
    let which: Vec<String> = tokens.iter().take(MOST_SHOWN).map(described).collect();
    let more = tokens.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0).map(|more| format!("; and {more} more"));
    let ends = if tokens.len() == 1 { "ends" } else { "end" };
    let what = format!("{number} {ends}: {}{}. Servers learn of it when they ask.", which.join("; "), more.unwrap_or_default());
    if danger.is_taken(&what)? {
        for token in &tokens {
            if desk.store.revoke_personal_token(&token.id, &token.user_id, "the operator revoked it", desk.now).await? {
                desk.did(Step::PersonalTokenRevoked, about(token)).await?;
            }
        }
    }
    let records: Vec<_> = tokens.iter().map(Record::of).collect();
    desk.output.show(&records, &danger.told(&format!("Revoked {number}")))
}

/// What was found out about one that somebody has at hand.
pub(super) async fn inspect(desk: &Desk, token: &Token<PersonalAccessToken>, resource: Option<&str>) -> Result<Verdict, Failure> {
    let Some(token) = desk.store.personal_token(&token.hash()).await? else {
        return Ok(Verdict::unknown("this server has made no such personal token, or it ended more than a month ago"));
    };
    let resources = load_resources(&desk.config, &desk.store).await?;
    let endings = token.endings(resources.by_identifier(&token.resource).as_deref(), desk.now);
    let mut reasons: Vec<Reason> = endings.into_iter().map(|useless| explain(useless, &token, desk)).collect();
    if let Some(resource) = resource {
        let resource = find::any_resource(desk, resource).await?;
        let sentence = format!("it is for {}, and was sent to {resource}", token.resource);
        reasons.extend((token.resource != resource).then(|| Reason::new("wrong_audience", sentence)));
    }
    Ok(Verdict { kind: "personal_token", valid: reasons.is_empty(), reasons, header: None, claims: None, facts: facts(&token, desk) })
}

fn explain(useless: Useless, token: &PersonalToken, desk: &Desk) -> Reason {
    let since = |time| ago(time, desk.now);
    match useless {
        Useless::Expired => Reason::new("expired", format!("it expired {}", since(token.expires_at))),
        Useless::NothingLeft => Reason::new(
            "nothing_left",
            format!("{} has none of its scopes, or does not admit {} (any more)", token.resource, token.user_name),
        ),
        Useless::PersonDisabled => {
            let when = token.user_disabled_at.map(since).unwrap_or_default();
            Reason::new("user_disabled", format!("the account of {} was disabled {when}", token.user_name))
        }
        Useless::ResourceGone => {
            Reason::new("wrong_audience", format!("it is for {}, which is no resource of this server (any more)", token.resource))
        }
        Useless::Revoked => {
            let when = token.revoked.as_ref().map(|(at, because)| format!(" {}: {because}", since(*at))).unwrap_or_default();
            Reason::new("revoked", format!("it was revoked{when}"))
        }
    }
}

fn facts(token: &PersonalToken, desk: &Desk) -> Facts {
    let when = |time| format!("{}, {}", ago(time, desk.now), date(time));
    let mut facts = Facts::default();
    facts.add("kind", "a personal access token").add("name", token.name.as_str()).add("id", token.id.as_str());
    facts.add("for", token.resource.as_str()).add("scopes", token.scope.to_string());
    facts.add("speaks of", format!("{} ({})", token.user_name, token.user_id));
    facts.add("made", when(token.created_at)).add("expires", when(token.expires_at));
    facts.add("used", ago_or(token.last_used_at, "never", desk.now));
    facts
}

/// What an event says of a token.
fn about(token: &PersonalToken) -> About {
    About {
        user_id: Some(token.user_id.clone()),
        resource: Some(token.resource.clone()),
        reason: Some(token.id.clone()),
        ..About::default()
    }
}

/// How many are named before the rest is counted.
const MOST_SHOWN: usize = 5;

fn described(token: &PersonalToken) -> String {
    harmless(&format!("{} of {} at {}", token.name, token.user_name, token.resource))
}
