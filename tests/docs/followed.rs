//! Pages are followed as a newcomer does it: from top to bottom, letter for letter.

use std::fs;

use super::{all_blocks, blocks, commands::arguments, root, text};
use crate::harness::{Bare, Serving, free_port};

/// Types every command of ours on the page and writes every file that it has, in the page's
/// order. The environment adds free ports and a home, since other tests run beside it.
fn follow(page: &str) -> usize {
    let home = tempfile::tempdir().unwrap();
    let variables = [("HOME", home.path().display().to_string()), ("PORTCULLIS_LISTEN", format!("127.0.0.1:{}", free_port()))];
    let newcomer = Bare { folder: home.path(), variables: variables.map(|(name, value)| (name.to_owned(), value)).to_vec() };
    let mut serving: Option<Serving> = None;
    let mut typed = 0;
    for (language, block) in all_blocks(&text(&root().join(page))) {
        if language == "toml" && block.starts_with("# portcullis.toml") {
            fs::write(home.path().join("portcullis.toml"), &block).unwrap();
        }
        if language != "sh" {
            continue;
        }
        for line in block.replace("\\\n", " ").lines() {
            let Some(mut arguments) = arguments(line) else { continue };
            typed += 1;
            if arguments.first().is_some_and(|verb| verb == "serve") {
                if arguments.iter().any(|flag| flag == "--sample") {
                    arguments.extend(["--sample-listen".to_owned(), format!("127.0.0.1:{}", free_port())]);
                }
                drop(serving.take());
                serving = Some(newcomer.serve(&arguments));
            } else {
                let ran = newcomer.run(&arguments);
                assert!(ran.status.success(), "{page}: {line}\n{}", ran.stderr);
            }
        }
    }
    typed
}

#[test]
fn the_readme_can_be_followed_from_top_to_bottom() {
    assert_eq!(follow("README.md"), 2);
}

#[test]
fn the_guide_to_a_first_connection_can_be_followed_from_top_to_bottom() {
    assert_eq!(follow("docs/first-connection.md"), 4);
}

#[test]
fn the_page_on_protecting_a_server_can_be_followed_from_top_to_bottom() {
    assert!(follow("docs/protect-a-server.md") >= 2);
}

/// Every page that shows the bare command stands on these, which say where it comes from.
#[test]
fn the_pages_that_come_first_say_where_the_command_comes_from() {
    for page in ["README.md", "docs/first-connection.md", "docs/operating.md"] {
        let page = text(&root().join(page));
        let install = page.find("cargo install --locked --path auth-server").expect("how to install it");
        let first_use = page.find("\nportcullis ").expect("a command");
        assert!(install < first_use, "first what it is, then its use");
    }
}

// MCP-AS-05, MCP-AS-173
#[test]
fn the_recipes_name_the_algorithm_and_spell_the_issuer_without_a_slash() {
    let page = text(&root().join("docs/protect-a-server.md"));
    for (language, algorithm) in [("python", "algorithm=\"ES256\""), ("ts", "algorithms: [\"ES256\"]")] {
        let recipes = blocks(&page, language);
        assert_eq!(recipes.len(), 1, "{language}");
        assert!(recipes[0].contains(algorithm), "{language} names no algorithm");
        assert!(recipes[0].contains("= \"https://auth.example.com\""), "{language}: a plain string, no slash");
        assert!(!recipes[0].contains("AnyHttpUrl"), "it would add a slash");
    }
}
