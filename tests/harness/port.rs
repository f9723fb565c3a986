//! Ports for the servers of a test run.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::atomic::{AtomicU16, Ordering},
};

/// The first port that no connection is given by the kernel (`ip_local_port_range`).
const ABOVE: u16 = 32_000;
const BELOW: u16 = 10_000;

/// A loopback port that nobody listens on. Each is given once in a run, and none
/// that the kernel may hand to an outgoing connection: a server can then be
/// killed and come back on its port.
pub(crate) fn free_port() -> u16 {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let span = ABOVE - BELOW;
    // Runs that overlap begin at different places.
    let first = u16::try_from((std::process::id().wrapping_mul(7919)) % u32::from(span)).unwrap();
    for _ in 0..span {
        let next = GIVEN.fetch_add(1, Ordering::Relaxed);
        let port = BELOW + u16::try_from((u32::from(first) + u32::from(next)) % u32::from(span)).unwrap();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port");
}
