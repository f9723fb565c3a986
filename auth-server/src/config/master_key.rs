//! The key that seals the signing keys.

use std::path::PathBuf;

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::{Value as Json, json};

use super::value::{Complaints, Given, Kind};
use crate::secret::Secret;

/// Where the key comes from.
#[derive(Clone, Debug)]
pub enum MasterKeySource {
    /// A file that has it in base64, made at the first start if it is the one in the data folder.
    File(PathBuf),
    /// The key itself.
    Value(Secret<[u8; 32]>),
}

/// The key itself, as it is written.
#[derive(Clone, Debug)]
pub(super) struct MasterKey(pub(super) Secret<[u8; 32]>);

impl Kind for MasterKey {
    const SECRET: bool = true;

    fn read(given: &Given, complaints: &mut Complaints<'_>) -> Option<Self> {
        let key = given.text().and_then(decode);
        key.map(|key| Self(Secret::new(key)))
            .or_else(|| complaints.expected(given, "32 bytes in base64, as `openssl rand -base64 32` prints them"))
    }

    fn shape(_: Option<&(Self, Self)>) -> Json {
        json!({"type": "string", "minLength": 43, "maxLength": 44})
    }

    fn written(&self) -> Option<Json> {
        None
    }
}

/// Both alphabets, with padding or without.
fn decode(text: &str) -> Option<[u8; 32]> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if text.contains(['-', '_']) { &base64::alphabet::URL_SAFE } else { &base64::alphabet::STANDARD };
    GeneralPurpose::new(alphabet, lenient).decode(text.trim()).ok()?.try_into().ok()
}
