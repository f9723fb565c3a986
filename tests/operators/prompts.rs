//! What is asked at a terminal, and what an answer does.

use serde_json::Value;

use super::{NOT_FOUND, REFUSED, WRONGLY_USED, json, refused};
use crate::harness::{CALLBACK, PASSWORD, Server, Store, Terminal};

/// No word of it is in anything that a command says.
const UNSEEN: &str = "Vx9 marmalade Zq7";
const NOTES: &str = "https://notes.example.com/mcp";

/// Types a command for this server at a terminal of its own.
fn types(server: &Server, command: &str) -> Terminal {
    let (config, folder) = (server.config().display(), server.folder().display());
    let place = format!("--config {config} --data-dir {folder} --database {}", server.database());
    Terminal::run(server.folder(), &format!("{place} {command}"))
}

/// Answers both questions for a password; the exit code and all that was ever on the screen.
async fn answers(mut terminal: Terminal, name: &str, first: &str, second: &str) -> (Option<i32>, String) {
    terminal.read_to(&format!("Password for {name}: ")).await;
    terminal.enter_unseen(first).await;
    terminal.read_to("The same again: ").await;
    terminal.enter_unseen(second).await;
    let (status, screen) = terminal.end().await;
    for word in first.split(' ').chain(second.split(' ')) {
        assert!(!screen.contains(word), "{word} appeared: {screen}");
    }
    assert!(!screen.contains('*'), "nor how long it is: {screen}");
    (status.code(), screen)
}

/// Whether somebody can sign in with it.
async fn opens(server: &Server, name: &str, password: &str) -> bool {
    let mut person = server.person(name);
    password.clone_into(&mut person.password);
    person.sign_in_at_home().await;
    person.open("/account").await.try_form("/sign-in").is_none()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_asked_for_twice_and_never_shown() {
    let server = Server::start(Store::Sqlite).await;
    let (code, screen) = answers(types(&server, "user add grace"), "grace", UNSEEN, UNSEEN).await;
    assert!(code == Some(0) && screen.ends_with(&format!("Added grace, who can sign in at {}\n", server.issuer)), "{code:?} {screen}");
    assert!(opens(&server, "grace", UNSEEN).await);

    let (code, screen) = answers(types(&server, "user passwd ada"), "ada", UNSEEN, UNSEEN).await;
    assert!(code == Some(0) && screen.contains("Changed the password of ada"), "{code:?} {screen}");
    assert!(opens(&server, "ada", UNSEEN).await && !opens(&server, "ada", PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slip_in_the_second_password_is_told_and_changes_nothing() {
    let server = Server::start(Store::Sqlite).await;
    for (command, name) in [("user add grace", "grace"), ("user passwd ada", "ada")] {
        let (code, screen) = answers(types(&server, command), name, UNSEEN, "Vx9 marmelade Zq7").await;
        assert_eq!(code, Some(WRONGLY_USED), "{screen}");
        assert!(screen.ends_with("portcullis: the two passwords are not the same\n"), "{screen}");
    }
    refused(&server, &["user", "show", "grace"], NOT_FOUND);
    assert!(opens(&server, "ada", PASSWORD).await && !opens(&server, "ada", UNSEEN).await);
}

/// Commands after which something stops working, what each says of that, and where it shows.
const DANGERS: [(&str, &str, &[&str]); 8] = [
    ("grant revoke --user ada", "1 grant and all their tokens end", &["grant", "list"]),
    ("client secret App --old-works-for 0s", "can no longer authenticate", &["client", "show", "App"]),
    ("client disable App", "gets no tokens until it is enabled again", &["client", "show", "App"]),
    ("client remove App", "its id is gone for good", &["client", "list"]),
    ("resource remove https://notes.example.com/mcp", "Nobody gets tokens for Notes any more", &["resource", "list"]),
    ("registration-token revoke Workshop", "Workshop", &["registration-token", "list"]),
    ("key rotate", "signs from now on", &["key", "list"]),
    ("user disable ada", "ada can no longer sign in", &["user", "list"]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stops_something_is_asked_about_and_only_yes_does_it() {
    let server = Server::start(Store::Sqlite).await;
    server.client().await.connect(&mut server.person("ada")).await;
    json(&server, &["client", "add", "--name", "App", "--confidential", "--redirect-uri", CALLBACK]);
    json(&server, &["client", "secret", "App"]);
    json(&server, &["resource", "add", NOTES, "--name", "Notes"]);
    json(&server, &["registration-token", "add", "Workshop"]);
    for (command, told, shows) in DANGERS {
        let state = || -> Value { json(&server, shows) };
        let before = state();
        for no in ["n", "", "no", "yess", "\x04"] {
            let (code, screen) = goes_on(&server, command, told, no).await;
            assert_eq!(code, Some(REFUSED), "{command}, {no}: {screen}");
            assert!(screen.ends_with("portcullis: nothing was changed\n"), "{command}, {no}: {screen}");
            assert_eq!(state(), before, "{command}, {no}");
        }
        let arguments: Vec<&str> = command.split(' ').collect();
        let said = refused(&server, &arguments, REFUSED);
        assert!(said.contains(told) && said.ends_with("there is no terminal to ask at, so say --yes, or --dry-run\n"), "{said}");
        assert_eq!(state(), before, "{command} without a terminal");

        let (code, screen) = goes_on(&server, command, told, "y").await;
        assert_eq!(code, Some(0), "{command}: {screen}");
        assert_ne!(state(), before, "{command}");
    }
}

/// Answers the question after what was told; the exit code and all that was ever on the screen.
async fn goes_on(server: &Server, command: &str, told: &str, answer: &str) -> (Option<i32>, String) {
    let mut terminal = types(server, command);
    let read = terminal.read_to("Go on? [y/N] ").await;
    assert!(read.contains(told), "{command}: {read}");
    terminal.enter(answer);
    let (status, screen) = terminal.end().await;
    (status.code(), screen)
}
