//! What operators write, and what they are told.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::*;
use crate::protocol::vocabulary::SigningAlgorithm;

/// Loads a file of this text, with this environment.
fn configured(folder: &Path, text: &str, environment: &[(&str, &str)]) -> Result<Config, Mistakes> {
    fs::write(folder.join("portcullis.toml"), text).unwrap();
    let mut sources = Sources { folder: Some(folder.to_owned()), ..Sources::default() };
    sources.environment.insert("HOME".into(), "/home/ada".into());
    sources.environment.extend(environment.iter().map(|(name, value)| (name.into(), value.into())));
    load(&sources)
}

fn told(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let folder = TempDir::new().unwrap();
    let mistakes = configured(folder.path(), text, environment).unwrap_err();
    let place = format!("{}/", folder.path().display());
    mistakes.to_string().replace(&place, "").lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn without_configuration_the_server_is_on_loopback_with_its_data_at_home() {
    let folder = TempDir::new().unwrap();
    let config = configured(folder.path(), "", &[]).unwrap();
    assert_eq!(config.issuer.as_str(), "http://127.0.0.1:8080");
    assert_eq!(config.data_dir, Path::new("/home/ada/.local/share/portcullis"));
    assert!(matches!(&config.database, Location::Sqlite(path) if path == &config.data_dir.join("portcullis.db")));
    assert!(matches!(&config.master_key, MasterKeySource::File(path) if path == &config.data_dir.join("master.key")));
}

// OA-CD-01, OA-RT-04, OA-SE-04: the numbers of section 0.
#[test]
fn the_defaults_are_those_that_the_documents_promise() {
    let config = Config::default_in("/data").unwrap();
    let shown = |duration: chrono::TimeDelta| write_duration(duration);
    assert_eq!(shown(config.tokens.code_lifetime), "1m");
    assert_eq!(shown(config.tokens.access_token_lifetime), "15m");
    assert_eq!(shown(config.tokens.refresh_idle_lifetime), "30d");
    assert_eq!(shown(config.tokens.refresh_absolute_lifetime), "180d");
    assert_eq!(shown(config.tokens.refresh_grace), "45s");
    assert_eq!(shown(config.tokens.clock_skew), "30s");
    assert_eq!(config.tokens.failed_exchanges, 5);
    assert_eq!(shown(config.authorization.request_lifetime), "15m");
    assert_eq!(shown(config.session.idle_lifetime), "12h");
    assert_eq!(shown(config.session.absolute_lifetime), "14d");
}

#[test]
fn every_mistake_is_told_at_once_with_its_place_and_what_was_meant() {
    let text = "issuer = \"https://auth.example.com/\"\nlisen = \"127.0.0.1:1\"\n\n[session]\nidle_timout = 3\n\n[tokens]\ncode_lifetime = \"2m\"\n  rotate_confidential = \"yes\"\n\n[registration]\nmode = \"opn\"\n";
    assert_eq!(
        told(text, &[("PORTCULLIS_ISSUR", "x"), ("PORTCULLIS_TOKENS_CLOCK_SKEW", "soon")]),
        [
            "portcullis.toml:1:10 issuer = \"https://auth.example.com/\" remove the trailing slash: clients compare it character by character (docs/protect-a-server.md, The slash); where it is meant, set issuer_trailing_slash = true",
            "portcullis.toml:2:1 lisen no such setting; did you mean listen?",
            "portcullis.toml:5:1 [session] idle_timout no such setting; did you mean idle_lifetime?",
            "portcullis.toml:8:17 [tokens] code_lifetime = \"2m\" this should be between 10s and 1m",
            "portcullis.toml:9:25 [tokens] rotate_confidential = \"yes\" this should be true or false, without quotes",
            "portcullis.toml:12:8 [registration] mode = \"opn\" did you mean \"open\"? It is one of open, initial_access_token, off",
            "$PORTCULLIS_ISSUR no such setting; did you mean PORTCULLIS_ISSUER?",
            "$PORTCULLIS_TOKENS_CLOCK_SKEW [tokens] clock_skew = \"soon\" this should be a length of time such as \"45s\", \"15m\", \"12h\", \"30d\" or \"1h30m\"",
            "8 mistakes",
        ]
    );
}

#[test]
fn what_is_no_toml_is_told_with_its_place_and_does_not_hide_the_rest() {
    let lines = told("issuer = \n\n[tokens]\ncode_lifetime = \"1y\"\n", &[]);
    assert!(lines[0].starts_with("portcullis.toml:1:"), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("portcullis.toml:4:17")), "{lines:?}");
}

#[test]
fn later_sources_win_and_what_they_hide_is_still_checked() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("portcullis.toml"), "listen = \"127.0.0.1:1000\"\n[tokens]\ncode_lifetime = \"20s\"\n").unwrap();
    let mut sources = Sources { folder: Some(folder.path().to_owned()), ..Sources::default() };
    sources.environment.insert("PORTCULLIS_DATA_DIR".into(), "/data".into());
    sources.environment.insert("PORTCULLIS_LISTEN".into(), "127.0.0.1:2000".into());
    sources.environment.insert("PORTCULLIS_TOKENS_CODE_LIFETIME".into(), "30s".into());
    sources.set.push("tokens.code_lifetime=40s".to_owned());
    let config = load(&sources).unwrap();
    assert_eq!(config.listen.port(), 2000);
    assert_eq!(write_duration(config.tokens.code_lifetime), "40s");
    sources.flags.push(("listen", "--listen".to_owned(), "127.0.0.1:3000".to_owned()));
    assert_eq!(load(&sources).unwrap().issuer.as_str(), "http://127.0.0.1:3000");

    assert_eq!(told("listen = 1", &[("PORTCULLIS_LISTEN", "127.0.0.1:1")]).len(), 2);
}

#[test]
fn an_address_that_others_reach_needs_tls_or_proxies_and_a_name() {
    let lines = told("listen = \"0.0.0.0:8080\"", &[]);
    assert!(
        lines[0].contains("set [tls] certificate and key, or trusted_proxies if a proxy in front of this server ends TLS"),
        "{lines:?}"
    );
    assert!(lines[1].contains("set issuer to the https address that clients use"), "{lines:?}");
    assert_eq!(lines.len(), 3);

    let folder = TempDir::new().unwrap();
    let behind = "issuer = \"https://auth.example.com\"\nlisten = \"0.0.0.0:8080\"\ntrusted_proxies = [\"10.0.0.0/8\"]";
    assert_eq!(configured(folder.path(), behind, &[]).unwrap().issuer.as_str(), "https://auth.example.com");
    assert!(told(&behind.replace("10.0.0.0/8", "0.0.0.0/0"), &[])[0].contains("trusts everybody"));
}

#[test]
fn a_certificate_and_its_key_come_together_and_can_be_read() {
    assert!(told("[tls]\ncertificate = \"none.pem\"", &[]).iter().any(|line| line.contains("set [tls] key too")));
    assert!(told("[tls]\ncertificate = \"none.pem\"\nkey = \"none.key\"", &[])[0].contains("cannot be read"));
}

// OA-JW-17
#[test]
fn tls_files_that_can_not_be_used_are_mistakes() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TempDir::new().unwrap();
    let key = folder.path().join("a.key");
    let told = |certificate: &str, private: &str, mode| {
        fs::write(folder.path().join("a.pem"), certificate).unwrap();
        fs::write(&key, private).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        configured(folder.path(), "[tls]\ncertificate = \"a.pem\"\nkey = \"a.key\"\n", &[]).unwrap_err().to_string()
    };
    let both = told("hush", "hush", 0o600);
    let (certificate, private) = both.split_once('\n').unwrap();
    assert!(certificate.contains("portcullis.toml:2:15 ") && certificate.contains("a.pem has no certificate in PEM"), "{both}");
    assert!(private.contains("portcullis.toml:3:7 ") && private.contains("a.key has no private key without a password in PEM"), "{both}");
    let cut = "-----BEGIN CERTIFICATE-----\nhush";
    assert!(told(cut, "-----BEGIN PRIVATE KEY-----\nhush", 0o600).ends_with("\n2 mistakes"));
    for mode in [0o640, 0o604, 0o660, 0o610] {
        let open = told("hush", "hush", mode);
        assert!(open.contains("others can read the private key") && open.contains("chmod 600"), "{mode:o}: {open}");
    }
    assert!(!both.contains("hush"), "{both}");
}

#[test]
fn a_file_whose_name_is_not_utf_8_is_read_all_the_same() {
    use std::os::unix::ffi::OsStringExt as _;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join(std::ffi::OsString::from_vec(b"caf\xe9.toml".to_vec()));
    fs::write(&file, "lisen = 1").unwrap();
    let mut sources = Sources { folder: Some(folder.path().to_owned()), ..Sources::default() };
    sources.environment.insert("HOME".into(), "/home/ada".into());
    sources.environment.insert("PORTCULLIS_CONFIG".into(), file.clone().into());
    assert!(load(&sources).unwrap_err().to_string().contains("did you mean listen?"));
    fs::write(&file, "").unwrap();
    assert_eq!(load(&sources).unwrap().file, Some(file));
}

// MCP-AS-70, MCP-AS-83
#[test]
fn a_resource_is_one_line() {
    let folder = TempDir::new().unwrap();
    let config = configured(folder.path(), "resources = [\"https://mcp.example.com/mcp\"]", &[]).unwrap();
    assert_eq!(config.resources[0].identifier.as_str(), "https://mcp.example.com/mcp");
    assert_eq!(config.resources[0].name, "mcp.example.com");

    let line = "resources = [{ url = \"https://mcp.example.com/mcp\", name = \"Files\", scopes = { \"files:write\" = \"Change\", \"files:read\" = \"Read\" }, token_lifetime = \"5m\", signing_algorithm = \"EdDSA\", people = [\"ada\"] }]";
    let files = configured(folder.path(), line, &[]).unwrap().resources.remove(0);
    assert_eq!((files.name.as_str(), files.signing_algorithm), ("Files", SigningAlgorithm::EdDsa));
    assert_eq!(files.scopes[0].token.as_str(), "files:write", "in the order of the file");
    assert_eq!(files.default_scopes.to_string(), "files:write");
    assert_eq!(files.token_lifetime, Some(chrono::TimeDelta::minutes(5)));
    assert!(files.admits("ada") && !files.admits("eve"));

    let variable = [("PORTCULLIS_RESOURCES", "https://a.example/mcp, https://b.example/mcp")];
    assert_eq!(configured(folder.path(), "", &variable).unwrap().resources.len(), 2);
}

#[test]
fn mistakes_in_resources_have_places_too() {
    let lines = told(
        "[[resources]]\nurl = \"https://mcp.example.com/mcp#x\"\nscops = []\ntoken_lifetime = \"2h\"\n\n[[resources]]\nname = \"Files\"\n\n[[resources]]\nurl = \"https://a.example\"\nscopes = [\"read\"]\ndefault_scopes = [\"write\"]\n",
        &[],
    );
    for (line, words) in [
        ("2:7", "fragment"),
        ("3:1", "did you mean scopes?"),
        ("4:18", "between 1m and 1h"),
        ("6:1", "needs its address"),
        ("12:18", "write, which is none of its scopes"),
    ] {
        assert!(
            lines.iter().any(|told| told.starts_with(&format!("portcullis.toml:{line} ")) && told.contains(words)),
            "{line}: {lines:#?}"
        );
    }
    assert!(told("resources = [\"https://a.example/\", \"https://A.example\"]", &[])[0].contains("named twice"));
}

// OA-RI-09
#[test]
fn no_name_of_a_resource_is_one_of_the_server() {
    let issuer = "issuer = \"https://auth.example.com\"\nlisten = \"127.0.0.1:1\"\n";
    let lines = told(
        &format!(
            "{issuer}default_resource = \"https://auth.example.com/jwks\"\nresources = [\n  \"https://auth.example.com/mcp\",\n  \"https://AUTH.example.com/\",\n  {{ url = \"https://mcp.example.com/\", aliases = [\n    \"https://auth.example.com/token\",\n  ] }},\n  {{ url = \"https://auth.example.com/x\", origin_alias = true }},\n]\n"
        ),
        &[],
    );
    for (line, name) in [
        ("3:20 default_resource", "this"),
        ("6:3 resources", "https://AUTH.example.com/"),
        ("8:5 resources", "https://auth.example.com/token"),
        ("10:3 resources", "https://auth.example.com"),
    ] {
        let sentence = format!("{name} is an address of this server itself; a resource has one of its own");
        assert!(
            lines.iter().any(|told| told.starts_with(&format!("portcullis.toml:{line} ")) && told.ends_with(&format!(" {sentence}"))),
            "{line}: {lines:#?}"
        );
    }
    assert_eq!(lines.len(), 5, "{lines:#?}");

    // The sample, and whatever else shares the host.
    let folder = TempDir::new().unwrap();
    let beside = format!("{issuer}resources = [\"https://auth.example.com/mcp\", \"http://127.0.0.1:8081/mcp\"]");
    assert_eq!(configured(folder.path(), &beside, &[]).unwrap().resources.len(), 2);
}

#[test]
fn one_name_is_one_resource_by_the_rule_that_finds_it() {
    let lines = told(
        "resources = [\n  \"https://a.example/mcp\",\n  { url = \"https://b.example\", aliases = [\"https://b.example/x\", \"https://A.example/mcp/?tenant=7\"] },\n]",
        &[],
    );
    let sentence =
        "https://A.example/mcp/?tenant=7 and https://a.example/mcp are one name: a query tells two apart only where both have one";
    assert_eq!(lines, [format!("portcullis.toml:3:66 resources {sentence}"), "1 mistake".to_owned()]);
}

#[test]
fn a_resource_is_described_in_words_that_can_be_read() {
    let lines = told(
        "[[resources]]\nurl = \"https://a.example\"\nname = \" \"\nscopes = [\"a\", \"b\",\n  \"a\"]\n\n[[resources]]\nurl = \"https://b.example\"\nscopes = { a = \"\", b = \"x\\u0007\", c = \"Read\" }\n",
        &[],
    );
    for (line, words) in [
        ("3:8", "a name has 1 to 100 characters, all of which can be seen"),
        ("5:3", "a: it is given twice"),
        ("9:16", "a: write a sentence for people"),
        ("9:24", "b: write a sentence for people"),
    ] {
        assert!(
            lines.iter().any(|told| told.starts_with(&format!("portcullis.toml:{line} ")) && told.contains(words)),
            "{line}: {lines:#?}"
        );
    }
    assert_eq!(lines.len(), 5, "{lines:#?}");
}

// OA-RI-06
#[test]
fn people_are_named_in_whatever_letter_case() {
    let folder = TempDir::new().unwrap();
    let line = "resources = [{ url = \"https://mcp.example.com/mcp\", people = [\"Ada\"] }]";
    let files = configured(folder.path(), line, &[]).unwrap().resources.remove(0);
    assert!(files.admits("ada") && files.admits("Ada") && !files.admits("eve"));
}

// MCP-AS-05: refused, unless it is said to be meant
#[test]
fn an_issuer_ends_in_a_slash_only_where_that_is_said_to_be_meant() {
    let folder = TempDir::new().unwrap();
    for issuer in ["https://auth.example.com/", "https://auth.example.com/tenant/"] {
        let lines = told(&format!("issuer = \"{issuer}\""), &[]);
        assert!(lines[0].starts_with("portcullis.toml:1:10 ") && lines[0].contains("set issuer_trailing_slash = true"), "{lines:?}");
        assert_eq!(lines.len(), 2, "{lines:?}");
        let meant = configured(folder.path(), &format!("issuer = \"{issuer}\"\nissuer_trailing_slash = true"), &[]).unwrap();
        assert_eq!(meant.issuer.as_str(), issuer, "byte for byte");
    }
    for settings in ["issuer = \"https://auth.example.com\"\nissuer_trailing_slash = true", "issuer_trailing_slash = true"] {
        let lines = told(settings, &[]);
        assert!(lines[0].contains("issuer_trailing_slash") && lines[0].contains("there is nothing to allow"), "{lines:?}");
        assert_eq!(lines.len(), 2, "{lines:?}");
    }
    // a name that is wrong in another way is the only mistake
    let lines = told("issuer = \"https://auth.example.com//\"\nissuer_trailing_slash = true", &[]);
    assert_eq!(lines.len(), 2, "{lines:?}");
}

// MCP-AS-05: what no router could serve is told before the start
#[test]
fn the_path_of_an_issuer_is_made_of_plain_words() {
    for (path, part) in [("/:a", ":a"), ("/a/*b", "*b"), ("/.well-known/a", ".well-known"), ("/a//b", "")] {
        let lines = told(&format!("issuer = \"https://auth.example.com{path}\""), &[]);
        assert!(
            lines[0].starts_with("portcullis.toml:1:10 ") && lines[0].contains(&format!("can not have the part {part:?}")),
            "{lines:?}"
        );
    }
    for path in ["/{a}", "/a/../b", "/a/%2e%2e/b"] {
        assert_eq!(told(&format!("issuer = \"https://auth.example.com{path}\""), &[]).len(), 2, "{path}");
    }
    let folder = TempDir::new().unwrap();
    for path in ["/tenant", "/a:b/c*", "/~ada", "/a.b"] {
        configured(folder.path(), &format!("issuer = \"https://auth.example.com{path}\""), &[]).unwrap();
    }
}

#[test]
fn secrets_come_from_files_and_are_never_repeated() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("url"), "postgres://portcullis:hunter2@db/portcullis\n").unwrap();
    let config = configured(folder.path(), "database_file = \"url\"", &[]).unwrap();
    assert!(matches!(&config.database, Location::Postgres(url) if url.expose().ends_with("@db/portcullis")));
    assert!(!format!("{config:?}").contains("hunter2"));

    let lines = told("database = \"mysql://me:hunter2@db\"\nmaster_key = \"hunter2\"", &[("PORTCULLIS_DATABASE_FILE", "/nowhere")]);
    assert!(lines.len() > 2 && !lines.concat().contains("hunter2"), "{lines:?}");

    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let config = configured(folder.path(), "", &[("PORTCULLIS_MASTER_KEY", key)]).unwrap();
    assert!(matches!(&config.master_key, MasterKeySource::Value(key) if key.expose()[31] == 31));
}

#[test]
fn a_misspelt_log_level_is_a_mistake() {
    assert!(told("[log]\nlevel = \"inof\"", &[])[0].contains("did you mean \"info\"?"));
    let folder = TempDir::new().unwrap();
    let config = configured(folder.path(), "[log]\nlevel = \"warn,portcullis::oauth=debug\"", &[]).unwrap();
    assert_eq!(config.log.level.as_str(), "warn,portcullis::oauth=debug");
}

#[test]
fn every_default_is_within_its_bounds_and_every_variable_has_one_meaning() {
    let mut variables: Vec<String> = settings().iter().map(Setting::variable).collect();
    variables.sort();
    let all = variables.len();
    variables.dedup();
    assert_eq!(variables.len(), all);
    assert!(!variables.contains(&"PORTCULLIS_CONFIG".to_owned()));

    // What the reference shows as default can be written into the file.
    let folder = TempDir::new().unwrap();
    for setting in settings() {
        if let Some(default) = &setting.default {
            let line = match setting.key.split_once('.') {
                Some((section, name)) => format!("[{section}]\n{name} = {default}"),
                None => format!("{} = {default}", setting.key),
            };
            configured(folder.path(), &line, &[]).unwrap_or_else(|mistakes| panic!("{line}\n{mistakes}"));
        }
        assert!(setting.about.ends_with('.'), "{}", setting.key);
    }
}

#[test]
fn the_data_folder_is_found_by_one_rule() {
    let found = |environment: &[(&str, &str)]| {
        let mut sources = Sources::default();
        sources.environment.extend(environment.iter().map(|(name, value)| (name.into(), value.into())));
        load(&sources).map(|config| config.data_dir.display().to_string())
    };
    let mut environment = vec![("HOME", "/home/ada")];
    assert_eq!(found(&environment).unwrap(), "/home/ada/.local/share/portcullis");
    environment.push(("XDG_DATA_HOME", "/xdg"));
    assert_eq!(found(&environment).unwrap(), "/xdg/portcullis");
    environment.push(("STATE_DIRECTORY", "/var/lib/portcullis:/var/lib/other"));
    assert_eq!(found(&environment).unwrap(), "/var/lib/portcullis");
    environment.push(("PORTCULLIS_DATA_DIR", "/data"));
    assert_eq!(found(&environment).unwrap(), "/data");
    assert!(found(&[]).unwrap_err().to_string().contains("set data_dir"));
}
