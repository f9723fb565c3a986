//! Making requests: a few connections that are kept, each with one request under
//! way, until a number of them is answered.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

/// What one connection says.
pub(crate) trait Script: Send {
    /// The next request, whole.
    fn ask(&mut self) -> anyhow::Result<Vec<u8>>;
    /// Takes in the body of its answer.
    fn hear(&mut self, _body: &[u8]) -> anyhow::Result<()> {
        Ok(())
    }
}

pub(crate) type Scripts = Vec<Box<dyn Script>>;

/// What happened.
pub(crate) struct Load {
    /// How long each request took.
    pub(crate) times: Vec<Duration>,
    /// How long all took together.
    pub(crate) took: Duration,
}

/// Plays all scripts at once, `each` requests of every one, and hands them back.
pub(crate) async fn play(address: SocketAddr, scripts: Scripts, each: usize) -> anyhow::Result<(Load, Scripts)> {
    let began = Instant::now();
    let mut connections = JoinSet::new();
    for script in scripts {
        connections.spawn(converse(address, script, each));
    }
    let mut times = Vec::new();
    let mut scripts = Vec::new();
    while let Some(done) = connections.join_next().await {
        let (script, of_script) = done??;
        times.extend(of_script);
        scripts.push(script);
    }
    Ok((Load { times, took: began.elapsed() }, scripts))
}

/// One request, and the body of its answer.
pub(crate) async fn ask(address: SocketAddr, request: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await.context("connecting")?;
    stream.write_all(request).await.context("asking")?;
    Ok(answer(&mut stream, &mut Vec::new()).await?.good()?.to_vec())
}

/// Where the answer sends the browser.
pub(crate) async fn location(stream: &mut TcpStream, request: &[u8]) -> anyhow::Result<String> {
    stream.write_all(request).await.context("asking")?;
    let mut buffer = Vec::new();
    let answer = answer(stream, &mut buffer).await?;
    answer.header("location").map(str::to_owned).with_context(|| format!("an answer that leads nowhere: {}", answer.head))
}

async fn converse(address: SocketAddr, mut script: Box<dyn Script>, each: usize) -> anyhow::Result<(Box<dyn Script>, Vec<Duration>)> {
    let mut stream = TcpStream::connect(address).await.context("connecting")?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(8192);
    let mut times = Vec::with_capacity(each);
    for _ in 0..each {
        let request = script.ask()?;
        let began = Instant::now();
        stream.write_all(&request).await.context("asking")?;
        let body = answer(&mut stream, &mut buffer).await?.good()?;
        times.push(began.elapsed());
        script.hear(body)?;
    }
    Ok((script, times))
}

/// What a server said.
struct Answer<'b> {
    head: &'b str,
    body: &'b [u8],
}

impl<'b> Answer<'b> {
    /// The body of a good answer; anything else is a mistake of the benchmark.
    fn good(self) -> anyhow::Result<&'b [u8]> {
        if !self.head.starts_with("HTTP/1.1 200 ") {
            bail!("an answer that is not good: {} {}", self.head, String::from_utf8_lossy(self.body));
        }
        Ok(self.body)
    }

    fn header(&self, wanted: &str) -> Option<&'b str> {
        self.head
            .lines()
            .find_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case(wanted)))
            .map(|(_, value)| value)
    }
}

async fn answer<'b>(stream: &mut TcpStream, buffer: &'b mut Vec<u8>) -> anyhow::Result<Answer<'b>> {
    const HEAD_END: &[u8] = b"\r\n\r\n";
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await.context("hearing")? == 0 {
            bail!("the server hung up after {}", String::from_utf8_lossy(buffer));
        }
        let Some(head) = buffer.windows(HEAD_END.len()).position(|window| window == HEAD_END) else { continue };
        let (head, body) = (0..head, head + HEAD_END.len()..);
        let length = length(buffer.get(head.clone()).unwrap_or_default())?;
        if buffer.len() < body.start + length {
            continue;
        }
        let head = std::str::from_utf8(buffer.get(head).unwrap_or_default()).context("a head of plain text")?;
        return Ok(Answer { head, body: buffer.get(body).unwrap_or_default() });
    }
}

/// A redirect has no body to tell the length of.
fn length(head: &[u8]) -> anyhow::Result<usize> {
    let head = std::str::from_utf8(head).context("a head of plain text")?;
    Answer { head, body: &[] }.header("content-length").map_or(Ok(0), |length| length.parse().context("a length"))
}
