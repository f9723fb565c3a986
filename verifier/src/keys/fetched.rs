//! Keys that come from the issuer.

use std::sync::Arc;

use crate::{
    fetch::{AuthorizationServer, Document, FetchError, Kept, Source},
    jwk::Set,
    vocabulary::Issuer,
};

/// The keys of an issuer, fetched and kept fresh.
pub(crate) type Fetched = Kept<SigningKeys>;

/// Where an issuer publishes its keys.
#[derive(Debug)]
pub(crate) struct SigningKeys(pub(crate) Arc<AuthorizationServer>);

impl Source for SigningKeys {
    type Value = Arc<Set>;

    const NAME: &'static str = "signing keys";

    fn issuer(&self) -> &Issuer {
        self.0.issuer()
    }

    async fn load(&self, is_known: impl Fn(&[u8]) -> bool + Send) -> Result<(Document, Arc<Set>), FetchError> {
        let document = self.0.jwks().await?;
        // Of keys that are known, everything was said.
        let set = if is_known(&document.body) { Set::from_json(&document.body) } else { super::read(self.issuer(), &document.body) };
        Ok((document, Arc::new(set?)))
    }
}
