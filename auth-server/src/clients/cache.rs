//! Clients read lately. Emptied as a whole when another process changes one.

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::{
    protocol::{client::Client, vocabulary::ClientId},
    store::Store,
};

const MOST: usize = 10_000;

/// A bounded cache of clients. An unknown id is never remembered: it may be
/// registered in the next moment.
#[derive(Debug)]
pub struct ClientCache(Cache<ClientId, Arc<Client>>);

impl ClientCache {
    /// An empty one.
    pub fn new() -> Self {
        Self(Cache::new(MOST))
    }

    /// The client with this id, if it may be used.
    pub async fn find(&self, store: &Store, id: &ClientId) -> anyhow::Result<Option<Arc<Client>>> {
        if let Some(known) = self.0.get(id) {
            return Ok(Some(known));
        }
        let Some(client) = store.client(id).await?.filter(|client| client.disabled_at.is_none()) else { return Ok(None) };
        let client = Arc::new(client);
        self.0.insert(id.clone(), Arc::clone(&client));
        Ok(Some(client))
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.0.clear();
    }
}

impl Default for ClientCache {
    fn default() -> Self {
        Self::new()
    }
}
