//! Clients read lately. Emptied as a whole when another process changes one.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use quick_cache::sync::Cache;

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
    /// How often it was emptied.
    emptied: AtomicU64,
}

impl ClientCache {
    /// An empty one.
    pub fn new() -> Self {
        Self { clients: Cache::new(MOST), emptied: AtomicU64::new(0) }
    }

    /// The client with this id, if it may be used.
    pub async fn find(&self, store: &Store, id: &ClientId) -> anyhow::Result<Option<Arc<Client>>> {
        if let Some(known) = self.clients.get(id) {
            return Ok(Some(known));
        }
        let before = self.emptied.load(Ordering::SeqCst);
        let Some(client) = store.client(id).await?.filter(|client| client.disabled_at.is_none()) else { return Ok(None) };
        let client = Arc::new(client);
        self.keep(before, &client);
        Ok(Some(client))
    }

    /// Remembers what was read while the cache had been emptied so often; not what was
    /// read before the last time, which may be old.
    fn keep(&self, emptied: u64, client: &Arc<Client>) {
        self.clients.insert(client.id.clone(), Arc::clone(client));
        if self.emptied.load(Ordering::SeqCst) != emptied {
            self.clients.remove(&client.id);
        }
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.emptied.fetch_add(1, Ordering::SeqCst);
        self.clients.clear();
    }
}

impl Default for ClientCache {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::authorize::sample;

    #[test]
    fn what_was_read_before_the_cache_was_emptied_is_not_kept() {
        let cache = ClientCache::new();
        let client = Arc::new(sample::client());
        cache.keep(0, &client);
        assert!(cache.clients.get(&client.id).is_some());
        cache.clear();
        cache.keep(0, &client);
        assert!(cache.clients.get(&client.id).is_none(), "it was read before");
        cache.keep(1, &client);
        assert!(cache.clients.get(&client.id).is_some());
    }
}
