//! Describing a server: whom it trusts, what it is called, what it asks for.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    clock::Clock,
    jwk::SetError,
    metadata::Metadata,
    needs::Needs,
    remembered::Remembered,
    trusted::{Trusted, TrustedIssuer},
    verifier::{Parts, Verifier},
    vocabulary::{IssuerError, Resource, ResourceError, Scope, ScopeError, ScopeToken},
};

/// Describes a server, and makes its [`Verifier`]. Begun with [`Verifier::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    issuers: Vec<TrustedIssuer>,
    resource: String,
    further_audiences: Vec<String>,
    name: Option<String>,
    scopes: Vec<String>,
    tools: Vec<(String, Vec<String>)>,
    implications: Vec<(String, String)>,
    skew: TimeDelta,
    max_age: Option<TimeDelta>,
    remembered: usize,
    is_alone: bool,
    has_cors: bool,
    most_body_bytes: usize,
    clock: Clock,
}

/// Why a description makes no verifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A further audience that is an issuer's own name: tokens for the issuer itself
    /// are not for us (RFC 9068 §4).
    #[error("the audience {0} is an issuer, not this server")]
    AudienceIsIssuer(String),
    /// Allowed clock difference out of bounds.
    #[error("clocks may differ by 0 to 60 seconds")]
    ClockSkew,
    /// The issuer is no issuer identifier.
    #[error("the issuer {identifier}: {reason}")]
    Issuer {
        /// As it was given.
        identifier: String,
        /// What is wrong with it.
        reason: IssuerError,
    },
    /// The keys that were given are no key set.
    #[error("the keys of {issuer}: {reason}")]
    Keys {
        /// Whose keys they were to be.
        issuer: String,
        /// What is wrong with them.
        reason: SetError,
    },
    /// No keys were given, and this build does not fetch any.
    #[error("give the keys of {0}, or turn on the feature `fetch`")]
    NoKeys(String),
    /// `offline_access` is between client and issuer; a resource never asks for it.
    #[error("offline_access is nothing a resource asks for")]
    OfflineAccess,
    /// The resource is no resource identifier.
    #[error("the resource {identifier}: {reason}")]
    Resource {
        /// As it was given.
        identifier: String,
        /// What is wrong with it.
        reason: ResourceError,
    },
    /// One issuer, described twice.
    #[error("the issuer {0} is there twice")]
    SameIssuerTwice(String),
    /// Something that is no scope.
    #[error("the scope \"{scope}\": {reason}")]
    Scope {
        /// As it was given.
        scope: String,
        /// What is wrong with it.
        reason: ScopeError,
    },
    /// The issuer's metadata is to be repeated at its own address.
    #[error("{0} is at this server's own root: there is nothing to repeat")]
    SameRoot(String),
    /// TLS could not be set up.
    #[error("TLS can't be used: {0}")]
    Tls(String),
    /// The resource ends in a slash.
    #[error("the resource {0} ends in a slash: write it as people type it, without")]
    TrailingSlash(String),
}

const DEFAULT_SKEW: TimeDelta = TimeDelta::seconds(30);
const MOST_SKEW: TimeDelta = TimeDelta::seconds(60);
const DEFAULT_REMEMBERED: usize = 4096;
const DEFAULT_BODY_BYTES: usize = 4 * 1024 * 1024;

impl Builder {
    pub(crate) fn new(issuer: TrustedIssuer, resource: String) -> Self {
        Self {
            issuers: vec![issuer],
            resource,
            further_audiences: Vec::new(),
            name: None,
            scopes: Vec::new(),
            tools: Vec::new(),
            implications: Vec::new(),
            skew: DEFAULT_SKEW,
            max_age: None,
            remembered: DEFAULT_REMEMBERED,
            is_alone: true,
            has_cors: true,
            most_body_bytes: DEFAULT_BODY_BYTES,
            clock: Clock::default(),
        }
    }

    /// One more issuer to trust.
    pub fn issuer(mut self, issuer: impl Into<TrustedIssuer>) -> Self {
        self.issuers.push(issuer.into());
        self
    }

    /// One more name under which tokens may mean this server: compared as it is
    /// written, or for addresses as leniently as the resource itself.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.further_audiences.push(audience.into());
        self
    }

    /// What people call this server.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// A scope that every request needs. May be called several times.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// The scopes that calling an MCP tool needs, besides those that every request
    /// needs. The layer reads them from the body of `tools/call`.
    pub fn tool(mut self, name: impl Into<String>, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.tools.push((name.into(), scopes.into_iter().map(Into::into).collect()));
        self
    }

    /// Whoever has `broader` may do all that `narrower` allows. It carries on: what
    /// `narrower` contains is in `broader` too.
    pub fn scope_implies(mut self, broader: impl Into<String>, narrower: impl Into<String>) -> Self {
        self.implications.push((broader.into(), narrower.into()));
        self
    }

    /// How far clocks may differ: 30 seconds by default, 60 at most.
    pub fn clock_skew(mut self, skew: TimeDelta) -> Self {
        self.skew = skew;
        self
    }

    /// How long ago the person may have signed in. Who did so earlier is asked to sign
    /// in again (RFC 9470); a token that does not say when counts as earlier.
    pub fn max_age(mut self, max_age: TimeDelta) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// How many verified tokens are remembered, so that the next request with the same
    /// token costs a hash; 4096 by default, none with 0. A token is never remembered
    /// beyond its end, nor beyond the key that signed it.
    pub fn remember(mut self, tokens: usize) -> Self {
        self.remembered = tokens;
        self
    }

    /// Other protected resources live on the same origin, so that the metadata is not
    /// served at its root (RFC 9728 §3.1).
    pub fn shares_origin(mut self) -> Self {
        self.is_alone = false;
        self
    }

    /// The layer says nothing about CORS: for servers that do so themselves, in a layer
    /// further out.
    pub fn without_cors(mut self) -> Self {
        self.has_cors = false;
        self
    }

    /// How much of a body is read to find out which tools are called: 4 MiB by default.
    pub fn most_body_bytes(mut self, bytes: usize) -> Self {
        self.most_body_bytes = bytes;
        self
    }

    /// Another clock than the system's, for tests.
    pub fn clock(mut self, tell: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        self.clock = Clock::of(tell);
        self
    }

    /// Makes the verifier.
    pub fn build(self) -> Result<Verifier, BuildError> {
        let resource = resource(self.resource)?;
        if !(TimeDelta::zero()..=MOST_SKEW).contains(&self.skew) {
            return Err(BuildError::ClockSkew);
        }
        let needs = needs(&self.scopes, self.tools, &self.implications)?;
        let issuers = self.issuers.into_iter().map(TrustedIssuer::build).collect::<Result<Vec<Trusted>, _>>()?;
        let names: Vec<String> = issuers.iter().map(|trusted| trusted.issuer.as_str().to_owned()).collect();
        if let Some(twice) = names.iter().enumerate().find_map(|(at, name)| names.iter().take(at).any(|seen| seen == name).then_some(name))
        {
            return Err(BuildError::SameIssuerTwice(twice.clone()));
        }
        if let Some(audience) = self.further_audiences.iter().find(|audience| names.contains(audience)) {
            return Err(BuildError::AudienceIsIssuer(audience.clone()));
        }
        let metadata = Metadata::new(&resource, &names, &needs.always, self.name.as_deref(), self.is_alone);
        let metadata = metadata.map_err(|_| BuildError::Scope { scope: String::new(), reason: ScopeError::Empty })?;
        Ok(Verifier::new(Parts {
            issuers,
            issuer_names: names.join(", "),
            resource,
            further_audiences: self.further_audiences,
            needs,
            skew: self.skew,
            max_age: self.max_age,
            remembered: Remembered::new(self.remembered),
            metadata,
            clock: self.clock,
            #[cfg(feature = "tower")]
            has_cors: self.has_cors,
            #[cfg(feature = "tower")]
            most_body_bytes: self.most_body_bytes,
        }))
    }
}

/// Without a slash at its end: clients compare it with what people typed (MCP-RS-03).
fn resource(identifier: String) -> Result<Resource, BuildError> {
    match Resource::parse(&identifier) {
        Ok(resource) if !resource.path().is_empty() && identifier.ends_with('/') => Err(BuildError::TrailingSlash(identifier)),
        Ok(resource) => Ok(resource),
        Err(reason) => Err(BuildError::Resource { identifier, reason }),
    }
}

fn needs(scopes: &[String], tools: Vec<(String, Vec<String>)>, implications: &[(String, String)]) -> Result<Needs, BuildError> {
    let always = scopes.iter().map(|text| token(text)).collect::<Result<Scope, _>>()?;
    let mut map: HashMap<String, Scope> = HashMap::new();
    for (tool, scopes) in tools {
        let scopes = scopes.iter().map(|text| token(text)).collect::<Result<Scope, _>>()?;
        let entry = map.entry(tool).or_default();
        *entry = entry.union(&scopes);
    }
    let pairs = implications.iter().map(|(broader, narrower)| Ok((token(broader)?, token(narrower)?)));
    let implied = Needs::hierarchy(&pairs.collect::<Result<Vec<_>, _>>()?);
    Ok(Needs { always, tools: map, implied })
}

/// One scope token that a resource may ask for (MCP-RS-15).
fn token(text: &str) -> Result<ScopeToken, BuildError> {
    if text == "offline_access" {
        return Err(BuildError::OfflineAccess);
    }
    text.parse().map_err(|reason| BuildError::Scope { scope: text.to_owned(), reason })
}
