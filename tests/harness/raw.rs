//! Bytes on a connection, for requests that no client would make.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Sends these bytes and reads until the server closes the connection, which it
/// has to do by itself.
pub(crate) async fn raw(port: u16, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    // Who has refused already may not read to the end.
    let _refused_early = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(std::time::Duration::from_secs(30), stream.read_to_end(&mut answer)).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    // A reset after the answer is an end too.
    let _reset = read.unwrap_or_else(|_| panic!("the connection stays open after {text}"));
    text
}
