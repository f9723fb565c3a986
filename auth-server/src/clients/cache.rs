//! Clients read lately. Emptied as a whole when another process changes one.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use chrono::{DateTime, Utc};
use quick_cache::sync::Cache;

use super::sealed::SealedClients;
use crate::{
    protocol::{client::Client, vocabulary::ClientId},
    store::Store,
};

const MOST: usize = 10_000;

/// A bounded cache of clients. An unknown id is never remembered: it may be
/// registered in the next moment.
#[derive(Debug)]
pub struct ClientCache {
    clients: Cache<ClientId, Arc<Client>>,
    /// Those that are not stored, since their identifier says all.
    pub sealed: SealedClients,
    /// Some of them, which had not ended when the store was asked.
    newcomers: Cache<ClientId, Arc<Client>>,
    /// How often it was emptied.
    emptied: AtomicU64,
}

impl ClientCache {
    /// An empty one.
    pub fn new(sealed: SealedClients) -> Self {
        Self { clients: Cache::new(MOST), sealed, newcomers: Cache::new(MOST), emptied: AtomicU64::new(0) }
    }

    /// The client with this id, if it may be used.
    pub async fn find(&self, store: &Store, id: &ClientId, now: DateTime<Utc>) -> anyhow::Result<Option<Arc<Client>>> {
        if let Some(known) = self.clients.get(id) {
            return Ok(Some(known));
        }
        if let Some(known) = self.newcomers.get(id) {
            return Ok(self.sealed.is_good(&known, now).then_some(known));
        }
        let before = self.emptied.load(Ordering::SeqCst);
        let (cache, found) = match store.client(id).await? {
            Some(client) => (&self.clients, Some(client).filter(Client::is_active)),
            None => (&self.newcomers, self.newcomer(store, id, now).await?),
        };
        let found = found.map(Arc::new);
        if let Some(client) = &found {
            self.keep(cache, before, client);
        }
        Ok(found)
    }

    /// A client that is not stored yet: one that was removed does not come back.
    async fn newcomer(&self, store: &Store, id: &ClientId, now: DateTime<Utc>) -> anyhow::Result<Option<Client>> {
        match self.sealed.open(id, now) {
            Some(client) if !store.has_client_ended(id).await? => Ok(Some(client)),
            Some(_) | None => Ok(None),
        }
    }

    /// Remembers what was read while the caches had been emptied so often; not what was
    /// read before the last time, which may be old.
    fn keep(&self, cache: &Cache<ClientId, Arc<Client>>, emptied: u64, client: &Arc<Client>) {
        cache.insert(client.id.clone(), Arc::clone(client));
        if self.emptied.load(Ordering::SeqCst) != emptied {
            cache.remove(&client.id);
        }
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.emptied.fetch_add(1, Ordering::SeqCst);
        self.clients.clear();
        self.newcomers.clear();
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use portcullis_verifier::vocabulary::Issuer;

    use super::*;
    use crate::{keys::MasterKey, protocol::authorize::sample};

    #[test]
    fn what_was_read_before_the_cache_was_emptied_is_not_kept() {
        let issuer = Issuer::parse("https://auth.example.com").unwrap();
        let cache = ClientCache::new(SealedClients::new(&MasterKey::new([1; 32]), &issuer, TimeDelta::days(1)));
        let client = Arc::new(sample::client());
        cache.keep(&cache.clients, 0, &client);
        assert!(cache.clients.get(&client.id).is_some());
        cache.clear();
        cache.keep(&cache.clients, 0, &client);
        assert!(cache.clients.get(&client.id).is_none(), "it was read before");
        cache.keep(&cache.clients, 1, &client);
        assert!(cache.clients.get(&client.id).is_some());
    }
}
