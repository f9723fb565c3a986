//! Puts the sources together.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Config, Mistakes, check, file,
    origin::{Mistake, Origin, nearest},
    reader::Reader,
    schema::{SECTIONS, settings},
    value::{Entry, Given, Value, shown_key},
};

/// What the file is called where nobody names one.
const USUAL_FILE: &str = "portcullis.toml";
/// Variables with our prefix that are no settings.
const FILE_VARIABLE: &str = "PORTCULLIS_CONFIG";
const PREFIX: &str = "PORTCULLIS_";

/// What the program was given.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file that `--config` names.
    pub file: Option<PathBuf>,
    /// The folder in which `portcullis.toml` is looked for where nobody names a file.
    pub folder: Option<PathBuf>,
    /// The environment.
    pub environment: BTreeMap<OsString, OsString>,
    /// Settings given as flags: the key, the flag, the value.
    pub flags: Vec<(&'static str, String, String)>,
    /// `--set KEY=VALUE`.
    pub set: Vec<String>,
}

impl Sources {
    /// The environment of this process; the usual file is looked for in the current folder.
    pub fn of_process() -> Self {
        Self { folder: Some(PathBuf::new()), environment: std::env::vars_os().collect(), ..Self::default() }
    }

    /// A variable with a path in it, which needs not be UTF-8; if it is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<&OsStr> {
        self.environment.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    fn file(&self) -> Option<PathBuf> {
        let named = self.file.clone().or_else(|| self.variable(FILE_VARIABLE).map(PathBuf::from));
        named.or_else(|| self.folder.as_ref().map(|folder| folder.join(USUAL_FILE)).filter(|file| file.exists()))
    }
}

/// Reads every source and checks all of it.
pub fn load(sources: &Sources) -> Result<Config, Mistakes> {
    let mut reader = Reader::default();
    let file = sources.file();
    if let Some(path) = &file {
        read_file(path, &mut reader);
    }
    read_environment(sources, &mut reader);
    read_flags(sources, &mut reader);
    let config = check::assemble(&mut reader, sources, file);
    match (Mistakes::new(reader.mistakes), config) {
        (None, Some(config)) => Ok(config),
        (Some(mistakes), _) => Err(mistakes),
        (None, None) => Err(Mistakes::unexplained()),
    }
}

fn read_file(path: &Path, reader: &mut Reader) {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let origin = Origin::File { path: Arc::from(path), line: 1, column: 1 };
            let is_missing = error.kind() == io::ErrorKind::NotFound;
            let sentence = if is_missing { "there is no such file".to_owned() } else { format!("the file cannot be read: {error}") };
            reader.mistakes.push(Mistake { origin, subject: String::new(), sentence });
            return;
        }
    };
    let (entries, mistakes) = file::parse(path, &text);
    reader.mistakes.extend(mistakes);
    for Entry { key, origin, given } in entries {
        if !SECTIONS.contains(&key.as_str()) {
            give_known(&key, origin, given, reader);
            continue;
        }
        match given.value {
            Value::Table(entries) => {
                for entry in entries {
                    give_known(&format!("{key}.{}", entry.key), entry.origin, entry.given, reader);
                }
            }
            Value::Text(_) | Value::Untyped(_) | Value::Integer(_) | Value::Boolean(_) | Value::List(_) | Value::Other(_) => {
                let sentence = format!("this is a section: write [{key}] and its settings below");
                reader.mistakes.push(Mistake { origin, subject: key, sentence });
            }
        }
    }
}

/// Gives a value to the reader if there is a setting of that name.
fn give_known(key: &str, origin: Origin, given: Given, reader: &mut Reader) {
    if settings().iter().any(|setting| setting.key == key) {
        reader.give(key, given);
    } else {
        reader.mistakes.push(Mistake { origin, subject: shown_key(key), sentence: no_such_setting(key) });
    }
}

fn no_such_setting(key: &str) -> String {
    let known: Vec<&str> = settings().iter().map(|setting| setting.key).collect();
    let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
    let within = known.iter().copied().filter(|known| known.rsplit_once('.').map_or("", |(table, _)| table) == section);
    let names = within.map(|known| known.rsplit_once('.').map_or(known, |(_, name)| name));
    if let Some(near) = nearest(name, names) {
        return format!("no such setting; did you mean {near}?");
    }
    // The right name in the wrong section, or a misspelt section.
    let elsewhere = known.iter().copied().find(|known| known.rsplit('.').next() == Some(name));
    match elsewhere.or_else(|| nearest(key, known.iter().copied())) {
        Some(near) => format!("no such setting; did you mean {}?", shown_key(near)),
        None => "no such setting; `portcullis config schema` prints all there are".to_owned(),
    }
}

fn read_environment(sources: &Sources, reader: &mut Reader) {
    let variables: BTreeMap<String, &str> = settings().iter().map(|setting| (setting.variable(), setting.key)).collect();
    for (name, value) in &sources.environment {
        let name = name.to_string_lossy();
        if !name.starts_with(PREFIX) || name == FILE_VARIABLE {
            continue;
        }
        let origin = Origin::Environment(name.to_string());
        let mut complain = |sentence: String| {
            reader.mistakes.push(Mistake { origin: origin.clone(), subject: String::new(), sentence });
        };
        match (variables.get(name.as_ref()), value.to_str()) {
            (Some(key), Some(value)) => reader.give(key, Given { value: Value::Untyped(value.to_owned()), origin }),
            (Some(_), None) => complain("this is not valid UTF-8".to_owned()),
            (None, _) => complain(match nearest(&name, variables.keys().map(String::as_str)) {
                Some(near) => format!("no such setting; did you mean {near}?"),
                None => "no such setting; docs/configuration.md has the names".to_owned(),
            }),
        }
    }
}

fn read_flags(sources: &Sources, reader: &mut Reader) {
    for pair in &sources.set {
        let origin = Origin::Flag("--set".to_owned());
        if let Some((key, value)) = pair.split_once('=') {
            let given = Given { value: Value::Untyped(value.to_owned()), origin: origin.clone() };
            give_known(key.trim(), origin, given, reader);
        } else {
            let sentence = "write the setting and its value: --set tokens.code_lifetime=30s".to_owned();
            reader.mistakes.push(Mistake { origin, subject: pair.clone(), sentence });
        }
    }
    for (key, flag, value) in &sources.flags {
        reader.give(key, Given { value: Value::Untyped(value.clone()), origin: Origin::Flag(flag.clone()) });
    }
}
