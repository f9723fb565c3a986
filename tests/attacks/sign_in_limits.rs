//! Guessing passwords from one place, and from many.

use crate::harness::{PASSWORD, Person, Place, Server, Setup, Store, encoded};

/// A stranger at the sign-in page, whose requests seem to come from anywhere.
struct Guesser {
    person: Person,
    place: Place,
}

impl Guesser {
    async fn at(server: &Server) -> Self {
        let mut person = server.person("nobody");
        let place = person.open("/sign-in").await;
        Self { person, place }
    }

    /// The status of one attempt.
    async fn tries(&mut self, from: &str, name: &str, password: &str) -> u16 {
        let mut form = self.place.form("/sign-in");
        form.set("username", name);
        form.set("password", password);
        let request = self.person.post(&form.action, &encoded(&form.fields)).header("x-forwarded-for", from);
        self.person.send(request).await.status
    }
}

async fn server(limits: &str) -> Server {
    let setup = Setup::on(Store::Sqlite).settings("trusted_proxies = [\"127.0.0.1/32\"]");
    setup.table("limits", &format!("longest_login_wait = \"1h\"\n{limits}")).start().await
}

const WRONG: &str = "not the password";

// OA-AB-01: whichever accounts it tries
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_place_may_not_try_many_accounts() {
    let server = server("login_failures_per_source = 3").await;
    let mut guesser = Guesser::at(&server).await;
    for name in ["ada", "bob", "carol"] {
        assert_eq!(guesser.tries("198.51.100.7", name, WRONG).await, 200);
    }
    assert_eq!(guesser.tries("198.51.100.7", "dave", WRONG).await, 429, "the fourth account, from there");
    assert_eq!(guesser.tries("203.0.113.9", "dave", WRONG).await, 200, "somebody else is not held up");
    assert_eq!(guesser.tries("203.0.113.9", "ada", PASSWORD).await, 303);
}

// OA-AB-01: an account that is attacked from many places is slowed down, but only so far
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_places_may_not_try_one_account_without_end() {
    let server = server("login_failures_per_account = 1\nlogin_failures_per_source = 10000").await;
    let mut guesser = Guesser::at(&server).await;
    let mut asked_to_wait = None;
    for place in 1..=40 {
        let status = guesser.tries(&format!("198.51.100.{place}"), "ada", WRONG).await;
        if status == 429 {
            asked_to_wait = Some(place);
            break;
        }
        assert_eq!(status, 200);
    }
    assert!(asked_to_wait.is_some_and(|place| place > 10), "ten times what one place has is forgiven: {asked_to_wait:?}");
    assert_eq!(guesser.tries("203.0.113.9", "bob", WRONG).await, 200, "other accounts are not held up");
}
