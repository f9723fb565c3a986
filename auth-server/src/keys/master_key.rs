//! The master key: it seals what must be read again, and derives keyed functions.

use std::{fs, io, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use aes_gcm::{
    Aes256Gcm, KeyInit as _,
    aead::{Aead as _, Payload},
};
use anyhow::Context as _;
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD as BASE64, BASE64_URL_SAFE_NO_PAD as BASE64URL},
};
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

use super::private_file::refuse_open_to_others;
use crate::{entropy, secret::Secret};

/// 256 bits that open everything sealed. Kept in a file that only its owner reads.
#[derive(Clone, Debug)]
pub struct MasterKey(Secret<[u8; 32]>);

/// Where a sealed value stands: opened anywhere else, it does not open.
#[derive(Clone, Copy, Debug)]
pub struct SealedFor<'a> {
    /// The table.
    pub table: &'a str,
    /// The column.
    pub column: &'a str,
    /// The row's key.
    pub row: &'a str,
}

/// Why a sealed value does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Sealed under another master key.
    #[error("it was sealed under another master key")]
    OtherKey,
    /// Changed, moved to another row, or cut off.
    #[error("it was changed, or moved from another place")]
    Tampered,
    /// A format this version does not know.
    #[error("its format is not known to this version")]
    Version,
}

const VERSION: u8 = 1;
const KEY_ID: usize = 4;
const NONCE: usize = 12;

impl MasterKey {
    /// Takes a key as it is.
    pub fn new(key: [u8; 32]) -> Self {
        Self(Secret::new(key))
    }

    /// Reads the key file, or makes it on the first start. The second value tells
    /// whether it was made just now.
    ///
    /// # Errors
    /// Others can read the file, or it holds no key.
    pub fn load_or_create(file: &Path) -> anyhow::Result<(Self, bool)> {
        if file.exists() {
            return Ok((Self::load(file)?, false));
        }
        match Self::create(file) {
            Ok(key) => Ok((key, true)),
            Err(error) if is_existing(&error) => Ok((Self::load(file)?, false)),
            Err(error) => Err(error.context(format!("making the master key {}", file.display()))),
        }
    }

    /// Under another name first: whoever finds the file finds the whole key in it,
    /// and of two processes that begin at once one finds the other's.
    fn create(file: &Path) -> anyhow::Result<Self> {
        let key = entropy::random::<32>()?;
        let draft = file.with_extension(format!("{}.new", BASE64URL.encode(entropy::random::<6>()?)));
        let mut open = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        writeln!(open, "{}", BASE64.encode(key))?;
        open.sync_all()?;
        let placed = fs::hard_link(&draft, file);
        fs::remove_file(&draft)?;
        placed?;
        Ok(Self::new(key))
    }

    fn load(file: &Path) -> anyhow::Result<Self> {
        let name = file.display();
        refuse_open_to_others(file, "the master key")?;
        let text = Secret::new(fs::read_to_string(file).with_context(|| format!("reading the master key {name}"))?);
        Self::parse(text.expose()).with_context(|| format!("{name} holds no master key"))
    }

    /// Reads 32 bytes in base64.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let bytes = BASE64.decode(text.trim()).context("a master key is 32 bytes in base64")?;
        let key = <[u8; 32]>::try_from(bytes).map_err(|_| anyhow::anyhow!("a master key is 32 bytes in base64"))?;
        Ok(Self::new(key))
    }

    /// A key for one purpose: HMAC-SHA-256 of its name.
    pub fn derive(&self, purpose: &str) -> Secret<[u8; 32]> {
        Secret::new(hmac(self.0.expose(), &[b"portcullis derive 1", purpose.as_bytes()]))
    }

    /// Seals a value for one place (AES-256-GCM, random nonce).
    pub fn seal(&self, value: &[u8], place: SealedFor<'_>) -> anyhow::Result<Vec<u8>> {
        let nonce = entropy::random::<NONCE>()?;
        let payload = Payload { msg: value, aad: &place.associated_data() };
        let sealed = self.cipher().encrypt(&nonce.into(), payload).map_err(|_| anyhow::anyhow!("sealing a value failed"))?;
        Ok([&[VERSION], self.id().as_slice(), &nonce, &sealed].concat())
    }

    /// Opens a value at the place it was sealed for.
    pub fn open(&self, sealed: &[u8], place: SealedFor<'_>) -> Result<Secret<Vec<u8>>, SealError> {
        let (&version, rest) = sealed.split_first().ok_or(SealError::Tampered)?;
        if version != VERSION {
            return Err(SealError::Version);
        }
        let (id, rest) = rest.split_first_chunk::<KEY_ID>().ok_or(SealError::Tampered)?;
        if *id != self.id() {
            return Err(SealError::OtherKey);
        }
        let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or(SealError::Tampered)?;
        let payload = Payload { msg: rest, aad: &place.associated_data() };
        self.cipher().decrypt(&(*nonce).into(), payload).map(Secret::new).map_err(|_| SealError::Tampered)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(self.derive("sealing").expose().into())
    }

    /// Tells master keys apart without telling anything of them.
    fn id(&self) -> [u8; KEY_ID] {
        let digest: [u8; 32] = Sha256::digest(self.derive("key id").expose()).into();
        let mut id = [0; KEY_ID];
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        id
    }
}

impl SealedFor<'_> {
    /// Unambiguous: no two places have the same.
    fn associated_data(&self) -> Vec<u8> {
        [self.table, "\0", self.column, "\0", self.row].concat().into_bytes()
    }
}

/// HMAC-SHA-256 over parts that are told apart by their lengths.
pub(crate) fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new(&padded(key).into());
    for part in parts {
        mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn is_existing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
}

/// A key shorter than a block is filled up with zeros (RFC 2104 §2).
fn padded(key: &[u8; 32]) -> [u8; 64] {
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: SealedFor<'_> = SealedFor { table: "signing_keys", column: "sealed_private", row: "a" };

    // OA-CR-09
    #[test]
    fn a_value_opens_only_where_it_was_sealed() {
        let key = MasterKey::new([7; 32]);
        let sealed = key.seal(b"private", HERE).unwrap();
        assert_eq!(key.open(&sealed, HERE).unwrap().expose(), b"private");
        assert!(!sealed.windows(7).any(|window| window == b"private"));
        for elsewhere in [SealedFor { row: "b", ..HERE }, SealedFor { column: "public_jwk", ..HERE }, SealedFor { table: "users", ..HERE }]
        {
            assert_eq!(key.open(&sealed, elsewhere).unwrap_err(), SealError::Tampered);
        }
    }

    #[test]
    fn one_changed_bit_or_another_key_is_noticed() {
        let key = MasterKey::new([7; 32]);
        let sealed = key.seal(b"private", HERE).unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open(&changed, HERE).is_err(), "byte {at}");
            assert!(key.open(&sealed[..at], HERE).is_err(), "cut at {at}");
        }
        assert_eq!(MasterKey::new([8; 32]).open(&sealed, HERE).unwrap_err(), SealError::OtherKey);
        assert_eq!(key.open(&[&[VERSION + 1], &sealed[1..]].concat(), HERE).unwrap_err(), SealError::Version);
    }

    // OA-JW-17
    #[test]
    fn the_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master.key");
        let (made, new) = MasterKey::load_or_create(&file).unwrap();
        assert!(new);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let (read, new) = MasterKey::load_or_create(&file).unwrap();
        assert!(!new);
        assert_eq!(read.derive("x").expose(), made.derive("x").expose());
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(MasterKey::load_or_create(&file).unwrap_err().to_string().contains("chmod 600"));
    }
}
