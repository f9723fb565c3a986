//! Signing an access token (RFC 9068 §2, RFC 7515 §7.1).

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};

use crate::{keys::SigningKey, protocol::access_token::AccessTokenClaims};

/// The compact form of a signed token.
///
/// # Errors
/// The key could not sign. Nothing may be spent then.
pub fn sign(claims: &AccessTokenClaims<'_>, key: &SigningKey) -> anyhow::Result<String> {
    let payload = serde_json::to_vec(claims).context("writing the claims of an access token")?;
    let mut token = String::with_capacity(key.access_token_header().len() + payload.len() * 4 / 3 + 128);
    token.push_str(key.access_token_header());
    token.push('.');
    BASE64URL.encode_string(payload, &mut token);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    BASE64URL.encode_string(signature, &mut token);
    Ok(token)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, LazyLock};

    use chrono::{DateTime, TimeDelta, Utc};
    use portcullis_verifier::vocabulary::{Issuer, Resource, Scope};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::{
        keys::{KeyMaterial, KeyRing, MasterKey, SealedFor},
        protocol::{
            access_token::{TokenId, validity},
            authorize::sample,
            resource::ProtectedResource,
            token_size::{Speaker, TokenParts},
            vocabulary::{ClientId, GrantId, SigningAlgorithm, Subject},
        },
        store::StoredKey,
    };

    /// A key for each algorithm; those of RSA take their time.
    static KEYS: LazyLock<Vec<Arc<SigningKey>>> = LazyLock::new(|| SigningAlgorithm::ALL.iter().map(|&algorithm| key(algorithm)).collect());

    fn key(algorithm: SigningAlgorithm) -> Arc<SigningKey> {
        let (master, material) = (MasterKey::new([7; 32]), KeyMaterial::generate(algorithm).unwrap());
        let place = SealedFor { table: "signing_keys", column: "sealed_private", row: &material.kid };
        let stored = StoredKey {
            sealed_private: master.seal(material.private_der.expose(), place).unwrap(),
            kid: material.kid,
            algorithm,
            public_jwk: material.public_jwk,
            created_at: sample::now(),
            activated_at: Some(sample::now()),
            retired_at: None,
            leaves_at: None,
        };
        KeyRing::open(&[stored], &master).unwrap().signing(algorithm).unwrap()
    }

    fn signed(parts: &TokenParts<'_>, (now, random): (DateTime<Utc>, [u8; 32]), key: &SigningKey) -> String {
        let (iat, exp) = validity(now, TimeDelta::minutes(15));
        let id = Uuid::from_bytes([random[0]; 16]);
        let person = parts.speaker == Speaker::Person;
        let claims = AccessTokenClaims {
            iss: parts.issuer.as_str(),
            sub: &if person { Subject::person(id) } else { Subject::machine(parts.client_id) },
            aud: parts.resource.identifier.as_str(),
            client_id: parts.client_id,
            exp,
            iat,
            jti: TokenId::alone(random).to_jti(),
            scope: parts.scope,
            auth_time: person.then_some(iat),
            grant_id: person.then(|| GrantId::new(id)),
        };
        sign(&claims, key).unwrap()
    }

    proptest! {
        // OA-AT-02: what is decided beforehand is what leaves
        #[test]
        fn the_size_of_a_token_is_known_before_it_is_signed(
            (issuer, address) in ("https://[a-z0-9.-]{1,40}[a-z](/[!$-;=a-z~_]{1,40}){0,2}", "https://[a-z]{1,40}\\.example(/[!$&-;=a-z~_]{0,300})?"),
            client_id in "[!-~]{1,60}",
            scope in "([!#-\\[\\]-~]{1,30} ){0,20}",
            algorithm in 0..SigningAlgorithm::ALL.len(),
            speaker in prop_oneof![Just(Speaker::Machine), Just(Speaker::Person)],
            (seconds, random) in (1_500_000_000_i64..9_000_000_000, any::<[u8; 32]>()),
        ) {
            let (Ok(issuer), Ok(identifier)) = (Issuer::parse(&issuer), Resource::parse(&address)) else { return Err(TestCaseError::reject("no address")) };
            let resource = ProtectedResource { identifier, signing_algorithm: SigningAlgorithm::ALL[algorithm], ..sample::resource("notes") };
            let (client_id, scope): (ClientId, _) = (client_id.parse().unwrap(), Scope::parse(&scope).unwrap());
            let parts = TokenParts { issuer: &issuer, resource: &resource, client_id: &client_id, scope: &scope, speaker };
            let token = signed(&parts, (DateTime::from_timestamp(seconds, 0).unwrap(), random), &KEYS[algorithm]);
            prop_assert_eq!(parts.size(), token.len());
        }
    }
}
