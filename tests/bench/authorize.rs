//! Getting codes as browsers get them: of people who are signed in and whose
//! consent is remembered.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use tokio::{net::TcpStream, task::JoinSet};
use url::Url;

use super::{
    load,
    requests::{self, CONNECTIONS},
    seed::{CALLBACK, CHALLENGE, PERSONS_APP, RESOURCE, SCOPE},
};

/// A code of each browser, by its cookies.
pub(crate) async fn codes(host: SocketAddr, browsers: &[Arc<str>]) -> anyhow::Result<Vec<String>> {
    let share = browsers.len().div_ceil(CONNECTIONS).max(1);
    let mut connections = JoinSet::new();
    for browsers in browsers.chunks(share) {
        connections.spawn(codes_of(host, browsers.to_vec()));
    }
    let mut codes = Vec::new();
    while let Some(done) = connections.join_next().await {
        codes.extend(done??);
    }
    Ok(codes)
}

async fn codes_of(host: SocketAddr, browsers: Vec<Arc<str>>) -> anyhow::Result<Vec<String>> {
    let mut stream = TcpStream::connect(host).await.context("connecting")?;
    stream.set_nodelay(true)?;
    let question = url::form_urlencoded::Serializer::new("/authorize?".to_owned())
        .append_pair("response_type", "code")
        .append_pair("client_id", PERSONS_APP)
        .append_pair("redirect_uri", CALLBACK)
        .append_pair("code_challenge", CHALLENGE)
        .append_pair("code_challenge_method", "S256")
        .append_pair("resource", RESOURCE)
        .append_pair("scope", SCOPE)
        .append_pair("state", "any")
        .finish();
    let mut codes = Vec::new();
    for cookies in browsers {
        let next = load::location(&mut stream, &requests::browse(host, &question, &cookies)).await?;
        let back = load::location(&mut stream, &requests::browse(host, &next, &cookies)).await?;
        let back = Url::parse(&back).with_context(|| format!("{back} is no way back"))?;
        let code = back.query_pairs().find_map(|(name, value)| (name == "code").then(|| value.into_owned()));
        codes.push(code.with_context(|| format!("no code in {back}"))?);
    }
    Ok(codes)
}
