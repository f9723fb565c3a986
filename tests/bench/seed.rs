//! Filling a server's database before it starts, faster than by asking it: people,
//! clients, grants with their refresh tokens, sessions.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use axum::http::{HeaderMap, HeaderValue};
use chrono::{DateTime, TimeDelta, Utc};
use portcullis::{
    entropy,
    http::browser::Cookies,
    keys::MasterKey,
    protocol::{
        client::{Client, ClientOrigin, ClientSecret},
        vocabulary::{ClientSecret as SecretKind, CodeVerifier, FamilyId, GrantType, SessionId, Token, TokenEndpointAuthMethod},
    },
    store::{Location, Store},
    tokens::RefreshTokenKeys,
};
use portcullis_verifier::vocabulary::{Issuer, Scope};
use sqlx::{
    Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteSynchronous},
};
use uuid::Uuid;

use super::tables;

pub(crate) const RESOURCE: &str = "https://files.example/mcp";
pub(crate) const SCOPE: &str = "files:read";
pub(crate) const CALLBACK: &str = "https://app.example/callback";
pub(crate) const VERIFIER: &str = "the-verifier-that-answers-every-challenge-of-the-benchmark";
/// SHA-256 of the verifier; checked when the database is filled.
pub(crate) const CHALLENGE: &str = "GqbZLO2ERJANVxG2nxWYNuoNRZYrT63cKDBEDIIhPVo";
/// What people have codes for.
pub(crate) const PERSONS_APP: &str = "code-app";
/// Other things they use; each of them has several.
const APPS: u32 = 10;
pub(crate) const MACHINE: &str = "machine";
pub(crate) const RESOURCE_SERVER: &str = "resource-server";

/// How much is stored.
#[derive(Clone, Copy)]
pub(crate) struct Amount {
    /// Grants, each with a family of tokens.
    pub(crate) grants: u32,
    /// Of these, the ones that are refreshed; spread evenly.
    pub(crate) active: u32,
    /// People who are signed in, and whose consent to an app is remembered.
    pub(crate) browsers: u32,
}

/// What the database was filled with.
pub(crate) struct Seed {
    /// The secret of both machines.
    pub(crate) secret: String,
    pub(crate) active: Vec<Active>,
    /// The cookies of each.
    pub(crate) browsers: Vec<Arc<str>>,
}

/// A refresh token that works.
#[derive(Clone)]
pub(crate) struct Active {
    pub(crate) client_id: String,
    pub(crate) refresh_token: String,
}

/// Fills the data folder of a server that has not run yet.
pub(crate) async fn fill(folder: &Path, issuer: &str, amount: Amount, now: DateTime<Utc>) -> anyhow::Result<Seed> {
    let file = folder.join("portcullis.db");
    let secret = Token::<SecretKind>::new(entropy::random()?);
    let store = Store::open(&Location::Sqlite(file.clone()), &Issuer::parse(issuer)?).await?;
    for client in clients(&secret, now)? {
        store.add_client(&client).await?;
    }
    store.close().await;
    let (master_key, _) = MasterKey::load_or_create(&folder.join("master.key"))?;
    // Nobody else looks yet: no need to wait for the disk.
    let options = SqliteConnectOptions::new().filename(&file).foreign_keys(false).synchronous(SqliteSynchronous::Off);
    let mut database = SqliteConnection::connect_with(&options).await?;
    people(&mut database, amount.browsers.max(amount.grants.div_ceil(APPS)), now).await.context("adding people")?;
    grants(&mut database, amount.grants, now).await.context("adding grants")?;
    let active = refresh_tokens(&mut database, amount, &RefreshTokenKeys::new(&master_key)).await.context("adding refresh tokens")?;
    let browsers = browsers(&mut database, amount.browsers, &Issuer::parse(issuer)?, now).await.context("adding browsers")?;
    tables::settle(database).await?;
    Ok(Seed { secret: secret.wire().to_owned(), active, browsers })
}

fn clients(secret: &Token<SecretKind>, now: DateTime<Utc>) -> anyhow::Result<Vec<Client>> {
    let mut clients = Vec::new();
    for name in (0..APPS).map(app_name).chain([PERSONS_APP.to_owned()]) {
        clients.push(app(&name, now)?);
    }
    for name in [MACHINE, RESOURCE_SERVER] {
        let mut client = Client::new(name.parse()?, ClientOrigin::Operator, now);
        client.grant_types = [GrantType::ClientCredentials].into();
        client.token_endpoint_auth_method = TokenEndpointAuthMethod::ClientSecretBasic;
        client.secrets = vec![ClientSecret::of(secret, now, None)];
        client.machine_scopes = [(RESOURCE.to_owned(), Scope::parse(SCOPE)?)].into();
        client.introspects = vec![RESOURCE.to_owned()];
        clients.push(client);
    }
    Ok(clients)
}

fn app(name: &str, now: DateTime<Utc>) -> anyhow::Result<Client> {
    let mut client = Client::new(name.parse()?, ClientOrigin::Operator, now);
    client.redirect_uris = vec![CALLBACK.parse()?];
    Ok(client)
}

fn app_name(number: u32) -> String {
    format!("app-{}", number % APPS)
}

async fn people(database: &mut SqliteConnection, count: u32, now: DateTime<Utc>) -> anyhow::Result<()> {
    const PEOPLE: &str = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1) \
        INSERT INTO users (issuer_id, id, name, name_key, password_hash, created_at) \
        SELECT 1, printf('u_%032x', i), printf('person-%d', i), printf('person-%d', i), 'none', $2 FROM n";
    sqlx::query(PEOPLE).bind(count).bind(now).execute(&mut *database).await?;
    Ok(())
}

/// Grant `i` of person `i / APPS` for app `i % APPS`, with a family that nobody
/// knows the refresh token of.
async fn grants(database: &mut SqliteConnection, count: u32, now: DateTime<Utc>) -> anyhow::Result<()> {
    const GRANTS: &str = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1) \
        INSERT INTO grants (issuer_id, id, user_id, client_id, resource, scope, created_at, last_used_at) \
        SELECT 1, printf('01900000-0000-7000-9000-%012x', i), printf('u_%032x', i / $3), printf('app-%d', i % $3), $4, $5, $2, $2 FROM n";
    const FAMILIES: &str = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1) \
        INSERT INTO token_families (issuer_id, id, grant_id, client_id, user_id, user_name, resource, scope, auth_time, created_at, generation, \
        current_hash, last_used_at, idle_expires_at, expires_at) \
        SELECT 1, printf('01900000-0000-7000-8000-%012x', i), printf('01900000-0000-7000-9000-%012x', i), printf('app-%d', i % $3), \
        printf('u_%032x', i / $3), printf('person-%d', i / $3), $4, $5, $2, $2, 0, randomblob(32), $2, $6, $7 FROM n";
    for statement in [GRANTS, FAMILIES] {
        let insert = sqlx::query(statement).bind(count).bind(now).bind(APPS).bind(RESOURCE).bind(SCOPE);
        insert.bind(now + TimeDelta::days(30)).bind(now + TimeDelta::days(180)).execute(&mut *database).await?;
    }
    Ok(())
}

/// Refresh tokens that work, for some of the families.
async fn refresh_tokens(database: &mut SqliteConnection, amount: Amount, keys: &RefreshTokenKeys) -> anyhow::Result<Vec<Active>> {
    const GIVE: &str = "UPDATE token_families SET current_hash = $2 WHERE issuer_id = 1 AND id = $1";
    let mut active = Vec::new();
    let mut transaction = database.begin().await?;
    for place in 0..amount.active {
        let number = place * (amount.grants / amount.active);
        let id = FamilyId::new(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(number)));
        let token = keys.first(id, entropy::random()?);
        let given = sqlx::query(GIVE).bind(id.to_string()).bind(token.hash().to_vec()).execute(&mut *transaction).await?;
        anyhow::ensure!(given.rows_affected() == 1, "there is no family {id}");
        active.push(Active { client_id: app_name(number), refresh_token: token.wire().to_owned() });
    }
    transaction.commit().await?;
    Ok(active)
}

/// Browser `i` of person `i`.
async fn browsers(database: &mut SqliteConnection, count: u32, issuer: &Issuer, now: DateTime<Utc>) -> anyhow::Result<Vec<Arc<str>>> {
    const SESSION: &str = "INSERT INTO sessions (issuer_id, hash, id, user_id, user_agent, auth_time, last_seen_at, expires_at) \
        VALUES (1, $1, printf('session-%d', $2), printf('u_%032x', $2), 'bench', $3, $3, $4)";
    const CONSENT: &str = "INSERT INTO consents (issuer_id, user_id, client_id, resource, redirect_set, scope, given_at) \
        VALUES (1, printf('u_%032x', $1), $2, $3, $4, $5, $6)";
    anyhow::ensure!(VERIFIER.parse::<CodeVerifier>()?.challenge().as_str() == CHALLENGE, "the challenge is another verifier's");
    let names = Cookies::new(issuer);
    let redirect_set = app(PERSONS_APP, now)?.redirect_set_hash();
    let mut browsers = Vec::new();
    let mut transaction = database.begin().await?;
    for person in 0..count {
        let session = Token::<SessionId>::new(entropy::random()?);
        let signed_in = sqlx::query(SESSION).bind(session.hash().as_bytes().to_vec()).bind(person);
        signed_in.bind(now).bind(now + TimeDelta::days(1)).execute(&mut *transaction).await?;
        let consent = sqlx::query(CONSENT).bind(person).bind(PERSONS_APP).bind(RESOURCE).bind(&redirect_set).bind(SCOPE).bind(now);
        consent.execute(&mut *transaction).await?;
        let (_, mark) = names.mark(&HeaderMap::new())?;
        browsers.push(format!("{}; {}", pair(&names.set_session(&session, TimeDelta::days(1)))?, pair(&mark)?).into());
    }
    transaction.commit().await?;
    Ok(browsers)
}

/// Name and value of a cookie, as a browser sends them back.
fn pair(set_cookie: &HeaderValue) -> anyhow::Result<&str> {
    set_cookie.to_str()?.split(';').next().context("an empty cookie")
}
