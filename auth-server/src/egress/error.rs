//! Why nothing was read from somebody else's host.

use crate::protocol::vocabulary::ExternalUrlError;

/// Why an address was not read. For the log: what the person or client hears is that
/// it could not be read, since more would let them look around in our network (OA-CM-23).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// No address that is fetched at all.
    #[error("the address is not one that is fetched: {0}")]
    Address(#[from] ExternalUrlError),
    /// A bare host.
    #[error("the address has no path")]
    NoPath,
    /// A port that the operator does not allow.
    #[error("port {0} is not one that is fetched from")]
    Port(u16),
    /// This computer, though nobody develops on it.
    #[error("the host is this computer")]
    Loopback,
    /// This server itself.
    #[error("the host is this server's own")]
    OwnHost,
    /// The name has no address.
    #[error("the name has no address")]
    Unresolved,
    /// The name stands for an address that is not on the internet.
    #[error("the name stands for {0}, which is not an address of the internet")]
    NotRoutable(std::net::IpAddr),
    /// Nobody answers there, or in another protocol.
    #[error("no connection: {0}")]
    Unreachable(String),
    /// It took too long.
    #[error("it took too long")]
    TimedOut,
    /// Something else than 200, or 304 to a conditional request.
    #[error("the answer is {0}")]
    Status(u16),
    /// An answer that leads elsewhere.
    #[error("the answer is a redirect ({0}), and none is followed")]
    Redirect(u16),
    /// Another media type than what was asked for.
    #[error("the answer has the media type {0:?}")]
    MediaType(String),
    /// Compressed, though that was not asked for.
    #[error("the answer is encoded")]
    Encoded,
    /// More than is read.
    #[error("the answer is longer than {0} bytes")]
    TooLarge(usize),
    /// Too much is being fetched, from this host or in all.
    #[error("too much is being fetched")]
    Busy,
}

impl EgressError {
    /// Whether it may be otherwise in a minute.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy)
    }
}
