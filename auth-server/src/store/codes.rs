//! Authorization codes; only their hash.

use std::sync::Arc;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use portcullis_verifier::vocabulary::Scope;

use super::{
    Store,
    clients::insert_client,
    families::replay,
    on_db, on_db_read, requests,
    row::row,
    statement::{First, first},
};
use crate::{
    clock::Clock,
    protocol::{
        client::Client,
        code::{IssuedCode, Redemption},
        refused::Effect,
        vocabulary::{AuthorizationCode, FamilyId, GrantId, RequestHandle, SessionId, TokenHash},
    },
};

/// A code to be stored, with the consent it rests on.
#[derive(Clone, Debug)]
pub struct NewCode {
    /// The code's hash.
    pub hash: TokenHash<AuthorizationCode>,
    /// The client, if the store may not have it: it is kept from now on, since somebody
    /// has consented. Whoever an operator removed meanwhile does not come back by this.
    pub newcomer: Option<Arc<Client>>,
    /// The code. Its grant is a fresh one, unless the person gave this client one before.
    pub code: IssuedCode,
    /// In which session it was allowed.
    pub session: TokenHash<SessionId>,
    /// When the code was made.
    pub issued_at: DateTime<Utc>,
    /// How many families the person and client may have, with those that codes in
    /// flight will give.
    pub most_families: i64,
    /// How many grants the person may have given, with this one.
    pub most_grants: i64,
    /// The consent to remember, if it is: the redirect set it is for, and its scope.
    pub remember: Option<(String, Scope)>,
}

/// The tokens that a code gives.
#[derive(Clone, Debug)]
pub struct NewFamily {
    /// A fresh identifier.
    pub id: FamilyId,
    /// The person's name.
    pub user_name: String,
    /// What the tokens may do.
    pub scope: Scope,
    /// The hash of the first refresh token, if one is given.
    pub refresh_hash: Option<[u8; 32]>,
    /// Dead from here on unless it is used.
    pub idle_expires_at: DateTime<Utc>,
    /// Dead from here on.
    pub expires_at: DateTime<Utc>,
}

/// What ended so that a code could be stored, since there was too much of it (OA-AB-08).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// Codes in flight, the oldest.
    pub codes: u64,
    /// Token families, the longest idle.
    pub families: u64,
    /// Grants of the person, the longest unused.
    pub grants: u64,
}

row! { CodeRow {
    client_id: String, user_id: String, redirect_uri: String, code_challenge: String, resource: String, scope: String,
    auth_time: DateTime<Utc>, expires_at: DateTime<Utc>, failures: i64, withdrawn_at: Option<DateTime<Utc>>,
    redeemed_at: Option<DateTime<Utc>>, grant_id: String, family_id: Option<String>, user_name: Option<String>, sessions: i64,
} }

impl TryFrom<CodeRow> for IssuedCode {
    type Error = anyhow::Error;

    fn try_from(row: CodeRow) -> anyhow::Result<Self> {
        let redeemed = match (row.redeemed_at, row.family_id) {
            (Some(at), Some(family)) => Some(Redemption { at, family_id: family.parse().context("codes.family_id")? }),
            (None, _) | (_, None) => None,
        };
        Ok(Self {
            client_id: row.client_id.parse().context("codes.client_id")?,
            user_id: row.user_id,
            user_name: row.user_name,
            redirect_uri: row.redirect_uri,
            code_challenge: row.code_challenge.parse().context("codes.code_challenge")?,
            resource: row.resource,
            scope: row.scope.parse().context("codes.scope")?,
            auth_time: row.auth_time,
            expires_at: row.expires_at,
            failures: u32::try_from(row.failures).context("codes.failures")?,
            stands: row.withdrawn_at.is_none() && row.sessions == 1,
            grant_id: row.grant_id.parse().context("codes.grant_id")?,
            redeemed,
        })
    }
}

const ADD: &str = "INSERT INTO codes (issuer_id, hash, client_id, user_id, session_hash, redirect_uri, code_challenge, resource, scope, \
    auth_time, issued_at, expires_at, grant_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
const GRANT: &str = "INSERT INTO grants (issuer_id, id, user_id, client_id, resource, scope, created_at, last_used_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $7) ON CONFLICT (issuer_id, user_id, client_id, resource) WHERE revoked_at IS NULL \
    DO UPDATE SET last_used_at = excluded.last_used_at RETURNING id, scope";
const WIDEN_GRANT: &str = "UPDATE grants SET scope = $3 WHERE issuer_id = $1 AND id = $2";
macro_rules! in_flight {
    () => {
        "FROM codes WHERE issuer_id = $1 AND user_id = $2 AND client_id = $3 \
         AND redeemed_at IS NULL AND withdrawn_at IS NULL AND expires_at > $4"
    };
}

/// The oldest codes in flight beyond a number die: before the new one is there, so that it
/// is none of them, whatever the clock says.
const TRIM: &str = concat!(
    "UPDATE codes SET withdrawn_at = $4 WHERE issuer_id = $1 AND withdrawn_at IS NULL AND redeemed_at IS NULL AND hash IN (SELECT hash ",
    in_flight!(),
    " ORDER BY issued_at DESC LIMIT 1000 OFFSET $5)"
);
const REMEMBER: &str = "INSERT INTO consents (issuer_id, user_id, client_id, resource, redirect_set, scope, given_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (issuer_id, user_id, client_id, resource) \
    DO UPDATE SET redirect_set = excluded.redirect_set, scope = excluded.scope, given_at = excluded.given_at";
const CLIENT_USED: &str =
    "UPDATE clients SET first_used_at = COALESCE(first_used_at, $3), last_used_at = $3 WHERE issuer_id = $1 AND id = $2";
const FIND: &str = "SELECT c.client_id, c.user_id, c.redirect_uri, c.code_challenge, c.resource, c.scope, c.auth_time, c.expires_at, c.failures, \
    c.withdrawn_at, c.redeemed_at, c.grant_id, c.family_id, \
    (SELECT name FROM users u WHERE u.issuer_id = c.issuer_id AND u.id = c.user_id AND u.disabled_at IS NULL) AS user_name, \
    (SELECT COUNT(*) FROM sessions s WHERE s.issuer_id = c.issuer_id AND s.hash = c.session_hash) AS sessions \
    FROM codes c WHERE c.issuer_id = $1 AND c.hash = $2";
const COUNT_FAILURE: &str = "UPDATE codes SET failures = failures + 1 WHERE issuer_id = $1 AND hash = $2";

/// The code is what it was when it was judged good: nobody has redeemed or withdrawn
/// it, no exchange has failed since, the session is there. (Who is shut out has none.)
macro_rules! unchanged {
    () => {
        "c.issuer_id = $1 AND c.hash = $2 AND c.redeemed_at IS NULL AND c.withdrawn_at IS NULL AND c.failures = $9 \
         AND EXISTS (SELECT 1 FROM sessions s WHERE s.issuer_id = c.issuer_id AND s.hash = c.session_hash)"
    };
}

macro_rules! birth {
    () => {
        "INSERT INTO token_families (issuer_id, id, grant_id, client_id, user_id, user_name, resource, scope, auth_time, created_at, \
         generation, current_hash, last_used_at, idle_expires_at, expires_at) \
         SELECT c.issuer_id, $3, c.grant_id, c.client_id, c.user_id, $10, c.resource, $4, c.auth_time, $5, 0, $6, $5, $7, $8 FROM "
    };
}

/// The family is born and the code spent on it: both or, without a row, neither.
const REDEEM: First = first!(
    postgres: [
        "WITH good AS (SELECT issuer_id, grant_id, client_id, user_id, resource, auth_time FROM codes c WHERE ", unchanged!(), " FOR UPDATE), \
         born AS (", birth!(), "good c RETURNING id) \
         UPDATE codes SET redeemed_at = $5, family_id = born.id FROM born WHERE issuer_id = $1 AND hash = $2 RETURNING family_id",
    ],
    sqlite: [
        birth!(), "codes c WHERE ", unchanged!(), "; \
         UPDATE codes SET redeemed_at = $5, family_id = $3 WHERE issuer_id = $1 AND hash = $2 \
         AND EXISTS (SELECT 1 FROM token_families f WHERE f.issuer_id = $1 AND f.id = $3); \
         SELECT $3 AS family_id WHERE changes() > 0",
    ],
);
/// The families of a person and client beyond a number go, the longest idle; a code in
/// flight counts for the one it will give. One look at both: an exchange that comes
/// between two would be counted twice, or not at all. (A join would be read from the
/// other end: from all families of the issuer.)
const TRIM_FAMILIES: &str = concat!(
    "UPDATE token_families SET revoked_at = $4, revoked_because = 'too many' WHERE issuer_id = $1 AND id IN \
     (SELECT f.id FROM token_families f WHERE f.issuer_id = $1 AND f.revoked_at IS NULL AND f.grant_id IN \
       (SELECT g.id FROM grants g WHERE g.issuer_id = $1 AND g.user_id = $2 AND g.client_id = $3 AND g.revoked_at IS NULL) \
      ORDER BY f.last_used_at DESC LIMIT 1000 OFFSET (SELECT CASE WHEN COUNT(*) < $5 THEN $5 - COUNT(*) ELSE 0 END ",
    in_flight!(),
    "))"
);
/// The grants of a person beyond a number, the longest unused, and never the newest.
const TOO_MANY_GRANTS: &str = "SELECT g.id FROM grants g WHERE g.issuer_id = $1 AND g.user_id = $2 AND g.revoked_at IS NULL AND g.id <> $3 \
    ORDER BY (SELECT MAX(used.moment) FROM (SELECT g.last_used_at AS moment UNION ALL \
      SELECT f.last_used_at FROM token_families f WHERE f.issuer_id = $1 AND f.grant_id = g.id) used) DESC LIMIT 100 OFFSET $4";

/// Codes in flight for one person and client.
const MOST_IN_FLIGHT: i64 = 5;

impl Store {
    /// Stores a code as the answer to a request; `None` if that was answered
    /// before. What the person allowed is kept as their grant to this client, and
    /// remembered as consent if it is to be.
    pub async fn issue_code(&self, handle: &TokenHash<RequestHandle>, new: &NewCode) -> anyhow::Result<Option<Trimmed>> {
        let Some((grant_id, mut trimmed)) = self.add_code(handle, new).await? else { return Ok(None) };
        if let Some(recent) = &self.recent_codes {
            recent.keep(&new.hash, IssuedCode { grant_id, ..new.code.clone() });
        }
        if grant_id == new.code.grant_id {
            trimmed.grants = self.end_unused_grants(new).await?;
        }
        Ok(Some(trimmed))
    }

    /// Makes room for a new grant. Afterwards, and one by one: of several new ones at
    /// once each sees the others then, and an end is what it always is.
    async fn end_unused_grants(&self, new: &NewCode) -> anyhow::Result<u64> {
        let beyond: Vec<(String,)> = on_db_read!(self.db, |pool| sqlx::query_as(TOO_MANY_GRANTS)
            .bind(self.issuer_id)
            .bind(&new.code.user_id)
            .bind(new.code.grant_id.to_string())
            .bind(new.most_grants - 1)
            .fetch_all(pool)
            .await)
        .context("looking for unused grants")?;
        let mut ended = 0;
        for (id,) in beyond {
            ended += u64::from(self.revoke_grant(id.parse().context("grants.id")?, None, "too many", new.issued_at).await?);
        }
        Ok(ended)
    }

    /// The grant that the code belongs to, and what ended for it; `None` if the request was answered before.
    #[expect(clippy::too_many_lines, reason = "one transaction, told in one piece")]
    async fn add_code(&self, handle: &TokenHash<RequestHandle>, new: &NewCode) -> anyhow::Result<Option<(GrantId, Trimmed)>> {
        let NewCode { hash, code, session, issued_at, most_families, remember, .. } = new;
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let answer = sqlx::query(requests::ANSWER).bind(self.issuer_id).bind(handle.as_bytes()).bind(issued_at);
            if answer.execute(&mut *step).await?.rows_affected() == 0 {
                step.rollback().await?;
                return Ok(None);
            }
            let used = sqlx::query(CLIENT_USED).bind(self.issuer_id).bind(code.client_id.as_str()).bind(issued_at);
            let is_stored = used.execute(&mut *step).await?.rows_affected() > 0;
            if let Some(client) = new.newcomer.as_deref().filter(|_| !is_stored) {
                insert_client!(self, step, client);
                sqlx::query(CLIENT_USED).bind(self.issuer_id).bind(code.client_id.as_str()).bind(issued_at).execute(&mut *step).await?;
            }
            let (grant_id, granted): (String, String) = sqlx::query_as(GRANT)
                .bind(self.issuer_id)
                .bind(code.grant_id.to_string())
                .bind(&code.user_id)
                .bind(code.client_id.as_str())
                .bind(&code.resource)
                .bind(code.scope.to_string())
                .bind(issued_at)
                .fetch_one(&mut *step)
                .await?;
            let granted: Scope = granted.parse().context("grants.scope")?;
            if !code.scope.is_within(&granted) {
                let wider = granted.union(&code.scope).to_string();
                sqlx::query(WIDEN_GRANT).bind(self.issuer_id).bind(&grant_id).bind(wider).execute(&mut *step).await?;
            }
            let trim = sqlx::query(TRIM).bind(self.issuer_id).bind(&code.user_id).bind(code.client_id.as_str());
            let trim = trim.bind(issued_at).bind(MOST_IN_FLIGHT.min(*most_families) - 1);
            let codes = trim.execute(&mut *step).await?.rows_affected();
            sqlx::query(ADD)
                .bind(self.issuer_id)
                .bind(hash.as_bytes())
                .bind(code.client_id.as_str())
                .bind(&code.user_id)
                .bind(session.as_bytes())
                .bind(&code.redirect_uri)
                .bind(code.code_challenge.as_str())
                .bind(&code.resource)
                .bind(code.scope.to_string())
                .bind(code.auth_time)
                .bind(issued_at)
                .bind(code.expires_at)
                .bind(&grant_id)
                .execute(&mut *step)
                .await?;
            let trim = sqlx::query(TRIM_FAMILIES).bind(self.issuer_id).bind(&code.user_id).bind(code.client_id.as_str());
            let families = trim.bind(issued_at).bind(most_families).execute(&mut *step).await?.rows_affected();
            if let Some((redirect_set, scope)) = remember {
                sqlx::query(REMEMBER)
                    .bind(self.issuer_id)
                    .bind(&code.user_id)
                    .bind(code.client_id.as_str())
                    .bind(&code.resource)
                    .bind(redirect_set)
                    .bind(scope.to_string())
                    .bind(issued_at)
                    .execute(&mut *step)
                    .await?;
            }
            step.commit().await.context("storing a code")?;
            Ok(Some((grant_id.parse().context("grants.id")?, Trimmed { codes, families, grants: 0 })))
        })
    }

    /// A code as it stands; `None` if there is none. Nothing is locked: a guess
    /// costs no write.
    pub async fn find_code(&self, hash: &TokenHash<AuthorizationCode>) -> anyhow::Result<Option<IssuedCode>> {
        if let Some(code) = self.recent_codes.as_ref().and_then(|recent| recent.take(hash)) {
            return Ok(Some(code));
        }
        let row: Option<CodeRow> =
            on_db_read!(self.db, |pool| sqlx::query_as(FIND).bind(self.issuer_id).bind(hash.as_bytes()).fetch_optional(pool).await)
                .context("reading a code")?;
        let mut code = row.map(IssuedCode::try_from).transpose()?;
        if let Some(redemption) = code.as_mut().and_then(|code| code.redeemed.as_mut()) {
            redemption.at = self.redemptions.time_of(hash).unwrap_or(redemption.at);
        }
        Ok(code)
    }

    /// Stores what a refused exchange leaves behind.
    pub async fn refuse_code(
        &self,
        hash: &TokenHash<AuthorizationCode>,
        code: &IssuedCode,
        effect: Effect,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        match (effect, code.redeemed) {
            (Effect::CountFailure, _) => on_db!(self.db, |writer| {
                let mut step = writer.begin_write().await?;
                sqlx::query(COUNT_FAILURE).bind(self.issuer_id).bind(hash.as_bytes()).execute(&mut *step).await?;
                step.commit().await
            }),
            (Effect::RevokeFamily, Some(redemption)) => self.revoke_family(redemption.family_id, replay!(), now).await,
            (Effect::RevokeFamily | Effect::Nothing, _) => Ok(()),
        }
    }

    /// Spends a code on a family, unless it has changed since it was found: `false`
    /// then, and it is to be judged again. Of any number of requests for
    /// one code, one gets `true`. When it was durable is known only afterwards, so the
    /// clock is asked here.
    pub async fn redeem_code(
        &self,
        hash: &TokenHash<AuthorizationCode>,
        found: &IssuedCode,
        family: &NewFamily,
        clock: &Clock,
    ) -> anyhow::Result<bool> {
        let under_way = self.redemptions.begin(hash);
        on_db!(self.db, |writer| {
            let redeem = writer.begin_with(REDEEM, |redeem| {
                redeem
                    .bind(self.issuer_id)
                    .bind(hash.as_bytes())
                    .bind(family.id.to_string())
                    .bind(family.scope.to_string())
                    .bind(clock.now())
                    .bind(family.refresh_hash.map(Vec::from))
                    .bind(family.idle_expires_at)
                    .bind(family.expires_at)
                    .bind(i64::from(found.failures))
                    .bind(&family.user_name)
            });
            let (step, spent): (_, Option<(String,)>) = redeem.await?;
            if spent.is_none() {
                step.rollback().await?;
                return Ok(false);
            }
            step.commit().await.context("redeeming a code")?;
            under_way.won(clock.now());
            Ok(true)
        })
    }
}

#[cfg(test)]
mod tests {
    use portcullis_verifier::vocabulary::Issuer;
    use sqlx::AssertSqlSafe;

    use super::*;
    use crate::store::{Location, db::Db};

    // OA-AB-08: what keeps the caps costs what one person has, not what everybody has
    #[tokio::test]
    async fn no_cap_is_kept_by_reading_a_whole_table() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(folder.path().join("portcullis.db"));
        let store = Store::open(&location, &Issuer::parse("https://auth.example").unwrap()).await.unwrap();
        let Db::Sqlite { read, .. } = &store.db else { panic!("it is SQLite") };
        for statement in [TRIM, TRIM_FAMILIES, TOO_MANY_GRANTS] {
            let plan: Vec<(i64, i64, i64, String)> =
                sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"))).fetch_all(read).await.unwrap();
            let steps: Vec<String> = plan.into_iter().map(|(.., step)| step).collect();
            let whole = |step: &&String| step.ends_with("(issuer_id=?)") || (step.starts_with("SCAN") && *step != "SCAN CONSTANT ROW");
            assert_eq!(steps.iter().find(whole), None, "{steps:#?}");
        }
    }
}
