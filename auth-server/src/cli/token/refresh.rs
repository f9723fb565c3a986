//! Refresh tokens, and the families that tokens belong to.

use super::verdict::{Reason, Verdict};
use crate::{
    cli::{ago::ago, desk::Desk, failure::Failure, output::Facts},
    protocol::{refresh::PresentedRefreshToken, vocabulary::FamilyId},
    store::FamilyStory,
    tokens::RefreshTokenKeys,
};

pub(super) async fn inspect(desk: &Desk, token: &str) -> Result<Verdict, Failure> {
    let keys = RefreshTokenKeys::new(&desk.master_key().await?);
    let Ok(token) = keys.parse(token) else {
        return Ok(Verdict::unknown("this is no token of this server, or a part of it is missing"));
    };
    let presented = token.presented();
    let story = desk.store.family_story(presented.family_id).await?;
    let mut reasons = match &story {
        None => vec![gone()],
        Some(story) => endings(story, desk),
    };
    if let Some(story) = &story {
        reasons.extend(superseded(story, &presented, desk));
    }
    let facts = facts(story.as_ref(), &presented, desk);
    Ok(Verdict { kind: "refresh_token", valid: reasons.is_empty(), reasons, header: None, claims: None, facts })
}

/// Whether the family of a token has ended, and why.
pub(super) async fn family_ended(desk: &Desk, family: FamilyId) -> Result<Vec<Reason>, Failure> {
    Ok(desk.store.family_story(family).await?.map_or_else(|| vec![gone()], |story| endings(&story, desk)))
}

fn gone() -> Reason {
    Reason::new("grant_gone", "the grant behind it is gone: it ended long ago, or its client or its person was removed")
}

fn endings(story: &FamilyStory, desk: &Desk) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if let Some((at, because)) = &story.grant_revoked {
        reasons.push(Reason::new("grant_revoked", format!("its grant was revoked {}: {because}", ago(*at, desk.now))));
    }
    if let Some((at, because)) = &story.family_revoked {
        reasons.push(Reason::new("family_revoked", format!("its family of tokens was ended {}: {because}", ago(*at, desk.now))));
    }
    if let Some(since) = story.user_disabled_at {
        reasons.push(Reason::new("user_disabled", format!("the account of {} was disabled {}", story.user_name, ago(since, desk.now))));
    }
    reasons
}

/// Whether a newer one took its place, or its time is over.
fn superseded(story: &FamilyStory, presented: &PresentedRefreshToken, desk: &Desk) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let end = story.idle_expires_at.min(story.expires_at);
    if end <= desk.now {
        reasons.push(Reason::new("expired", format!("it expired {}", ago(end, desk.now))));
    }
    if story.current_hash.as_ref() != Some(&presented.hash) {
        let is_parent = story.parent_hash.as_ref() == Some(&presented.hash);
        let in_grace = story.rotated_at.is_some_and(|at| desk.now < at + desk.config.tokens.refresh_grace);
        if is_parent && in_grace {
            return reasons;
        }
        reasons.push(Reason::new("replaced", "a newer one has taken its place: to use it now ends its whole family"));
    }
    reasons
}

fn facts(story: Option<&FamilyStory>, presented: &PresentedRefreshToken, desk: &Desk) -> Facts {
    let mut facts = Facts::default();
    facts.add("kind", "a refresh token");
    if let Some(story) = story {
        facts.add("for", story.resource.as_str()).add("scopes", story.scope.as_str());
        facts.add("speaks of", story.user_name.as_str()).add("client", story.client_id.as_str());
        facts.add("grant", story.grant_id.as_str());
        facts.add("expires", ago(story.idle_expires_at.min(story.expires_at), desk.now));
    }
    facts.add("family", format!("{}, number {} in it", presented.family_id, presented.generation));
    facts
}
