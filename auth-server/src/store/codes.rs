//! Authorization codes; only their hash.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use portcullis_verifier::vocabulary::Scope;

use super::{
    Store, families, on_db, on_db_read, requests,
    row::row,
    statement::{First, Pair, first, pair},
};
use crate::protocol::{
    code::{IssuedCode, RedeemError, Redemption},
    refused::{Effect, Refused},
    vocabulary::{AuthorizationCode, ClientId, FamilyId, GrantId, RequestHandle, SessionId, TokenHash},
};

/// A code to be stored, with the consent it rests on.
#[derive(Clone, Debug)]
pub struct NewCode {
    /// The code's hash.
    pub hash: TokenHash<AuthorizationCode>,
    /// Who asked.
    pub client_id: ClientId,
    /// Who allowed it.
    pub user_id: String,
    /// In which session.
    pub session: TokenHash<SessionId>,
    /// Where the code goes, byte for byte.
    pub redirect_uri: String,
    /// What the verifier has to answer.
    pub code_challenge: String,
    /// The resource, in its registered spelling.
    pub resource: String,
    /// What was allowed.
    pub scope: Scope,
    /// When the person signed in.
    pub auth_time: DateTime<Utc>,
    /// When the code was made.
    pub issued_at: DateTime<Utc>,
    /// Dead from here on.
    pub expires_at: DateTime<Utc>,
    /// The consent to remember, if it is: the redirect set it is for, and its scope.
    pub remember: Option<(String, Scope)>,
}

/// The grant that a code becomes, unless the person gave this client one before.
#[derive(Clone, Copy, Debug)]
pub struct PendingGrant {
    /// A fresh identifier.
    pub id: GrantId,
    /// How many families one person and client may have.
    pub most_families: i64,
}

/// The tokens that a code gives.
#[derive(Clone, Debug)]
pub struct NewFamily {
    /// A fresh identifier.
    pub id: FamilyId,
    /// What the tokens may do.
    pub scope: Scope,
    /// The hash of the first refresh token, if one is given.
    pub refresh_hash: Option<[u8; 32]>,
    /// Dead from here on unless it is used.
    pub idle_expires_at: DateTime<Utc>,
    /// Dead from here on.
    pub expires_at: DateTime<Utc>,
}

/// The outcome of an exchange: what leaves, or why nothing does.
pub type CodeVerdict<T> = Result<T, RedeemError>;

row! { CodeRow {
    client_id: String, user_id: String, redirect_uri: String, code_challenge: String, resource: String, scope: String,
    auth_time: DateTime<Utc>, expires_at: DateTime<Utc>, failures: i64, withdrawn_at: Option<DateTime<Utc>>,
    redeemed_at: Option<DateTime<Utc>>, family_id: Option<String>, user_name: Option<String>, sessions: i64, families: i64,
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
            redeemed,
        })
    }
}

const ADD: &str = "INSERT INTO codes (issuer_id, hash, client_id, user_id, session_hash, redirect_uri, code_challenge, resource, scope, \
    auth_time, issued_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
/// The oldest codes in flight beyond a number die.
const TRIM: &str = "UPDATE codes SET withdrawn_at = $4 WHERE issuer_id = $1 AND withdrawn_at IS NULL AND redeemed_at IS NULL AND hash IN \
    (SELECT hash FROM codes WHERE issuer_id = $1 AND user_id = $2 AND client_id = $3 AND redeemed_at IS NULL AND expires_at > $4 \
     ORDER BY issued_at DESC LIMIT 1000 OFFSET $5)";
const REMEMBER: &str = "INSERT INTO consents (issuer_id, user_id, client_id, resource, redirect_set, scope, given_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (issuer_id, user_id, client_id, resource) \
    DO UPDATE SET redirect_set = excluded.redirect_set, scope = excluded.scope, given_at = excluded.given_at";
const CLIENT_USED: &str =
    "UPDATE clients SET first_used_at = COALESCE(first_used_at, $3), last_used_at = $3 WHERE issuer_id = $1 AND id = $2";
const LIVES: &str = "SELECT redeemed_at IS NULL FROM codes WHERE issuer_id = $1 AND hash = $2";
/// A write on the row comes first: whoever comes second waits, and then sees what
/// became of the code.
const TAKE: First = first!(
    "UPDATE codes SET presented_at = $3 WHERE issuer_id = $1 AND hash = $2 \
    RETURNING client_id, user_id, redirect_uri, code_challenge, resource, scope, auth_time, expires_at, failures, withdrawn_at, redeemed_at, family_id, \
    (SELECT name FROM users u WHERE u.issuer_id = codes.issuer_id AND u.id = codes.user_id AND u.disabled_at IS NULL) AS user_name, \
    (SELECT COUNT(*) FROM sessions s WHERE s.issuer_id = codes.issuer_id AND s.hash = codes.session_hash) AS sessions, \
    (SELECT COUNT(*) FROM token_families f WHERE f.issuer_id = codes.issuer_id AND f.user_id = codes.user_id AND f.client_id = codes.client_id \
     AND f.revoked_at IS NULL) AS families"
);
const COUNT_FAILURE: &str = "UPDATE codes SET failures = failures + 1 WHERE issuer_id = $1 AND hash = $2";
const GRANT: &str = "INSERT INTO grants (issuer_id, id, user_id, client_id, resource, scope, created_at, last_used_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $7) ON CONFLICT (issuer_id, user_id, client_id, resource) WHERE revoked_at IS NULL \
    DO UPDATE SET last_used_at = excluded.last_used_at RETURNING id, scope";
const WIDEN_GRANT: &str = "UPDATE grants SET scope = $3 WHERE issuer_id = $1 AND id = $2";
/// The family is born and the code spent.
const REDEEM: Pair = pair!(
    "INSERT INTO token_families (issuer_id, id, grant_id, client_id, user_id, resource, scope, auth_time, created_at, \
     generation, current_hash, last_used_at, idle_expires_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $9, $11, $12)",
    "UPDATE codes SET redeemed_at = $9, family_id = $2 WHERE issuer_id = $1 AND hash = $13 AND redeemed_at IS NULL RETURNING 1"
);
/// The families of a person and client beyond a number: the longest idle go.
const TRIM_FAMILIES: &str = "UPDATE token_families SET revoked_at = $4, revoked_because = 'too many' \
    WHERE issuer_id = $1 AND revoked_at IS NULL AND id IN (SELECT id FROM token_families \
    WHERE issuer_id = $1 AND user_id = $2 AND client_id = $3 AND revoked_at IS NULL ORDER BY last_used_at DESC LIMIT 1000 OFFSET $5)";

/// Codes in flight for one person and client.
const MOST_IN_FLIGHT: i64 = 5;

impl Store {
    /// Stores a code as the answer to a request; `false` if that was answered
    /// before. The consent is remembered with it, if it is to be.
    pub async fn issue_code(&self, handle: &TokenHash<RequestHandle>, code: &NewCode) -> anyhow::Result<bool> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let answered = sqlx::query(requests::ANSWER)
                .bind(self.issuer_id)
                .bind(handle.as_bytes())
                .bind(code.issued_at)
                .execute(&mut *step)
                .await?
                .rows_affected();
            if answered == 0 {
                step.rollback().await?;
                return Ok(false);
            }
            sqlx::query(ADD)
                .bind(self.issuer_id)
                .bind(code.hash.as_bytes())
                .bind(code.client_id.as_str())
                .bind(&code.user_id)
                .bind(code.session.as_bytes())
                .bind(&code.redirect_uri)
                .bind(&code.code_challenge)
                .bind(&code.resource)
                .bind(code.scope.to_string())
                .bind(code.auth_time)
                .bind(code.issued_at)
                .bind(code.expires_at)
                .execute(&mut *step)
                .await?;
            let trim = sqlx::query(TRIM).bind(self.issuer_id).bind(&code.user_id).bind(code.client_id.as_str());
            trim.bind(code.issued_at).bind(MOST_IN_FLIGHT).execute(&mut *step).await?;
            if let Some((redirect_set, scope)) = &code.remember {
                sqlx::query(REMEMBER)
                    .bind(self.issuer_id)
                    .bind(&code.user_id)
                    .bind(code.client_id.as_str())
                    .bind(&code.resource)
                    .bind(redirect_set)
                    .bind(scope.to_string())
                    .bind(code.issued_at)
                    .execute(&mut *step)
                    .await?;
            }
            sqlx::query(CLIENT_USED).bind(self.issuer_id).bind(code.client_id.as_str()).bind(code.issued_at).execute(&mut *step).await?;
            step.commit().await.context("storing a code")?;
            Ok(true)
        })
    }

    /// Whether a code is unredeemed, for all to see; `None` if there is none. A
    /// guess costs no write.
    pub async fn code_lives(&self, hash: &TokenHash<AuthorizationCode>) -> anyhow::Result<Option<bool>> {
        let row: Option<(bool,)> =
            on_db_read!(self.db, |pool| sqlx::query_as(LIVES).bind(self.issuer_id).bind(hash.as_bytes()).fetch_optional(pool).await)?;
        Ok(row.map(|(lives,)| lives))
    }

    /// Takes the code's row, lets `decide` judge it and `issue` make the tokens,
    /// stores the outcome: one transaction. If `issue` fails, nothing is spent.
    #[expect(clippy::too_many_lines, reason = "one transaction, told in one piece")]
    pub async fn exchange_code<D, T>(
        &self,
        hash: &TokenHash<AuthorizationCode>,
        pending: PendingGrant,
        now: DateTime<Utc>,
        decide: impl FnOnce(Option<&IssuedCode>) -> Result<D, Refused<RedeemError>>,
        issue: impl FnOnce(&IssuedCode, GrantId, D) -> anyhow::Result<(NewFamily, T)>,
    ) -> anyhow::Result<CodeVerdict<T>> {
        on_db!(self.db, |writer| {
            let taken = writer.begin_with(TAKE, |take| take.bind(self.issuer_id).bind(hash.as_bytes()).bind(now)).await?;
            let (mut step, row): (_, Option<CodeRow>) = taken;
            let families = row.as_ref().map_or(0, |row| row.families);
            let code = row.map(IssuedCode::try_from).transpose()?;
            let (code, verdict) = match (decide(code.as_ref()), code) {
                (Ok(verdict), Some(code)) => (code, verdict),
                (Ok(_), None) => anyhow::bail!("a code that does not exist was judged good"),
                (Err(refused), code) => {
                    match refused.effect {
                        Effect::CountFailure => {
                            sqlx::query(COUNT_FAILURE).bind(self.issuer_id).bind(hash.as_bytes()).execute(&mut *step).await?;
                        }
                        Effect::RevokeFamily => {
                            if let Some(redemption) = code.and_then(|code| code.redeemed) {
                                let family = redemption.family_id.to_string();
                                let revoke = sqlx::query(families::REVOKE).bind(self.issuer_id).bind(family).bind(now).bind("code replay");
                                revoke.execute(&mut *step).await?;
                            }
                        }
                        Effect::Nothing => {
                            step.rollback().await?;
                            return Ok(Err(refused.error));
                        }
                    }
                    step.commit().await?;
                    return Ok(Err(refused.error));
                }
            };
            let (grant_id, granted): (String, String) = sqlx::query_as(GRANT)
                .bind(self.issuer_id)
                .bind(pending.id.to_string())
                .bind(&code.user_id)
                .bind(code.client_id.as_str())
                .bind(&code.resource)
                .bind(code.scope.to_string())
                .bind(now)
                .fetch_one(&mut *step)
                .await?;
            let granted: Scope = granted.parse().context("grants.scope")?;
            if !code.scope.is_within(&granted) {
                let wider = granted.union(&code.scope).to_string();
                sqlx::query(WIDEN_GRANT).bind(self.issuer_id).bind(&grant_id).bind(wider).execute(&mut *step).await?;
            }
            let (family, issued) = issue(&code, grant_id.parse().context("grants.id")?, verdict)?;
            let redeem = sqlx::query(step.text_of(REDEEM))
                .bind(self.issuer_id)
                .bind(family.id.to_string())
                .bind(&grant_id)
                .bind(code.client_id.as_str())
                .bind(&code.user_id)
                .bind(&code.resource)
                .bind(family.scope.to_string())
                .bind(code.auth_time)
                .bind(now)
                .bind(family.refresh_hash.map(Vec::from))
                .bind(family.idle_expires_at)
                .bind(family.expires_at)
                .bind(hash.as_bytes());
            let spent = redeem.fetch_optional(&mut *step).await?;
            anyhow::ensure!(spent.is_some(), "a code was redeemed behind its lock");
            if families >= pending.most_families {
                let trim = sqlx::query(TRIM_FAMILIES).bind(self.issuer_id).bind(&code.user_id).bind(code.client_id.as_str());
                trim.bind(now).bind(pending.most_families).execute(&mut *step).await?;
            }
            step.commit().await.context("redeeming a code")?;
            Ok(Ok(issued))
        })
    }
}
