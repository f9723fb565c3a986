//! Where a browser comes back to: the listener of a client on this computer.

use axum::{Router, extract::OriginalUri, response::Html, routing::get};
use tokio::{net::TcpListener, sync::mpsc};

use crate::harness::PATIENCE;

/// A client's loopback listener. It ends with the test.
pub(crate) struct Callback {
    /// Its redirect URI.
    pub(crate) url: String,
    arrived: mpsc::UnboundedReceiver<String>,
}

impl Callback {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (send, arrived) = mpsc::unbounded_channel();
        let page = move |OriginalUri(uri): OriginalUri| {
            send.send(format!("http://127.0.0.1:{port}{uri}")).unwrap();
            async { Html("<h1>You can close this window</h1>") }
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/callback", get(page))).await });
        Self { url: format!("http://127.0.0.1:{port}/callback"), arrived }
    }

    /// The address that the browser was sent to, with all its parameters.
    pub(crate) async fn next(&mut self) -> String {
        let arrived = tokio::time::timeout(PATIENCE, self.arrived.recv()).await;
        arrived.expect("the browser comes back").expect("the listener lives as long as the test")
    }
}
