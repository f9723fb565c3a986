//! `portcullis config`, and the page that is made by it.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

use super::WRONGLY_USED;

fn portcullis(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.current_dir(folder).env_clear().env("HOME", folder).args(arguments);
    command.output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_reference_page_is_fresh() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let reference = portcullis(Path::new("."), &["config", "reference"]);
    let written = fs::read_to_string(page).unwrap();
    assert_eq!(written, out(&reference), "write it anew: portcullis config reference > docs/configuration.md");
}

#[test]
fn the_schema_is_one_and_knows_every_setting_of_the_reference() {
    let folder = tempfile::tempdir().unwrap();
    let schema: Value = serde_json::from_str(&out(&portcullis(folder.path(), &["config", "schema"]))).unwrap();
    assert_eq!(schema["additionalProperties"], false, "nothing is silently ignored");
    for section in ["tokens", "session", "registration", "limits"] {
        assert_eq!(schema["properties"][section]["additionalProperties"], false, "{section}");
    }
}

/// Whether a value is of the shape that the schema describes, as far as our schema goes.
fn fits(shape: &Value, value: &Value) -> bool {
    if let Some(words) = shape["enum"].as_array() {
        return words.contains(value);
    }
    if let Some(shapes) = shape["anyOf"].as_array().or(shape["oneOf"].as_array()) {
        return shapes.iter().any(|shape| fits(shape, value));
    }
    let types: Vec<&str> = match shape["type"].as_array() {
        Some(types) => types.iter().filter_map(Value::as_str).collect(),
        None => shape["type"].as_str().into_iter().collect(),
    };
    assert!(!types.is_empty(), "a shape without a type: {shape}");
    types.iter().any(|name| match *name {
        "string" => value.is_string(),
        "integer" => value.as_i64().is_some_and(|number| {
            shape["minimum"].as_i64().is_none_or(|low| low <= number) && shape["maximum"].as_i64().is_none_or(|high| number <= high)
        }),
        "boolean" => value.is_boolean(),
        "array" => value.as_array().is_some_and(|items| items.iter().all(|item| fits(&shape["items"], item))),
        "object" => value.is_object(),
        other => panic!("a type that this test does not know: {other}"),
    })
}

/// The settings of the reference page: section, name, default.
fn reference() -> Vec<(String, String, Option<Value>)> {
    let page = out(&portcullis(Path::new("."), &["config", "reference"]));
    let (mut section, mut settings) = (String::new(), Vec::new());
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.strip_prefix("`[").and_then(|title| title.strip_suffix("]`")).unwrap_or_default().clone_into(&mut section);
        } else if let Some((name, rest)) = line.strip_prefix("| `").and_then(|row| row.split_once("`<br>")) {
            let default = rest.split('|').nth(1).unwrap().trim().trim_matches('`');
            let default = match default {
                "–" => None,
                "none" => Some(Value::Array(Vec::new())),
                written => Some(serde_json::from_str(written).unwrap()),
            };
            settings.push((section.clone(), name.to_owned(), default));
        }
    }
    settings
}

#[test]
fn the_schema_gives_every_setting_its_shape() {
    let schema: Value = serde_json::from_str(&out(&portcullis(Path::new("."), &["config", "schema"]))).unwrap();
    let settings = reference();
    assert!(settings.len() > 40, "{}", settings.len());
    for (section, name, default) in &settings {
        let members = if section.is_empty() { &schema["properties"] } else { &schema["properties"][section]["properties"] };
        let shape = &members[name];
        assert!(shape.is_object(), "{section}.{name} is not in the schema");
        assert!(!fits(shape, &serde_json::json!({"no": "such thing"})), "{section}.{name} takes anything: {shape}");
        assert_eq!(
            shape.get("default").filter(|default| **default != Value::Array(Vec::new())),
            default.as_ref().filter(|default| **default != Value::Array(Vec::new())),
            "{section}.{name}"
        );
        if let Some(default) = default {
            assert!(fits(shape, default), "{section}.{name}: {default} is not of the shape {shape}");
        }
    }
    let tables = schema["properties"].as_object().unwrap();
    let known = tables.values().map(|shape| shape["properties"].as_object().map_or(1, serde_json::Map::len)).sum::<usize>();
    assert_eq!(known, settings.len(), "and there is nothing else in it");
}

// OA-AT-02
#[test]
fn a_resource_whose_tokens_would_be_too_large_is_a_mistake_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let check = |count: usize| {
        let scopes: Vec<String> = (0..count).map(|at| format!("\"notes:scope-number-{at:02}\"")).collect();
        let resource = format!("{{ url = \"https://notes.example.com/mcp\", scopes = [{}] }}", scopes.join(", "));
        let text =
            format!("issuer = \"https://auth.example.com\"\nresources = [\n    \"https://files.example.com/mcp\",\n    {resource},\n]\n");
        fs::write(folder.path().join("portcullis.toml"), text).unwrap();
        portcullis(folder.path(), &["config", "check"])
    };
    assert_eq!(check(45).status.code(), Some(0));
    let output = check(60);
    assert_eq!(output.status.code(), Some(WRONGLY_USED));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("portcullis.toml:4:13 ") && said.ends_with("1 mistake\n"), "{said}");
    assert!(
        said.contains("an access token with all its scopes would have 2")
            && said.contains(" bytes, and has to stay below 2048: give it fewer scopes"),
        "{said}"
    );
}

#[test]
fn every_mistake_is_told_at_once_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("portcullis.toml"),
        "issuer = \"https://auth.example.com/\"\nlisten = \"127.0.0.1:8080\"\n\n[session]\nidle_timout = \"1h\"\n\n[tokens]\ncode_lifetime = \"2h\"\n\n[tokns]\nx = 1\n",
    )
    .unwrap();
    let output = portcullis(folder.path(), &["config", "check"]);
    assert_eq!(output.status.code(), Some(WRONGLY_USED));
    let said = String::from_utf8(output.stderr).unwrap();
    for (place, part) in [
        ("portcullis.toml:1:10", "slash"),
        ("portcullis.toml:5:1", "no such setting; did you mean idle_lifetime?"),
        ("portcullis.toml:8:17", "this should be between 10s and 1m"),
        ("portcullis.toml:10:", "did you mean"),
    ] {
        let line = said.lines().find(|line| line.starts_with(place)).unwrap_or_else(|| panic!("nothing about {place}:\n{said}"));
        assert!(line.contains(part), "{line}");
    }
    assert!(said.ends_with("4 mistakes\n"), "{said}");
    let serve = portcullis(folder.path(), &["serve"]);
    assert_eq!((serve.status.code(), String::from_utf8(serve.stderr).unwrap()), (Some(WRONGLY_USED), said));

    let programs = portcullis(folder.path(), &["config", "check", "--json"]);
    let mistakes: Value = serde_json::from_str(&out(&programs)).unwrap();
    assert_eq!(mistakes["mistakes"].as_array().unwrap().len(), 4);
    assert_eq!(programs.status.code(), Some(WRONGLY_USED));
}

#[test]
fn variables_and_flags_are_checked_like_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.current_dir(folder.path()).env_clear().env("HOME", folder.path()).env("PORTCULLIS_TOKENS_CODE_LIFETIM", "30s");
    let output = command.args(["config", "check", "--set", "tokens.refresh_grac=1s"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(WRONGLY_USED), "{said}");
    assert!(said.contains("$PORTCULLIS_TOKENS_CODE_LIFETIM") && said.contains("did you mean PORTCULLIS_TOKENS_CODE_LIFETIME?"), "{said}");
    assert!(said.contains("--set") && said.contains("did you mean refresh_grace?"), "{said}");
    assert!(portcullis(folder.path(), &["config", "check"]).status.success());
}
