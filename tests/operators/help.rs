//! Help, completions and exit codes of the command line itself.

use std::process::{Command, Output};

use super::WRONGLY_USED;

fn portcullis(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis")).args(arguments).output().unwrap()
}

fn text(arguments: &[&str]) -> String {
    let output = portcullis(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that a page of help lists.
fn listed(help: &str) -> Vec<String> {
    let block = help.split("Commands:\n").nth(1).unwrap_or_default();
    let lines = block.lines().take_while(|line| line.starts_with("  "));
    let names = lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Every command with its words: `["key", "rotate"]`.
fn commands() -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for noun in listed(&text(&["--help"])) {
        let verbs = listed(&text(&[&noun, "--help"]));
        if verbs.is_empty() {
            found.push(vec![noun.clone()]);
        }
        found.extend(verbs.into_iter().map(|verb| vec![noun.clone(), verb]));
    }
    found
}

#[test]
fn every_command_shows_two_examples_that_it_understands() {
    let commands = commands();
    assert!(commands.len() > 25, "{commands:?}");
    for command in commands {
        let words: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
        let help = text(&words);
        let examples: Vec<&str> =
            help.split("Examples:\n").nth(1).unwrap_or_default().lines().filter(|line| line.contains("portcullis ")).collect();
        assert!(examples.len() >= 2, "{command:?} has {} examples:\n{help}", examples.len());
        let starts = format!("portcullis {}", command.join(" "));
        assert!(examples.iter().all(|example| example.contains(&starts)), "{command:?}: {examples:?}");
    }
}

/// What an example says is tried with `--help` behind it: unknown flags and commands are refused before help is shown.
#[test]
fn every_example_is_one_the_program_knows() {
    let mut tried = 0;
    for command in commands() {
        let words: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
        let help = text(&words).replace("\\\n", " ");
        for line in help.split("Examples:\n").nth(1).unwrap_or_default().lines() {
            let Some((_, example)) = line.split_once("portcullis ") else { continue };
            let example = example.split(" > ").next().unwrap().split(" < ").next().unwrap().split(" | ").next().unwrap();
            let output = Command::new("sh")
                .arg("-c")
                .arg(format!("exec \"$0\" {example} --help"))
                .arg(env!("CARGO_BIN_EXE_portcullis"))
                .output()
                .unwrap();
            assert!(output.status.success(), "{example}: {}", String::from_utf8_lossy(&output.stderr));
            tried += 1;
        }
    }
    assert!(tried > 50, "only {tried} examples");
}

#[test]
fn nouns_explain_the_idea_before_the_verbs() {
    for noun in ["key", "client", "resource", "grant", "user", "token"] {
        let help = text(&["help", noun]);
        let idea = help.split("Usage:").next().unwrap();
        assert!(idea.lines().count() >= 3, "{noun}:\n{idea}");
    }
    let key = text(&["help", "key"]).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(key.contains("on standby") && key.contains("back up both"), "{key}");
}

#[test]
fn the_plural_is_understood_and_not_shown() {
    let help = text(&["--help"]);
    for (singular, plural) in [("user", "users"), ("client", "clients"), ("resource", "resources"), ("grant", "grants"), ("key", "keys")] {
        assert_eq!(text(&[plural, "--help"]), text(&[singular, "--help"]));
        assert!(!help.lines().any(|line| line.trim_start().starts_with(plural)), "{help}");
    }
}

#[test]
fn what_is_used_wrongly_ends_with_two_and_a_hint() {
    for (arguments, hint) in [
        (&["clint", "list"][..], "client"),
        (&["client", "lst"], "list"),
        (&["client", "list", "--jsn"], "--json"),
        (&["serve", "--sampel"], "--sample"),
        (&["user", "show"], "Usage:"),
    ] {
        let output = portcullis(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(WRONGLY_USED), "{said}");
        assert!(said.contains(hint) && output.stdout.is_empty(), "{said}");
    }
    assert!(text(&["--version"]).starts_with("portcullis "));
}

#[test]
fn shells_complete_every_noun() {
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&["completions", shell]);
        for noun in listed(&text(&["--help"])) {
            assert!(script.contains(&noun), "{shell}: {noun}");
        }
    }
}
