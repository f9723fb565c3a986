//! `cargo test --bench load`: each kind of request once, and nothing measured. The data
//! are put into the database past the server, so a migration can spoil the benchmark
//! and no other test would notice.

use anyhow::Context as _;

use super::{
    authorize,
    load::{self, ask},
    requests::{self, member},
    seed::Amount,
    server::Server,
};

pub(crate) async fn once() -> anyhow::Result<()> {
    const FEW: u32 = 8;
    let (mut real, seed) = Server::real(Amount { grants: 2 * FEW, active: FEW, browsers: FEW }).await?;
    let metadata = ask(real.address, &requests::get(real.address, "/.well-known/oauth-authorization-server")).await?;
    let jwks = ask(real.address, &requests::get(real.address, "/jwks")).await?;
    ask(real.address, &requests::client_credentials(real.address, &seed.secret)).await?;
    let active = seed.active.first().context("nothing to refresh")?;
    let token = member(&ask(real.address, &requests::refresh(real.address, active)?).await?, "access_token")?;
    let said = ask(real.address, &requests::introspection(real.address, &seed.secret, &token)).await?;
    anyhow::ensure!(String::from_utf8_lossy(&said).contains(r#""active":true"#), "a token of the seed is not active");
    let codes = authorize::codes(real.address, &seed.browsers).await?;
    load::play(real.address, requests::codes(real.address, &codes), 1).await?;
    real.restart().await?;

    let (floor, codes) = Server::floor(&seed, 1, &[("metadata", &metadata), ("jwks", &jwks)]).await?;
    load::play(floor.address, requests::codes(floor.address, &codes), 1).await?;
    load::play(floor.address, requests::refreshes(floor.address, &seed.active), 1).await?;
    ask(floor.address, &requests::client_credentials(floor.address, &seed.secret)).await?;
    Ok(())
}
