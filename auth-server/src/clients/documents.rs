//! Clients that are known by a document of their own (MCP-AS-110…126).

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    pinned::pinned,
    remote::{Confirmed, Keeping, Remote, RemoteError},
};
use crate::{
    config,
    egress::{Egress, EgressError, Network},
    protocol::{
        client::Client,
        registration::{
            RegistrationPolicy,
            document::{self, DocumentError, LARGEST_DOCUMENT},
        },
        vocabulary::{ClientId, ExternalUrl},
    },
};

const MOST: usize = 10_000;
const KEEPING: Keeping = Keeping { least: TimeDelta::minutes(1), most: TimeDelta::hours(24), stale: TimeDelta::hours(24) };

/// Documents read lately, and which are read at all.
#[derive(Debug)]
pub struct ClientDocuments {
    remote: Remote<Client, DocumentError>,
    config: config::ClientDocuments,
    policy: RegistrationPolicy,
}

/// Why a document makes no client. For the log; the person hears less (OA-CM-23).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDocument {
    /// Its address is none that is read.
    #[error("{0}")]
    Address(EgressError),
    /// The operator does not let it be read.
    #[error("the operator does not allow this client")]
    Denied,
    /// It could not be read, or is no such document.
    #[error("{0}")]
    Remote(#[from] RemoteError<DocumentError>),
}

impl ClientDocuments {
    /// None at hand yet.
    pub fn new(config: config::ClientDocuments, policy: RegistrationPolicy) -> Self {
        Self { remote: Remote::new(MOST, LARGEST_DOCUMENT, KEEPING), config, policy }
    }

    /// Where the document of this client stands; `None` if its identifier names none
    /// (OA-CM-01).
    pub fn address<N: Network>(&self, id: &ClientId, egress: &Egress<N>) -> Option<Result<ExternalUrl, NoDocument>> {
        if !self.config.mode.is_on() || !id.as_str().starts_with("https://") {
            return None;
        }
        Some(self.judge(id, egress))
    }

    fn judge<N: Network>(&self, id: &ClientId, egress: &Egress<N>) -> Result<ExternalUrl, NoDocument> {
        let url: ExternalUrl = id.as_str().parse().map_err(|error| NoDocument::Address(EgressError::Address(error)))?;
        if !url.has_path() {
            return Err(NoDocument::Address(EgressError::NoPath));
        }
        if !self.config.admits(&url) {
            return Err(NoDocument::Denied);
        }
        egress.permits(&url).map_err(NoDocument::Address)?;
        Ok(url)
    }

    /// The client, if its document was read lately.
    pub fn at_hand(&self, url: &ExternalUrl, now: DateTime<Utc>) -> Option<Arc<Client>> {
        self.remote.at_hand(url.as_str(), now)
    }

    /// What is known of a well-known client whose document can't be had: what it once
    /// was read as, else what was pinned.
    fn well_known(
        &self,
        id: &ClientId,
        stored: Option<Client>,
        error: RemoteError<DocumentError>,
        now: DateTime<Utc>,
    ) -> Result<Arc<Client>, NoDocument> {
        let Some((client, as_of)) = pinned(id, self.policy, now) else { return Err(error.into()) };
        tracing::warn!(%id, %error, "a client's document can not be read; what is known of it, since {as_of} at least, is used");
        Ok(Arc::new(stored.unwrap_or(client)))
    }

    /// The client as its document has it now; or, while that can't be read, as it was not
    /// long ago, `stored` among that.
    pub async fn read<N: Network>(
        &self,
        egress: &Egress<N>,
        url: &ExternalUrl,
        stored: Option<Client>,
        now: DateTime<Utc>,
    ) -> Result<Arc<Client>, NoDocument> {
        if let Some(client) = &stored
            && let Some(at) = client.confirmed_at
        {
            self.remote.remember(url.as_str(), Confirmed { value: Arc::new(client.clone()), at });
        }
        let id: ClientId = url.as_str().parse().map_err(|_| NoDocument::Denied)?;
        let read = |body: &[u8]| document::read(&id, body, self.policy, now);
        let Confirmed { value, at } = match self.remote.get(egress, url, |_| true, read, now).await {
            Ok(confirmed) => confirmed,
            Err(error) => return self.well_known(&id, stored, error, now),
        };
        Ok(if value.confirmed_at == Some(at) { value } else { Arc::new(Client { confirmed_at: Some(at), ..Client::clone(&value) }) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::DocumentMode,
        egress::{Internet, Reach},
        protocol::vocabulary::ExternalUrlError,
    };

    fn documents(mode: DocumentMode, denied: &[&str]) -> ClientDocuments {
        let denied = denied.iter().map(|&host| host.to_owned()).collect();
        ClientDocuments::new(
            config::ClientDocuments { mode, denied, ..config::ClientDocuments::default() },
            RegistrationPolicy { private_use_schemes: true },
        )
    }

    fn egress() -> Egress {
        Egress::new(Internet, Reach::default(), &[]).unwrap()
    }

    fn address(documents: &ClientDocuments, id: &str) -> Option<Result<(), NoDocument>> {
        documents.address(&id.parse().unwrap(), &egress()).map(|address| address.map(|_| ()))
    }

    // OA-CM-01, OA-CM-02, OA-CM-03, OA-CM-04, MCP-AS-111
    #[test]
    fn what_is_not_read_is_known_before_anybody_looks() {
        let open = documents(DocumentMode::Open, &["evil.example"]);
        let refused = |error| Some(Err(NoDocument::Address(error)));
        assert_eq!(address(&open, "https://app.example/client.json"), Some(Ok(())));
        assert_eq!(address(&open, "https://app.example/"), refused(EgressError::NoPath));
        assert_eq!(address(&open, "https://10.0.0.1/c"), refused(EgressError::Address(ExternalUrlError::PrivateHost)));
        assert_eq!(address(&open, "https://app.example:444/c"), refused(EgressError::Port(444)));
        assert_eq!(address(&open, "https://localhost/c"), refused(EgressError::Loopback));
        assert_eq!(address(&open, "https://evil.example/c"), Some(Err(NoDocument::Denied)));
        assert_eq!(address(&open, "pc_c_AAAA"), None);
        assert_eq!(address(&open, "HTTPS://app.example/c"), None);
        assert_eq!(address(&documents(DocumentMode::Off, &[]), "https://app.example/c"), None);
    }

    // OA-CM-18, OA-CM-20, MCP-AS-121: what is stored helps while nothing newer can be had, for a day
    #[tokio::test]
    async fn what_is_stored_of_a_client_is_used_for_a_day() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let url: ExternalUrl = "https://localhost/client.json".parse().unwrap();
        let unreachable = NoDocument::Remote(RemoteError::Egress(EgressError::Loopback));
        let read = async |confirmed_at: Option<DateTime<Utc>>| {
            let stored = confirmed_at.map(|at| {
                let client = Client::new(url.as_str().parse().unwrap(), crate::protocol::client::ClientOrigin::Document, at);
                Client { confirmed_at: Some(at), ..client }
            });
            documents(DocumentMode::Open, &[]).read(&egress(), &url, stored, now).await.map(|client| client.confirmed_at)
        };
        let a_day_ago = now - TimeDelta::days(1);
        assert_eq!(read(Some(a_day_ago)).await, Ok(Some(a_day_ago)), "it does not look fresher than it is");
        assert_eq!(read(Some(a_day_ago - TimeDelta::seconds(1))).await, Err(unreachable.clone()));
        assert_eq!(read(None).await, Err(unreachable));
    }

    // MCP-AS-121, K-07
    #[tokio::test]
    async fn a_vendors_app_gets_in_although_its_document_can_not_be_read() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let unreadable = Reach { own_hosts: vec!["claude.ai".to_owned()], ..Reach::default() };
        let egress = Egress::new(Internet, unreadable, &[]).unwrap();
        let read = async |id: &str, stored: Option<Client>| {
            documents(DocumentMode::Open, &[]).read(&egress, &id.parse().unwrap(), stored, now).await
        };
        let claude = "https://claude.ai/oauth/mcp-oauth-client-metadata";
        let client = read(claude, None).await.unwrap();
        assert!(client.may_redirect_to(&"https://claude.ai/api/mcp/auth_callback".parse().unwrap()));
        assert_eq!(client.confirmed_at, None, "nobody has confirmed it");
        let long_ago = now - TimeDelta::days(100);
        let stored = Client { name: Some("As it was read".to_owned()), confirmed_at: Some(long_ago), ..Client::clone(&client) };
        assert_eq!(*read(claude, Some(stored.clone())).await.unwrap(), stored);
        assert!(read("https://claude.ai/oauth/another", None).await.is_err());
    }
}
