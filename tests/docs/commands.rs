//! Commands and settings that the pages show are ones that the program knows.

use std::{fs, process::Command};

use super::{blocks, pages, text};

/// The words of one line of shell, as far as pages need it: quotes, comments, and no more than the first command.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in line.chars() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (Some(_), inner) => word.get_or_insert_default().push(inner),
            (None, '"' | '\'') => {
                word.get_or_insert_default();
                quote = Some(character);
            }
            (None, '#') if word.is_none() => break,
            (None, '|' | '>' | '<' | ';' | '&') => break,
            (None, blank) if blank.is_whitespace() => words.extend(word.take()),
            (None, plain) => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word);
    words
}

/// The arguments of `portcullis` in a line, however it is started.
pub(crate) fn arguments(line: &str) -> Option<Vec<String>> {
    let words = words(line);
    let start = match words.first().map(String::as_str)? {
        "portcullis" => 1,
        "cargo" if words.get(1).is_some_and(|word| word == "run") => words.iter().position(|word| word == "--")? + 1,
        _ => words.windows(2).position(|pair| pair == ["--", "portcullis"])? + 2,
    };
    words.get(start..).map(<[String]>::to_vec)
}

#[test]
fn a_line_of_shell_is_taken_apart() {
    assert_eq!(
        arguments("portcullis resource add https://a --name \"My files\"  # why").unwrap(),
        ["resource", "add", "https://a", "--name", "My files"]
    );
    assert_eq!(arguments("cargo run --release -- serve --sample").unwrap(), ["serve", "--sample"]);
    assert_eq!(arguments("kubectl exec x -- portcullis user list | head").unwrap(), ["user", "list"]);
    assert_eq!(arguments("kubectl get pods"), None);
}

#[test]
fn every_command_on_a_page_is_one_the_program_knows() {
    let mut tried = 0;
    for page in pages() {
        for block in blocks(&text(&page), "sh") {
            for line in block.replace("\\\n", " ").lines() {
                let Some(arguments) = arguments(line) else { continue };
                let output = Command::new(env!("CARGO_BIN_EXE_portcullis")).args(&arguments).arg("--help").output().unwrap();
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{}: {line}\n{said}", page.display());
                tried += 1;
            }
        }
    }
    assert!(tried > 10, "only {tried} commands found");
}

#[test]
fn every_configuration_file_on_a_page_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portcullis.toml");
    let mut tried = 0;
    for page in pages() {
        for block in blocks(&text(&page), "toml") {
            if !block.starts_with("# portcullis.toml") {
                continue;
            }
            fs::write(&file, &block).unwrap();
            let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
                .env_clear()
                .env("PORTCULLIS_DATA_DIR", folder.path().join("data"))
                .args(["config", "check", "--config"])
                .arg(&file)
                .output()
                .unwrap();
            let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "{}:\n{block}\n{said}", page.display());
            tried += 1;
        }
    }
    assert!(tried > 1, "only {tried} files found");
}
