//! EA-190: bytes that two readers of HTTP could take for two different requests.

use crate::{
    atlas::{row::Wish, stage::Stage},
    harness::{Store, raw},
};

/// OA-HT-10: 400, and the connection is closed: nothing behind is read as another request.
pub(super) async fn two_readings_are_refused() {
    let stage = Stage::start(Store::Sqlite, &Wish::default()).await;
    let host = format!("Host: 127.0.0.1:{}", stage.server.port);
    let form = "Content-Type: application/x-www-form-urlencoded";
    let smuggled = format!("GET /livez HTTP/1.1\r\n{host}\r\n\r\n");
    for (what, head) in [
        ("two lengths", format!("POST /token HTTP/1.1\r\n{host}\r\n{form}\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\na=b&c\r\n")),
        ("a list of lengths", format!("POST /token HTTP/1.1\r\n{host}\r\n{form}\r\nContent-Length: 5, 6\r\n\r\na=b&c\r\n")),
        ("a signed length", format!("POST /token HTTP/1.1\r\n{host}\r\n{form}\r\nContent-Length: +5\r\n\r\na=b&c")),
        ("no number", format!("POST /token HTTP/1.1\r\n{host}\r\n{form}\r\nContent-Length: x\r\n\r\n")),
        ("an unknown coding", format!("POST /token HTTP/1.1\r\n{host}\r\n{form}\r\nTransfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n")),
        ("a coding that is none", format!("POST /token HTTP/1.1\r\n{host}\r\n{form}\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n")),
        ("no such chunk", format!("POST /token HTTP/1.1\r\n{host}\r\n{form}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\na\r\n0\r\n\r\n")),
        ("two hosts", format!("GET /jwks HTTP/1.1\r\n{host}\r\n{host}\r\n\r\n")),
        ("two hosts, one of them wrong", format!("GET /jwks HTTP/1.1\r\nHost: evil.example\r\n{host}\r\n\r\n")),
        ("a space before the colon", format!("GET /jwks HTTP/1.1\r\n{host}\r\nX-A : b\r\n\r\n")),
        ("a folded header", format!("GET /jwks HTTP/1.1\r\n{host}\r\nX-A: b\r\n c: d\r\n\r\n")),
        ("no version", format!("GET /jwks\r\n{host}\r\n\r\n")),
        ("a NUL in a header", format!("GET /jwks HTTP/1.1\r\n{host}\r\nX-A: \0\r\n\r\n")),
    ] {
        let answers = raw(stage.server.port, format!("{head}{smuggled}").as_bytes()).await;
        let first = answers.lines().next().unwrap_or_default();
        assert!(first.starts_with("HTTP/1.1 400") || first.is_empty() && what == "no version", "{what}: {answers}");
        assert_eq!(answers.matches("HTTP/1.1 ").count(), usize::from(!first.is_empty()), "{what}: what follows was read: {answers}");
    }
}
