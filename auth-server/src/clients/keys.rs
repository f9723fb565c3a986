//! The public keys of clients that sign assertions (OA-CL-11, OA-CL-13).

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use portcullis_verifier::jwk::{Set, SetError};

use super::remote::{Keeping, Remote, RemoteError};
use crate::{
    egress::{Egress, EgressError, Network},
    protocol::{client::Client, client_auth::Signed},
};

const MOST: usize = 1000;
const MOST_BYTES: usize = 64 * 1024;
const KEEPING: Keeping = Keeping { least: TimeDelta::minutes(1), most: TimeDelta::hours(1), stale: TimeDelta::hours(24) };

/// Keys that clients publish, read lately.
#[derive(Debug)]
pub struct ClientKeys(Remote<Set, SetError>);

/// Why a client's keys can't be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// It has none.
    #[error("the client has no keys")]
    None,
    /// Those that it registered are none that are used here.
    #[error(transparent)]
    Registered(SetError),
    /// Those that it publishes can't be had.
    #[error("{0}")]
    Published(#[from] RemoteError<SetError>),
}

impl ClientKeys {
    /// None at hand yet.
    pub fn new() -> Self {
        Self(Remote::new(MOST, MOST_BYTES, KEEPING))
    }

    /// The keys to hold an assertion against: the client's own and no others.
    pub async fn of<N: Network>(&self, signed: &Signed, egress: &Egress<N>, now: DateTime<Utc>) -> Result<Arc<Set>, KeysError> {
        let Client { jwks, jwks_uri, .. } = signed.client();
        if let Some(jwks) = jwks {
            return Set::from_json(jwks.to_string().as_bytes()).map(Arc::new).map_err(KeysError::Registered);
        }
        let url = jwks_uri.as_deref().ok_or(KeysError::None)?;
        let url = url.parse().map_err(|error| RemoteError::Egress(EgressError::Address(error)))?;
        Ok(self.0.get(egress, &url, |keys| signed.may_be_of(keys), Set::from_json, now).await?.value)
    }
}

impl Default for ClientKeys {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use portcullis_verifier::testing::TestIssuer;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        egress::{Internet, Reach},
        protocol::{
            client::ClientOrigin,
            client_auth::{self, Authentication, Presented},
            parameters::Parameters,
            vocabulary::TokenEndpointAuthMethod,
        },
    };

    /// The keys of a client that signs, and has these or says where they are.
    async fn keys(jwks: Option<Value>, jwks_uri: Option<&str>) -> Result<(), KeysError> {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let client = Client {
            token_endpoint_auth_method: TokenEndpointAuthMethod::PrivateKeyJwt,
            jwks,
            jwks_uri: jwks_uri.map(str::to_owned),
            ..Client::new("app".parse().unwrap(), ClientOrigin::Registered, now)
        };
        let assertion = TestIssuer::new("app").token("https://auth.example.com", now).header("typ", "JWT").sign();
        let form = format!("client_assertion={assertion}&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        let presented = Presented::read([], &Parameters::parse(form.as_bytes()).unwrap()).unwrap();
        let Ok(Authentication::BySignature(signed)) = client_auth::authenticate(&presented, Some(Arc::new(client)), now) else {
            panic!("it signed")
        };
        let egress = Egress::new(Internet, Reach::default(), &[]).unwrap();
        ClientKeys::new().of(&signed, &egress, now).await.map(|_| ())
    }

    // OA-CL-11, OA-CL-13
    #[tokio::test]
    async fn keys_are_the_clients_own_or_none() {
        let own: Value = serde_json::from_str(&TestIssuer::new("app").jwks()).unwrap();
        assert_eq!(keys(Some(own), None).await, Ok(()));
        assert_eq!(keys(Some(json!({ "keys": [] })), None).await, Err(KeysError::Registered(SetError::NoneUsable)));
        assert_eq!(keys(None, None).await, Err(KeysError::None));
        let unread = |error| Err(KeysError::Published(RemoteError::Egress(error)));
        assert_eq!(keys(None, Some("https://localhost/jwks")).await, unread(EgressError::Loopback));
        let malformed = "https://10.0.0.1/jwks".parse::<crate::protocol::vocabulary::ExternalUrl>().unwrap_err();
        assert_eq!(keys(None, Some("https://10.0.0.1/jwks")).await, unread(EgressError::Address(malformed)));
    }
}
