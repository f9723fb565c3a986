//! One public key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::verify::Material;

/// An algorithm that a token may be signed with. There is no `none` and no HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl Algorithm {
    /// The name in `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
        }
    }

    /// Reads `alg`, in its exact spelling.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Es256, Self::EdDsa, Self::Ps256, Self::Rs256].into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

/// A public key that may check signatures.
#[derive(Debug)]
pub struct Jwk {
    kid: Option<String>,
    algorithm: Option<Algorithm>,
    thumbprint: String,
    pub(super) material: Material,
}

/// Why a key is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwkError {
    /// `alg` does not fit the key.
    #[error("the key's alg does not fit its type")]
    Algorithm,
    /// Not JSON, or not the members a key of its type has.
    #[error("the key is malformed")]
    Malformed,
    /// The point is not on the curve.
    #[error("the key's point is not on the curve")]
    NotOnCurve,
    /// A private or secret key where only public ones belong.
    #[error("the key has a private part")]
    Private,
    /// A kind of key that this build does not check signatures with.
    #[error("the key is of a kind that is not supported")]
    Unsupported,
    /// Meant for something else than signatures.
    #[error("the key is not for signatures")]
    Use,
    /// Too short, or an unusual RSA exponent.
    #[error("the key is too weak")]
    Weak,
}

/// The members of a key, as they stand in JSON.
#[derive(Deserialize)]
pub(super) struct Members {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<serde::de::IgnoredAny>,
    k: Option<serde::de::IgnoredAny>,
}

const LONGEST_KID: usize = 256;
const LEAST_RSA_BYTES: usize = 2048 / 8;
const MOST_RSA_BYTES: usize = 8192 / 8;
const F4: [u8; 3] = [1, 0, 1];

impl Jwk {
    /// Reads one key.
    pub fn from_json(json: &[u8]) -> Result<Self, JwkError> {
        serde_json::from_slice::<Members>(json).map_err(|_| JwkError::Malformed)?.try_into()
    }

    /// The key's name.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The key's thumbprint (RFC 7638): base64url of the SHA-256 of its required members.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Whether the key may check signatures of this algorithm.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        self.material.fits(algorithm) && self.algorithm.is_none_or(|own| own == algorithm)
    }
}

impl TryFrom<Members> for Jwk {
    type Error = JwkError;

    fn try_from(members: Members) -> Result<Self, JwkError> {
        if members.d.is_some() || members.k.is_some() || members.kty == "oct" {
            return Err(JwkError::Private);
        }
        let for_signatures = members.usage.as_deref().is_none_or(|usage| usage == "sig")
            && members.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
        if !for_signatures {
            return Err(JwkError::Use);
        }
        if members.kid.as_ref().is_some_and(|kid| kid.len() > LONGEST_KID) {
            return Err(JwkError::Malformed);
        }
        let (material, required) = match members.kty.as_str() {
            "EC" => elliptic(&members)?,
            "OKP" => edwards(&members)?,
            "RSA" => rsa(&members)?,
            _ => return Err(JwkError::Unsupported),
        };
        let algorithm = match members.alg.as_deref() {
            None => None,
            Some(name) => Some(Algorithm::parse(name).filter(|algorithm| material.fits(*algorithm)).ok_or(JwkError::Algorithm)?),
        };
        Ok(Self { kid: members.kid, algorithm, thumbprint: BASE64URL.encode(Sha256::digest(required)), material })
    }
}

fn member(value: Option<&String>) -> Result<(&str, Vec<u8>), JwkError> {
    let text = value.ok_or(JwkError::Malformed)?;
    Ok((text, BASE64URL.decode(text).map_err(|_| JwkError::Malformed)?))
}

fn elliptic(members: &Members) -> Result<(Material, String), JwkError> {
    if members.crv.as_deref() != Some("P-256") {
        return Err(JwkError::Unsupported);
    }
    let ((x_text, x), (y_text, y)) = (member(members.x.as_ref())?, member(members.y.as_ref())?);
    let x: [u8; 32] = x.try_into().map_err(|_| JwkError::Malformed)?;
    let y: [u8; 32] = y.try_into().map_err(|_| JwkError::Malformed)?;
    let required = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x_text}","y":"{y_text}"}}"#);
    Ok((Material::p256(&x, &y)?, required))
}

fn edwards(members: &Members) -> Result<(Material, String), JwkError> {
    if members.crv.as_deref() != Some("Ed25519") {
        return Err(JwkError::Unsupported);
    }
    let (text, x) = member(members.x.as_ref())?;
    let x: [u8; 32] = x.try_into().map_err(|_| JwkError::Malformed)?;
    let required = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{text}"}}"#);
    Ok((Material::ed25519(&x)?, required))
}

fn rsa(members: &Members) -> Result<(Material, String), JwkError> {
    let ((n_text, n), (e_text, e)) = (member(members.n.as_ref())?, member(members.e.as_ref())?);
    if !(LEAST_RSA_BYTES..=MOST_RSA_BYTES).contains(&n.len()) || e != F4 || n.first().is_none_or(|first| *first < 0x80) {
        return Err(JwkError::Weak);
    }
    let required = format!(r#"{{"e":"{e_text}","kty":"RSA","n":"{n_text}"}}"#);
    Ok((Material::rsa(&n, &e)?, required))
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7638 §3.1
    #[test]
    #[cfg(feature = "aws-lc-rs")]
    fn the_thumbprint_of_the_rfc_holds() {
        let key = br#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
        assert_eq!(Jwk::from_json(key).unwrap().thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    // RFC 7517 A.1; OA-JW-05, OA-JW-06
    #[test]
    fn only_public_keys_of_known_kinds_for_signatures_are_read() {
        let p256 = |more: &str| {
            format!(
                r#"{{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"{more}}}"#
            )
        };
        assert!(Jwk::from_json(p256("").as_bytes()).unwrap().fits(Algorithm::Es256));
        assert!(Jwk::from_json(p256(r#","use":"sig","alg":"ES256","key_ops":["verify"]"#).as_bytes()).is_ok());
        for (more, error) in [
            (r#","use":"enc""#, JwkError::Use),
            (r#","key_ops":["sign"]"#, JwkError::Use),
            (r#","alg":"RS256""#, JwkError::Algorithm),
            (r#","alg":"none""#, JwkError::Algorithm),
            (r#","d":"AAAA""#, JwkError::Private),
        ] {
            assert_eq!(Jwk::from_json(p256(more).as_bytes()).err(), Some(error), "{more}");
        }
        assert_eq!(Jwk::from_json(br#"{"kty":"oct","k":"AAAA"}"#).err(), Some(JwkError::Private));
        assert_eq!(Jwk::from_json(br#"{"kty":"EC","crv":"P-521","x":"AA","y":"AA"}"#).err(), Some(JwkError::Unsupported));
        let off_curve = br#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"}"#;
        assert_eq!(Jwk::from_json(off_curve).err(), Some(JwkError::NotOnCurve));
        assert_eq!(Jwk::from_json(br#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#).err(), Some(JwkError::Weak));
    }

    // OA-JW-06, RFC 8725 §3.5
    #[test]
    fn an_rsa_key_has_2048_bits_and_the_usual_exponent() {
        let read = |bits: usize, first: u8, exponent: &[u8]| {
            let mut modulus = vec![0xC3; bits / 8];
            modulus[0] = first;
            let (n, e) = (BASE64URL.encode(modulus), BASE64URL.encode(exponent));
            Jwk::from_json(format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}"}}"#).as_bytes()).err()
        };
        for (bits, first, exponent) in [
            (512, 0x80, &[1, 0, 1][..]),
            (1024, 0x80, &[1, 0, 1]),
            (2040, 0xFF, &[1, 0, 1]),
            (2048, 0x7F, &[1, 0, 1]),
            (2056, 0, &[1, 0, 1]),
            (8200, 0x80, &[1, 0, 1]),
            (2048, 0x80, &[3]),
            (2048, 0x80, &[1]),
            (2048, 0x80, &[]),
            (2048, 0x80, &[17]),
            (2048, 0x80, &[0, 1, 0, 1]),
            (2048, 0x80, &[1, 0, 0, 0, 1]),
        ] {
            assert_eq!(read(bits, first, exponent), Some(JwkError::Weak), "{bits} {first:x} {exponent:?}");
        }
        let good = if cfg!(feature = "aws-lc-rs") { None } else { Some(JwkError::Unsupported) };
        assert_eq!((read(2048, 0x80, &[1, 0, 1]), read(3072, 0xFF, &[1, 0, 1])), (good, good));
    }
}
