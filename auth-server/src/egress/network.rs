//! Names to addresses, and connections to addresses: the two things that a test
//! replaces.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// A network to fetch from.
pub trait Network: Send + Sync + 'static {
    /// A connection, encrypted by nobody yet.
    type Connection: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Every address of a name, asked once.
    fn resolve(&self, host: &str) -> impl Future<Output = io::Result<Vec<IpAddr>>> + Send;

    /// A connection to this very address, and whom it is with.
    fn connect(&self, address: SocketAddr) -> impl Future<Output = io::Result<(Self::Connection, SocketAddr)>> + Send;
}

/// The network of this computer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Internet;

impl Network for Internet {
    type Connection = TcpStream;

    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        Ok(tokio::net::lookup_host((bare, 0)).await?.map(|address| address.ip()).collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<(TcpStream, SocketAddr)> {
        let stream = TcpStream::connect(address).await?;
        let peer = stream.peer_addr()?;
        Ok((stream, peer))
    }
}
