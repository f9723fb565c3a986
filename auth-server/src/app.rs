//! The only state a handler gets, put together here and nowhere else.

use std::{ops::Deref, sync::Arc};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use portcullis_verifier::vocabulary::Resource;
use tokio::sync::Semaphore;

use crate::{
    clients::{ClientCache, ClientDocuments, ClientKeys, SealedClients},
    clock::Clock,
    config::Config,
    egress::{Egress, Internet, Reach},
    events::{Event, Step},
    http::{browser::Cookies, csrf::FormKey, guard::HostGuard, page::Frame, request_id::RequestIds},
    keys::{self, KeyRing, MadeKey, MasterKey},
    limits::{Limits, Sources},
    login::password::Passwords,
    oauth::discovery::Documents,
    protocol::{registration::RegistrationPolicy, resource::Resources, resource_rules, vocabulary::SigningAlgorithm},
    store::Store,
    tokens::RefreshTokenKeys,
};

/// Requests that are worked on at once; more are asked to come again.
const MOST_IN_FLIGHT: usize = 4096;

/// The running server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Parts>);

/// What the running server is made of.
#[derive(Debug)]
pub struct Parts {
    /// What the operator chose.
    pub config: Config,
    /// What time it is.
    pub clock: Clock,
    /// What must survive.
    pub store: Store,
    /// Seals and derives.
    pub master_key: MasterKey,
    /// Signs tokens.
    pub keys: KeyRing,
    /// Makes refresh tokens.
    pub refresh_tokens: RefreshTokenKeys,
    /// Clients read lately.
    pub clients: ClientCache,
    /// Clients that are known by a document, read lately.
    pub client_documents: ClientDocuments,
    /// Keys that clients publish, read lately.
    pub client_keys: ClientKeys,
    /// The way out to what clients publish.
    pub egress: Egress,
    /// Resources, swapped as a whole when they change.
    pub resources: ArcSwap<Resources>,
    /// Documents that clients discover us by.
    pub documents: Documents,
    /// Checks passwords.
    pub passwords: Passwords,
    /// What is around each page.
    pub frame: Frame,
    /// Names and reads cookies.
    pub cookies: Cookies,
    /// Tokens in forms.
    pub forms: FormKey,
    /// Which host requests may name.
    pub hosts: HostGuard,
    /// Where requests come from.
    pub sources: Sources,
    /// Holds back who asks too often.
    pub limits: Limits,
    /// Names requests.
    pub request_ids: RequestIds,
    /// Bounds what is worked on at once.
    pub in_flight: Semaphore,
    /// Keys that were made when this was put together: nothing has told of them yet.
    pub made_keys: Vec<MadeKey>,
    /// The catalogue's version before what is here was loaded.
    pub opened_at: i64,
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Opens the store, makes what is missing, loads keys and resources.
    ///
    /// # Errors
    /// The store can't be opened, or holds something sealed under another key.
    pub async fn open(config: Config, clock: Clock, master_key: MasterKey) -> anyhow::Result<Self> {
        let now = clock.now();
        let store = Store::open(&config.database, &config.issuer).await?;
        let opened_at = store.catalogue_version().await?;
        let resources = load_resources(&config, &store).await?;
        let made_keys = keys::ensure_keys(&store, &master_key, &algorithms(&resources), now).await.context("making signing keys")?;
        let keys = KeyRing::open(&store.signing_keys(now).await?, &master_key)?;
        Ok(Self(Arc::new(Parts {
            documents: Documents::new(&config, &resources, keys.document())?,
            resources: ArcSwap::from_pointee(resources),
            refresh_tokens: RefreshTokenKeys::new(&master_key),
            clients: ClientCache::new(sealed_clients(&config, &master_key)),
            client_documents: ClientDocuments::new(config.client_documents.clone(), registration_policy(&config)),
            client_keys: ClientKeys::new(),
            egress: Egress::new(Internet, reach(&config), &config.egress.root_certificates)?,
            passwords: Passwords::new(config.limits.password_checks_at_once)?,
            frame: Frame::new(&config.issuer),
            cookies: Cookies::new(&config.issuer),
            forms: FormKey::new(&master_key),
            hosts: HostGuard::new(&config.issuer, config.trusted_proxies.clone()),
            sources: Sources::new(config.trusted_proxies.clone(), config.limits.vendor_networks.clone()),
            limits: Limits::new(&config.limits, config.registration.per_source_per_hour),
            request_ids: RequestIds::default(),
            in_flight: Semaphore::new(MOST_IN_FLIGHT),
            made_keys,
            opened_at,
            config,
            clock,
            store,
            master_key,
            keys,
        })))
    }

    /// What the operator allows clients to say of themselves.
    pub fn registration_policy(&self) -> RegistrationPolicy {
        registration_policy(&self.config)
    }

    /// Takes in what another process, or the command line, has changed.
    pub async fn reload(&self, now: DateTime<Utc>) -> anyhow::Result<()> {
        let resources = load_resources(&self.config, &self.store).await?;
        let made_keys = keys::ensure_keys(&self.store, &self.master_key, &algorithms(&resources), now).await?;
        tell_of_keys(&made_keys);
        self.keys.replace(&self.store.signing_keys(now).await?, &self.master_key)?;
        self.documents.replace(&self.config, &resources, self.keys.document())?;
        self.resources.store(Arc::new(resources));
        self.clients.clear();
        Ok(())
    }
}

/// Tells the log of keys that were made.
pub(crate) fn tell_of_keys(made: &[MadeKey]) {
    for key in made {
        Event::of(Step::KeyCreated).because(key).record();
    }
}

/// Opens identifiers that say all about their client, for as long as nobody has allowed it
/// anything.
pub(crate) fn sealed_clients(config: &Config, master_key: &MasterKey) -> SealedClients {
    SealedClients::new(master_key, &config.issuer, config.registration.never_used_lifetime)
}

/// What the operator allows clients to say of themselves, however they come.
fn registration_policy(config: &Config) -> RegistrationPolicy {
    RegistrationPolicy { private_use_schemes: config.authorization.private_use_schemes }
}

/// What may be fetched: this computer only while the server itself is on it.
fn reach(config: &Config) -> Reach {
    let own_hosts = url::Url::parse(config.issuer.as_str()).ok().and_then(|url| url.host_str().map(str::to_owned)).into_iter().collect();
    Reach { ports: config.egress.ports.clone(), loopback: config.egress.loopback && config.issuer.is_loopback(), own_hosts }
}

/// The algorithms that some resource wants, and the default one.
fn algorithms(resources: &Resources) -> Vec<SigningAlgorithm> {
    let mut algorithms: Vec<_> = resources.iter().map(|resource| resource.signing_algorithm).collect();
    algorithms.push(SigningAlgorithm::default());
    algorithms.sort_unstable();
    algorithms.dedup();
    algorithms
}

/// Those of the configuration first; one added by command under the same name gives
/// way, and what the operator would not expect of that is written down.
pub(crate) async fn load_resources(config: &Config, store: &Store) -> anyhow::Result<Resources> {
    let stored = store.resources().await.context("reading resources")?;
    let default = config.default_resource.as_deref().map(Resource::parse).transpose()?;
    let (resources, oddities) = resource_rules::gather(config.resources.clone(), stored, default.as_ref());
    for oddity in oddities {
        tracing::warn!("{oddity}");
    }
    Ok(resources)
}
