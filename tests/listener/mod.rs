//! How the server is reached: TLS, proxies in front of it, and how it stops.

mod certificate;
mod proxies;
mod slow;
mod stop;
mod tls;

pub(crate) use certificate::Certificate;
