//! The JSON Schema of the file, for editors.

use std::sync::LazyLock;

use serde_json::{Map, Value as Json, json};

use super::{
    authorization::Authorization,
    client_documents::ClientDocuments,
    egress::EgressFiles,
    limits::Limits,
    log::Log,
    registration::Registration,
    section::{Section, Setting},
    server::Server,
    session::Session,
    tls::TlsFiles,
    tokens::Tokens,
};

/// A section as the schema and the reference page need it.
pub(super) struct Described {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) settings: Vec<Setting>,
}

fn described<S: Section>() -> Described {
    Described { name: S::NAME, about: S::ABOUT.trim(), settings: S::settings() }
}

/// Every section, in the order of the reference page.
pub(super) fn sections() -> Vec<Described> {
    vec![
        described::<Server>(),
        described::<TlsFiles>(),
        described::<Session>(),
        described::<Tokens>(),
        described::<Authorization>(),
        described::<Registration>(),
        described::<ClientDocuments>(),
        described::<EgressFiles>(),
        described::<Limits>(),
        described::<Log>(),
    ]
}

/// The names of the sections that are tables.
pub(super) const SECTIONS: [&str; 9] = [
    TlsFiles::NAME,
    Session::NAME,
    Tokens::NAME,
    Authorization::NAME,
    Registration::NAME,
    ClientDocuments::NAME,
    EgressFiles::NAME,
    Limits::NAME,
    Log::NAME,
];

/// Every setting there is.
pub fn settings() -> &'static [Setting] {
    static ALL: LazyLock<Vec<Setting>> = LazyLock::new(|| sections().into_iter().flat_map(|section| section.settings).collect());
    &ALL
}

/// The JSON Schema of the configuration file.
pub fn schema() -> Json {
    let mut properties = Map::new();
    for section in sections() {
        let members: Map<String, Json> = section.settings.iter().map(member).collect();
        if section.name.is_empty() {
            properties.extend(members);
        } else {
            let table = json!({"type": "object", "description": section.about, "additionalProperties": false, "properties": members});
            properties.insert(section.name.to_owned(), table);
        }
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Portcullis",
        "description": "The configuration file of Portcullis, portcullis.toml",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}

fn member(setting: &Setting) -> (String, Json) {
    let mut shape = setting.shape.clone();
    if let Some(members) = shape.as_object_mut() {
        members.insert("description".to_owned(), json!(setting.about));
        if let Some(default) = &setting.default {
            members.insert("default".to_owned(), default.clone());
        }
    }
    let name = setting.key.rsplit('.').next().unwrap_or(setting.key);
    (name.to_owned(), shape)
}
