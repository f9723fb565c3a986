//! Refresh tokens: opaque to everybody else, told apart by us without a look-up.
//!
//! A token holds its family's id, its place in the family, 256 secret bits and a
//! keyed tag. The tag proves that we made it, so that a rotated token is known to
//! be one (and reuse noticed) though only the newest two hashes are stored, and a
//! made-up one is refused before the store is asked. The secret of a successor is
//! a keyed function of its parent: two processes that rotate the same token make
//! the same successor, and neither a dump of the database nor a stolen token tells
//! it.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use zeroize::Zeroizing;

use crate::{
    keys::{MasterKey, hmac},
    protocol::{
        refresh::PresentedRefreshToken,
        vocabulary::{FamilyId, NotSuchToken, checked, hash_of, with_checksum},
    },
    secret::{Secret, same_bytes},
};

const PREFIX: &str = "pc_refresh_";
const VERSION: u8 = 1;
const LENGTH: usize = 1 + 16 + 4 + 32 + 16;

/// The keyed functions behind refresh tokens.
#[derive(Clone, Debug)]
pub struct RefreshTokenKeys {
    tag: Secret<[u8; 32]>,
    successor: Secret<[u8; 32]>,
}

/// A refresh token of ours.
pub struct RefreshToken {
    family_id: FamilyId,
    generation: u32,
    secret: Zeroizing<[u8; 32]>,
    wire: Zeroizing<String>,
}

impl RefreshTokenKeys {
    /// Derives the functions; all processes with one master key agree.
    pub fn new(master: &MasterKey) -> Self {
        Self { tag: master.derive("refresh token tag"), successor: master.derive("refresh token successor") }
    }

    /// The first refresh token of a family.
    pub fn first(&self, family_id: FamilyId, random: [u8; 32]) -> RefreshToken {
        self.build(family_id, 0, random)
    }

    /// The token that replaces `parent`: always the same.
    pub fn successor(&self, parent: &RefreshToken) -> RefreshToken {
        let parts: [&[u8]; 3] = [parent.family_id.as_bytes(), &parent.generation.to_be_bytes(), parent.secret.as_slice()];
        let secret = hmac(self.successor.expose(), &parts);
        self.build(parent.family_id, parent.generation.saturating_add(1), secret)
    }

    /// Reads a token that somebody presents; only what we made is read.
    pub fn parse(&self, presented: &str) -> Result<RefreshToken, NotSuchToken> {
        let body = checked(presented, PREFIX).ok_or(NotSuchToken)?;
        let bytes = Zeroizing::new(BASE64URL.decode(body).map_err(|_| NotSuchToken)?);
        let bytes: &[u8; LENGTH] = bytes.as_slice().try_into().map_err(|_| NotSuchToken)?;
        let (&[version], rest) = bytes.split_first_chunk::<1>().ok_or(NotSuchToken)?;
        let (family, rest) = rest.split_first_chunk::<16>().ok_or(NotSuchToken)?;
        let (generation, rest) = rest.split_first_chunk::<4>().ok_or(NotSuchToken)?;
        let (secret, tag) = rest.split_first_chunk::<32>().ok_or(NotSuchToken)?;
        let family_id = FamilyId::from_bytes(*family);
        let generation = u32::from_be_bytes(*generation);
        if version != VERSION || !same_bytes(&self.tag_of(family_id, generation, secret), tag) {
            return Err(NotSuchToken);
        }
        Ok(RefreshToken { family_id, generation, secret: Zeroizing::new(*secret), wire: Zeroizing::new(presented.to_owned()) })
    }

    fn build(&self, family_id: FamilyId, generation: u32, secret: [u8; 32]) -> RefreshToken {
        let secret = Zeroizing::new(secret);
        let tag = self.tag_of(family_id, generation, &secret);
        let parts: [&[u8]; 5] = [&[VERSION], family_id.as_bytes(), &generation.to_be_bytes(), secret.as_slice(), &tag];
        let bytes = Zeroizing::new(parts.concat());
        let wire = Zeroizing::new(with_checksum(format!("{PREFIX}{}", BASE64URL.encode(&*bytes))));
        RefreshToken { family_id, generation, secret, wire }
    }

    fn tag_of(&self, family_id: FamilyId, generation: u32, secret: &[u8; 32]) -> [u8; 16] {
        let full = hmac(self.tag.expose(), &[&[VERSION], family_id.as_bytes(), &generation.to_be_bytes(), secret]);
        let mut tag = [0; 16];
        tag.iter_mut().zip(full).for_each(|(to, from)| *to = from);
        tag
    }
}

impl RefreshToken {
    /// The text that leaves the server.
    pub fn wire(&self) -> &str {
        &self.wire
    }

    /// What the store keeps.
    pub fn hash(&self) -> [u8; 32] {
        hash_of(PREFIX, &self.wire)
    }

    /// What the rules judge.
    pub fn presented(&self) -> PresentedRefreshToken {
        PresentedRefreshToken { family_id: self.family_id, generation: self.generation, hash: self.hash() }
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "refresh token {} of family {}", self.generation, self.family_id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn keys(master: u8) -> RefreshTokenKeys {
        RefreshTokenKeys::new(&MasterKey::new([master; 32]))
    }

    fn family() -> FamilyId {
        FamilyId::new(Uuid::from_u128(5))
    }

    // OA-RT-05: everybody with the keys makes the same successor, nobody else can
    #[test]
    fn a_successor_is_the_same_for_all_who_hold_the_keys() {
        let parent = keys(1).first(family(), [9; 32]);
        let successor = keys(1).successor(&parent);
        assert_eq!(successor.wire(), keys(1).successor(&keys(1).parse(parent.wire()).unwrap()).wire());
        assert_ne!(successor.wire(), keys(2).successor(&parent).wire());
        assert_eq!(successor.presented().generation, 1);
    }

    // OA-RT-01, OA-CR-07
    #[test]
    fn only_our_own_tokens_are_read() {
        let token = keys(1).first(family(), [9; 32]);
        assert_eq!(keys(1).parse(token.wire()).unwrap().presented(), token.presented());
        assert!(keys(2).parse(token.wire()).is_err());
        assert!(!format!("{token:?}").contains(token.wire()));
    }

    proptest! {
        #[test]
        fn any_text_is_refused(text in ".{0,160}", body in "[A-Za-z0-9_-]{92}") {
            prop_assert!(keys(1).parse(&text).is_err());
            let made_up = with_checksum([PREFIX, body.as_str()].concat());
            prop_assert!(keys(1).parse(&made_up).is_err());
        }
    }
}
