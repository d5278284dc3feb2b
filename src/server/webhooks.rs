//! Telling an address that something happened, signed as Standard Webhooks says
//! (<https://www.standardwebhooks.com>), so that the receiver's library checks it.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use showroom_catalog::seams::{Deliver, FetchError};

use crate::clock::{now_s, rfc3339};

/// What a secret begins with where it is written down.
const PREFIX: &str = "whsec_";
/// Bytes of a secret, as the specification has it.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Sends webhooks. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks {
    deliver: Arc<dyn Deliver>,
    secret: Arc<[u8]>,
    waits: Arc<[Duration]>,
}

impl Webhooks {
    /// `secret` is `whsec_` and base64, 24 to 64 bytes. The address is tried once, and once more after
    /// each of `waits`: see [`Webhooks::usual_waits`].
    pub fn new(
        deliver: Arc<dyn Deliver>,
        secret: &str,
        waits: Vec<Duration>,
    ) -> Result<Webhooks, String> {
        let bare = secret.strip_prefix(PREFIX).unwrap_or(secret);
        let bytes = BASE64_STANDARD.decode(bare).unwrap_or_default();
        match SECRET_BYTES.contains(&bytes.len()) {
            true => Ok(Webhooks {
                deliver,
                secret: bytes.into(),
                waits: waits.into(),
            }),
            false => Err(format!(
                "a webhook secret is {PREFIX} and base64 of 24 to 64 bytes; make one with: \
                 echo {PREFIX}$(openssl rand -base64 32)"
            )),
        }
    }

    /// Five times more, over three minutes.
    pub fn usual_waits() -> Vec<Duration> {
        [1, 5, 15, 45, 120].map(Duration::from_secs).to_vec()
    }

    /// Refuses an address that nothing is ever sent to.
    pub fn check(&self, address: &str) -> Result<(), FetchError> {
        self.deliver.check(address)
    }

    /// Sends, and again while it is not taken; why it was given up.
    pub async fn send(
        &self,
        address: &str,
        id: &str,
        kind: &str,
        data: &Value,
    ) -> Result<(), String> {
        let happened = rfc3339(now_s());
        let body = json!({"type": kind, "timestamp": happened, "data": data}).to_string();
        let mut waits = self.waits.iter();
        loop {
            let headers = self.headers(id, now_s(), &body);
            let sent = self
                .deliver
                .deliver(address, headers, body.clone().into_bytes())
                .await;
            let reason = match sent {
                Ok(200..=299) => return Ok(()),
                // The receiver wants no more of these.
                Ok(410) => return Err("the address is gone".into()),
                Ok(status) => format!("the address answers with status {status}"),
                Err(FetchError::Refused(reason)) => return Err(reason),
                Err(error) => error.to_string(),
            };
            match waits.next() {
                Some(wait) => tokio::time::sleep(*wait).await,
                None => return Err(reason),
            }
        }
    }

    fn headers(&self, id: &str, at_s: u64, body: &str) -> Vec<(String, String)> {
        let mut mac = match Hmac::<Sha256>::new_from_slice(&self.secret) {
            Ok(mac) => mac,
            // HMAC takes keys of any length.
            Err(_) => unreachable!("HMAC refuses no key"),
        };
        mac.update(format!("{id}.{at_s}.{body}").as_bytes());
        let code = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        [
            ("content-type", "application/json".to_string()),
            ("webhook-id", id.to_string()),
            ("webhook-timestamp", at_s.to_string()),
            ("webhook-signature", format!("v1,{code}")),
        ]
        .map(|(name, value)| (name.to_string(), value))
        .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use showroom_catalog::seams::BoxFuture;

    struct Nobody;

    impl Deliver for Nobody {
        fn check(&self, _address: &str) -> Result<(), FetchError> {
            Ok(())
        }

        fn deliver<'a>(
            &'a self,
            _address: &'a str,
            _headers: Vec<(String, String)>,
            _body: Vec<u8>,
        ) -> BoxFuture<'a, Result<u16, FetchError>> {
            Box::pin(async { Ok(204) })
        }
    }

    #[test]
    fn the_signature_is_that_of_the_specification() {
        // From the specification's own example, as its libraries test it.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let hooks = Webhooks::new(Arc::new(Nobody), secret, Vec::new()).unwrap();
        let headers = hooks.headers(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        let signature = headers.iter().find(|(name, _)| name == "webhook-signature");
        assert_eq!(
            signature.unwrap().1,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn a_weak_secret_is_refused() {
        for bad in ["", "whsec_", "whsec_c2hvcnQ=", "not base64 !"] {
            assert!(Webhooks::new(Arc::new(Nobody), bad, Vec::new()).is_err());
        }
    }
}
