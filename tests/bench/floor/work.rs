//! What has to be done for each request.

use std::{borrow::Cow, collections::HashMap, path::Path};

use anyhow::Context as _;
use axum::http::request::Parts;
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64URL},
};
use bytes::Bytes;
use josekit::jws::JwsSigner;
use portcullis::{clock::Clock, entropy, keys::KeyMaterial, protocol::vocabulary::SigningAlgorithm};
use portcullis_verifier::jwk;
use serde::{Deserialize, Serialize};
use sqlx::SqlitePool;

use super::commits::{Commits, Step};
use crate::{
    seed::{MACHINE, RESOURCE, SCOPE},
    tables::{self, family, hash},
};

const HEADER: &str = r#"{"alg":"ES256","kid":"WFR6nSzcYkZqqvRrVqqUvhT0tOTEhaUB1LfIjVOGZVc","typ":"at+jwt"}"#;
const LIFETIME: i64 = 900;

/// All that the bare server has.
pub(super) struct Work {
    metadata: Bytes,
    jwks: Bytes,
    keys: jwk::Set,
    signer: Box<dyn JwsSigner>,
    commits: Commits,
    read: SqlitePool,
}

#[derive(Serialize, Deserialize)]
struct Claims<'a> {
    iss: Cow<'a, str>,
    sub: Cow<'a, str>,
    aud: Cow<'a, str>,
    client_id: Cow<'a, str>,
    exp: i64,
    iat: i64,
    jti: Cow<'a, str>,
    scope: Cow<'a, str>,
}

#[derive(Serialize)]
struct Tokens {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    scope: String,
}

#[derive(Serialize)]
struct Introspection<'a> {
    active: bool,
    #[serde(flatten)]
    claims: Claims<'a>,
}

#[derive(Deserialize)]
struct Header<'a> {
    kid: &'a str,
}

type Form<'a> = HashMap<Cow<'a, str>, Cow<'a, str>>;

impl Work {
    pub(super) async fn open(folder: &Path) -> anyhow::Result<Self> {
        let file = |name| std::fs::read(folder.join(name)).map(Bytes::from);
        let jwks = file("jwks")?;
        Ok(Self {
            metadata: file("metadata")?,
            keys: jwk::Set::from_json(&jwks)?,
            jwks,
            signer: KeyMaterial::generate(SigningAlgorithm::Es256)?.signer()?,
            commits: Commits::on(tables::open(folder).await?),
            read: tables::readers(folder).await?,
        })
    }

    pub(super) async fn answer(&self, parts: &Parts, body: &Bytes) -> anyhow::Result<Bytes> {
        match parts.uri.path() {
            "/.well-known/oauth-authorization-server" => return Ok(self.metadata.clone()),
            "/jwks" => return Ok(self.jwks.clone()),
            "/readyz" => return Ok(Bytes::from_static(b"{}")),
            _ => {}
        }
        let form: Form<'_> = url::form_urlencoded::parse(body).collect();
        let value = |name: &str| form.get(name).map(Cow::as_ref).with_context(|| format!("no {name}"));
        if parts.uri.path() == "/introspect" {
            hash_secret(parts)?;
            return self.introspect(value("token")?).await;
        }
        let tokens = match value("grant_type")? {
            "authorization_code" => self.redeem(value("client_id")?, value("code")?, value("code_verifier")?).await?,
            "refresh_token" => self.refresh(value("client_id")?, value("refresh_token")?).await?,
            _ => {
                hash_secret(parts)?;
                self.tokens(MACHINE, MACHINE, SCOPE.to_owned(), None, Clock::system().now().timestamp())?
            }
        };
        Ok(serde_json::to_vec(&tokens)?.into())
    }

    async fn redeem(&self, client_id: &str, code: &str, verifier: &str) -> anyhow::Result<Tokens> {
        let now = Clock::system().now().timestamp();
        std::hint::black_box(hash(verifier));
        let family: [u8; 16] = entropy::random()?;
        let token = new_refresh_token(&BASE64URL.encode([&family[..], &[0, 0]].concat()))?;
        let step = Step::Redeem { code: hash(code), family: family.to_vec(), refresh: hash(&token), now };
        let (user_id, scope) = self.commits.durably(step).await?;
        self.tokens(&user_id, client_id, scope, Some(token), now)
    }

    async fn refresh(&self, client_id: &str, presented: &str) -> anyhow::Result<Tokens> {
        let now = Clock::system().now().timestamp();
        let family = family(presented)?;
        let token = new_refresh_token(presented.get(11..35).context("a short refresh token")?)?;
        let step = Step::Rotate { family, from: hash(presented), to: hash(&token), now };
        let (user_id, scope) = self.commits.durably(step).await?;
        self.tokens(&user_id, client_id, scope, Some(token), now)
    }

    fn tokens(&self, subject: &str, client_id: &str, scope: String, refresh_token: Option<String>, now: i64) -> anyhow::Result<Tokens> {
        let claims = Claims {
            iss: "http://127.0.0.1:8080".into(),
            sub: subject.into(),
            aud: RESOURCE.into(),
            client_id: client_id.into(),
            exp: now + LIFETIME,
            iat: now,
            jti: BASE64URL.encode(entropy::random::<32>()?).into(),
            scope: scope.as_str().into(),
        };
        let mut access_token = BASE64URL.encode(HEADER);
        access_token.push('.');
        BASE64URL.encode_string(serde_json::to_vec(&claims)?, &mut access_token);
        let signature = self.signer.sign(access_token.as_bytes())?;
        access_token.push('.');
        BASE64URL.encode_string(signature, &mut access_token);
        Ok(Tokens { access_token, token_type: "Bearer", expires_in: LIFETIME, refresh_token, scope })
    }

    async fn introspect(&self, token: &str) -> anyhow::Result<Bytes> {
        let (signed, signature) = token.rsplit_once('.').context("not a token")?;
        let (header, payload) = signed.split_once('.').context("not a token")?;
        let header = BASE64URL.decode(header)?;
        let key = self.keys.find(serde_json::from_slice::<Header<'_>>(&header)?.kid).context("not a key of the server")?;
        anyhow::ensure!(key.verifies(jwk::Algorithm::Es256, signed.as_bytes(), &BASE64URL.decode(signature)?), "a false signature");
        let payload = BASE64URL.decode(payload)?;
        let claims: Claims<'_> = serde_json::from_slice(&payload)?;
        let family = BASE64URL.decode(&*claims.jti)?.get(..16).context("a short jti")?.to_vec();
        let row: Option<(String,)> =
            sqlx::query_as("SELECT user_id FROM families WHERE id = $1").bind(family).fetch_optional(&self.read).await?;
        Ok(serde_json::to_vec(&Introspection { active: row.is_some(), claims })?.into())
    }
}

/// The secret of `Authorization: Basic`.
fn hash_secret(parts: &Parts) -> anyhow::Result<()> {
    let basic = parts.headers.get("authorization").context("no authorization")?.to_str()?.strip_prefix("Basic ").context("not Basic")?;
    let pair = String::from_utf8(BASE64_STANDARD.decode(basic)?)?;
    let (_, secret) = pair.split_once(':').context("no secret")?;
    std::hint::black_box(hash(secret));
    Ok(())
}

/// As long as the server's, and with the family's name where the server has it.
fn new_refresh_token(family: &str) -> anyhow::Result<String> {
    Ok(format!("pc_refresh_{family}{}", BASE64URL.encode(entropy::random::<48>()?)))
}
