//! How the server is reached: TLS, proxies in front of it, and how it stops.

mod proxies;
mod slow;
mod stop;
mod tls;
