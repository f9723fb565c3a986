//! What settings must be together, and the typed configuration made of them.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use portcullis_verifier::vocabulary::{Issuer, Resource};

use super::{
    Config, Sources,
    database::Database,
    egress::{Egress, EgressFiles},
    master_key::{MasterKey, MasterKeySource},
    reader::Reader,
    section::Section as _,
    server::Server,
    session::Session,
    tls::{Tls, TlsFiles},
    tokens::Tokens,
    value::{Complaints, Given, Kind, Value},
};
use crate::{
    keys::tls,
    protocol::resource_rules::{are_one_name, is_of_the_server, judged_size, name_of_the_server},
    secret::Secret,
};

/// Reads every section, checks them together, and makes the configuration. None only where a mistake was noted.
pub(super) fn assemble(reader: &mut Reader, sources: &Sources, file: Option<PathBuf>) -> Option<Config> {
    let server = Server::read(reader);
    let tls = tls_files(reader);
    let session = Session::read(reader);
    let tokens = Tokens::read(reader);
    let authorization = super::Authorization::read(reader);
    let registration = super::Registration::read(reader);
    let client_documents = super::ClientDocuments::read(reader);
    let egress = egress(reader);
    let limits = super::Limits::read(reader);
    let log = super::Log::read(reader);

    lifetimes(&session, &tokens, reader);
    proxies(&server.trusted_proxies, reader);
    reachable(&server, tls.is_some(), reader);
    let issuer = issuer(&server, tls.is_some(), reader);
    resources(&server, issuer.as_ref(), reader);
    let data_dir = data_dir(&server, sources, reader);
    let database = database(&server, reader);
    let master_key = master_key(&server, reader);

    let data_dir = data_dir?;
    Some(Config {
        issuer: issuer?,
        listen: server.listen,
        file,
        database: database.unwrap_or_else(|| Database::Sqlite(data_dir.join("portcullis.db"))),
        master_key: master_key.unwrap_or_else(|| MasterKeySource::File(data_dir.join("master.key"))),
        data_dir,
        tls,
        trusted_proxies: server.trusted_proxies,
        session,
        tokens,
        authorization,
        registration,
        client_documents,
        egress,
        limits,
        resources: server.resources,
        default_resource: server.default_resource.map(|address| address.0.as_str().to_owned()),
        log,
        chosen: std::mem::take(&mut reader.chosen),
    })
}

/// The files are judged as they are at the start.
fn tls_files(reader: &mut Reader) -> Option<Tls> {
    let files = TlsFiles::read(reader);
    let mut usable = |key, read: anyhow::Error| reader.complain_about_value(key, &format!("{read:#}"));
    let chain = files.certificate.as_deref().map(tls::certificate_chain).transpose();
    let chain = chain.map_err(|error| usable("tls.certificate", error)).ok().flatten();
    let private_key = files.key.as_deref().map(tls::private_key).transpose();
    let private_key = private_key.map_err(|error| usable("tls.key", error)).ok().flatten();
    if let (Some(chain), Some(private_key)) = (chain, private_key)
        && let Err(error) = tls::tls_config(chain, private_key)
    {
        usable("tls.key", error);
    }
    match (files.certificate, files.key) {
        (Some(certificate), Some(key)) => Some(Tls { certificate, key }),
        (None, None) => None,
        (Some(_), None) => {
            reader.complain_about_value("tls.certificate", "a certificate needs its private key: set [tls] key too");
            None
        }
        (None, Some(_)) => {
            reader.complain_about_value("tls.key", "a private key needs its certificate: set [tls] certificate too");
            None
        }
    }
}

/// The certificates are judged as they are at the start.
fn egress(reader: &mut Reader) -> Egress {
    let EgressFiles { ports, loopback, root_certificates: files } = EgressFiles::read(reader);
    let mut root_certificates = Vec::new();
    for file in &files {
        match tls::certificate_chain(file) {
            Ok(_) => root_certificates.extend(readable("egress.root_certificates", file, reader)),
            Err(error) => reader.complain_about_value("egress.root_certificates", &format!("{error:#}")),
        }
    }
    Egress { ports, loopback, root_certificates }
}

fn readable(key: &'static str, file: &Path, reader: &mut Reader) -> Option<String> {
    match fs::read_to_string(file) {
        Ok(text) => Some(text),
        Err(error) => {
            reader.complain_about_value(key, &format!("{} cannot be read: {error}", file.display()));
            None
        }
    }
}

fn lifetimes(session: &Session, tokens: &Tokens, reader: &mut Reader) {
    if session.idle_lifetime > session.absolute_lifetime {
        reader.complain_about_value("session.idle_lifetime", "this cannot be longer than [session] absolute_lifetime");
    }
    if tokens.refresh_idle_lifetime > tokens.refresh_absolute_lifetime {
        reader.complain_about_value("tokens.refresh_idle_lifetime", "this cannot be longer than [tokens] refresh_absolute_lifetime");
    }
}

/// A proxy network that holds everybody would let everybody choose the address that limits and logs see.
fn proxies(networks: &[IpNet], reader: &mut Reader) {
    if networks.iter().any(|network| network.prefix_len() == 0) {
        reader.complain_about_value("trusted_proxies", "this trusts everybody to be a proxy; name the network that the proxies are in");
    }
}

/// One name means one resource, and none means this server (OA-RI-09).
fn resources(server: &Server, issuer: Option<&Issuer>, reader: &mut Reader) {
    const OURS: &str = "is an address of this server itself; a resource has one of its own";
    let mut seen: Vec<&Resource> = Vec::new();
    for (at, resource) in server.resources.iter().enumerate() {
        for name in resource.names() {
            if let Some(earlier) = seen.iter().find(|earlier| are_one_name(earlier, name)) {
                let sentence = if earlier.canonical() == name.canonical() {
                    format!("{name} is named twice")
                } else {
                    format!("{name} and {earlier} are one name: a query tells two apart only where both have one")
                };
                reader.complain_within("resources", at, name.as_str(), &sentence);
            }
            seen.push(name);
        }
        if let Some(name) = issuer.and_then(|issuer| name_of_the_server(resource, issuer)) {
            reader.complain_within("resources", at, &name, &format!("{name} {OURS}"));
        }
        if let Some(Err(error)) = issuer.map(|issuer| judged_size(resource, issuer)) {
            let name = resource.identifier.as_str();
            reader.complain_within("resources", at, name, &format!("{name}: {error}"));
        }
    }
    if let (Some(default), Some(issuer)) = (&server.default_resource, issuer)
        && is_of_the_server(&default.0, issuer)
    {
        reader.complain_about_value("default_resource", &format!("this {OURS}"));
    }
}

/// What a server that others can reach needs first.
fn reachable(server: &Server, has_tls: bool, reader: &mut Reader) {
    if server.listen.ip().is_loopback() {
        return;
    }
    if !has_tls && server.trusted_proxies.is_empty() {
        reader.complain_about_value(
            "listen",
            "others can reach this address, and passwords would travel in clear text: set [tls] certificate and key, \
             or trusted_proxies if a proxy in front of this server ends TLS",
        );
    }
    if server.issuer.is_none() && !reader.is_given("issuer") {
        reader.complain_about_value(
            "listen",
            "others can reach this address, so the server needs its name: set issuer to the https address that clients use",
        );
    }
}

fn issuer(server: &Server, has_tls: bool, reader: &mut Reader) -> Option<Issuer> {
    if let Some(issuer) = &server.issuer {
        if has_tls && !issuer.0.is_https() {
            reader.complain_about_value("issuer", "this server speaks TLS, so its address starts with https://");
        }
        slash(&issuer.0, server.issuer_trailing_slash, reader);
        return Some(issuer.0.clone());
    }
    if server.issuer_trailing_slash && !reader.is_given("issuer") {
        reader.complain_about_value("issuer_trailing_slash", NO_SLASH);
    }
    let scheme = if has_tls { "https" } else { "http" };
    match Issuer::parse(&format!("{scheme}://{}", plain_loopback(server.listen))) {
        Ok(issuer) => Some(issuer),
        Err(_) if reader.is_given("issuer") => None,
        Err(_) if !server.listen.ip().is_loopback() => None,
        Err(error) => {
            reader.complain("listen", "issuer", &error.to_string());
            None
        }
    }
}

const NO_SLASH: &str = "issuer does not end in a slash, so there is nothing to allow: remove this setting";

/// A slash at the end is refused unless it is said to be meant (MCP-AS-05).
fn slash(issuer: &Issuer, is_meant: bool, reader: &mut Reader) {
    match (issuer.has_trailing_slash(), is_meant) {
        (true, false) => reader.complain_about_value(
            "issuer",
            "remove the trailing slash: clients compare it character by character (docs/protect-a-server.md, The slash); \
             where it is meant, set issuer_trailing_slash = true",
        ),
        (false, true) => reader.complain_about_value("issuer_trailing_slash", NO_SLASH),
        (true, true) | (false, false) => {}
    }
}

/// An address with a scope (`[fe80::1%2]`) is none that a URL may have; loopback never has one.
fn plain_loopback(listen: SocketAddr) -> SocketAddr {
    SocketAddr::new(IpAddr::to_canonical(&listen.ip()), listen.port())
}

/// The rule by which every command finds the same folder.
fn data_dir(server: &Server, sources: &Sources, reader: &mut Reader) -> Option<PathBuf> {
    let found = server.data_dir.clone().or_else(|| {
        let first_state = sources.variable("STATE_DIRECTORY").and_then(|folders| std::env::split_paths(folders).next());
        first_state
            .or_else(|| sources.variable("XDG_DATA_HOME").map(|folder| Path::new(folder).join("portcullis")))
            .or_else(|| sources.variable("HOME").map(|home| Path::new(home).join(".local/share/portcullis")))
    });
    if found.is_none() {
        reader.complain("data_dir", "data_dir", "there is no home folder to put data in: set data_dir, or PORTCULLIS_DATA_DIR");
    }
    found
}

fn database(server: &Server, reader: &mut Reader) -> Option<Database> {
    match (&server.database, &server.database_file) {
        (Some(_), Some(_)) => {
            reader.complain_about_value("database_file", "database is set too; keep one of the two");
            None
        }
        (Some(database), None) => Some(database.clone()),
        (None, Some(file)) => secret_in("database_file", file, reader),
        (None, None) => None,
    }
}

fn master_key(server: &Server, reader: &mut Reader) -> Option<MasterKeySource> {
    match (&server.master_key, &server.master_key_file) {
        (Some(_), Some(_)) => {
            reader.complain_about_value("master_key_file", "master_key is set too; keep one of the two");
            None
        }
        (Some(MasterKey(key)), None) => Some(MasterKeySource::Value(key.clone())),
        (None, Some(file)) => {
            secret_in::<MasterKey>("master_key_file", file, reader);
            Some(MasterKeySource::File(file.clone()))
        }
        (None, None) => None,
    }
}

/// Reads a secret setting out of a file of its own; what is in it is never shown.
fn secret_in<T: Kind>(key: &'static str, file: &Path, reader: &mut Reader) -> Option<T> {
    let text = Secret::new(readable(key, file, reader)?);
    let given = Given { value: Value::Untyped(text.expose().trim().to_owned()), origin: reader.origin(key) };
    T::read(&given, &mut Complaints { key, secret: true, found: &mut reader.mistakes })
}
