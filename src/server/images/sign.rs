//! Signatures of rendition addresses: HMAC-SHA256 over every field of the ask.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use uuid::Uuid;

use super::ask::Ask;

/// Signs with its first key, and takes what any of them signed: so that a key can be replaced.
#[derive(Clone)]
pub struct Signer {
    keys: Vec<[u8; 32]>,
}

impl Signer {
    /// The first key signs.
    pub fn new(key: [u8; 32], older: Vec<[u8; 32]>) -> Signer {
        let mut keys = vec![key];
        keys.extend(older);
        Signer { keys }
    }

    /// The key in this file, which is made where there is none: what only this user may read.
    pub fn from_file(path: &Path) -> io::Result<Signer> {
        match fs::read(path) {
            Ok(bytes) => {
                let key = bytes.try_into().map_err(|_| {
                    io::Error::other(format!(
                        "{} is not a key of 32 bytes; delete it, and a new one is made",
                        path.display()
                    ))
                })?;
                Ok(Signer::new(key, Vec::new()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = random_key();
                create(path, &key)?;
                // Of two servers that start at once the first one's key counts.
                Signer::from_file(path)
            }
            Err(error) => Err(error),
        }
    }

    /// The address with its signature, `/images/…&sig=…`.
    pub fn sign(&self, ask: &Ask) -> String {
        let code = mac(&self.keys[0], ask).finalize().into_bytes();
        let address = ask.address();
        let joint = if address.contains('?') { '&' } else { '?' };
        format!(
            "{address}{joint}sig={}",
            BASE64_URL_SAFE_NO_PAD.encode(code)
        )
    }

    /// Compares in constant time.
    pub fn is_right(&self, ask: &Ask, signature: &str) -> bool {
        let Ok(given) = BASE64_URL_SAFE_NO_PAD.decode(signature) else {
            return false;
        };
        let right = self
            .keys
            .iter()
            .filter(|key| mac(key, ask).verify_slice(&given).is_ok());
        right.count() > 0
    }
}

fn mac(key: &[u8; 32], ask: &Ask) -> Hmac<Sha256> {
    let mut mac = match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mac) => mac,
        // HMAC takes keys of any length.
        Err(_) => unreachable!("HMAC refuses no key"),
    };
    mac.update(ask.signed().as_bytes());
    mac
}

/// From two random UUIDs: 244 bits of the operating system's randomness.
pub fn random_key() -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(Uuid::new_v4().as_bytes());
    hasher.update(Uuid::new_v4().as_bytes());
    *hasher.finalize().as_bytes()
}

/// Whole or not at all; leaves a file that is there as it is.
fn create(path: &Path, key: &[u8; 32]) -> io::Result<()> {
    let part = path.with_extension(format!("{}.part", Uuid::new_v4()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(&part)?;
    let written = file.write_all(key).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| match fs::hard_link(&part, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        done => done,
    });
    fs::remove_file(&part)?;
    linked
}
