//! Photos in object storage: `s3://bucket/key`, of any service that speaks S3.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use showroom_catalog::seams::{BoxFuture, Fetch, FetchError};

/// What an address begins with.
const SCHEME: &str = "s3://";
/// How often one object is asked for where the service or the network fails.
const ATTEMPTS: u32 = 3;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For one attempt up to the first byte.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// For one object with all attempts.
const OBJECT_TIMEOUT: Duration = Duration::from_secs(60);
/// Wait before the second attempt; twice that before the third.
const BACK_OFF: Duration = Duration::from_millis(200);

/// Where objects are and who asks for them.
#[derive(Clone, Debug, Default)]
pub struct ObjectsConfig {
    /// `http://127.0.0.1:8333`; AWS itself where there is none.
    pub endpoint: Option<String>,
    /// `us-east-1` where there is none.
    pub region: Option<String>,
    /// Bucket in the path and not in the host's name: what most services but AWS want.
    pub path_style: bool,
    /// Without them only what is public can be read.
    pub credentials: Option<ObjectsCredentials>,
    /// Buckets that may be read; any that the credentials open where there are none.
    pub buckets: Vec<String>,
}

/// A key of the service.
#[derive(Clone)]
pub struct ObjectsCredentials {
    pub access_key: String,
    pub secret_key: String,
    pub session_token: Option<String>,
}

impl std::fmt::Debug for ObjectsCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectsCredentials").finish_non_exhaustive()
    }
}

/// Reads objects. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Objects {
    client: Client,
    buckets: Vec<String>,
}

/// An address taken apart.
struct Address<'a> {
    bucket: &'a str,
    key: &'a str,
}

/// Whether asking again may help.
enum Trouble {
    Passing(String),
    Lasting(FetchError),
}

impl Objects {
    /// Opens no connection.
    pub fn new(config: ObjectsConfig) -> Objects {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ANSWER_TIMEOUT)
            .build();
        let region = config.region.unwrap_or_else(|| "us-east-1".to_string());
        let mut builder = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region))
            .force_path_style(config.path_style)
            .http_client(http)
            // Attempts are counted here, as a body that breaks off is none of the client's.
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        if let Some(endpoint) = config.endpoint {
            builder = builder.endpoint_url(endpoint);
        }
        builder = match config.credentials {
            Some(own) => builder.credentials_provider(Credentials::new(
                own.access_key,
                own.secret_key,
                own.session_token,
                None,
                "showroom",
            )),
            None => builder.allow_no_auth(),
        };
        Objects {
            client: Client::from_conf(builder.build()),
            buckets: config.buckets,
        }
    }

    /// The bytes of an object, whole: their number is what the service said, and their checksum where it
    /// keeps one. Asked for up to three times.
    pub async fn get(&self, address: &str, max_bytes: u64) -> Result<Vec<u8>, FetchError> {
        let at = self.check(address)?;
        let work = async {
            let mut attempt = 1;
            loop {
                match self.once(address, &at, max_bytes).await {
                    Ok(bytes) => return Ok(bytes),
                    Err(Trouble::Lasting(error)) => return Err(error),
                    Err(Trouble::Passing(reason)) if attempt == ATTEMPTS => {
                        return Err(FetchError::Failed(format!(
                            "{address} cannot be read after {ATTEMPTS} attempts: {reason}"
                        )));
                    }
                    Err(Trouble::Passing(_)) => {}
                }
                tokio::time::sleep(BACK_OFF * attempt).await;
                attempt += 1;
            }
        };
        let late = |_| FetchError::Failed(format!("{address} took too long; try again later"));
        tokio::time::timeout(OBJECT_TIMEOUT, work)
            .await
            .map_err(late)?
    }

    /// Bucket and key, if the bucket may be read. A key is never a path: it may hold `..`, but not climb
    /// above its bucket, as some services tidy addresses before they look at them.
    fn check<'a>(&self, address: &'a str) -> Result<Address<'a>, FetchError> {
        let refused = |why: &str| FetchError::Refused(format!("{address} is not read: {why}"));
        let (bucket, key) = address
            .strip_prefix(SCHEME)
            .and_then(|rest| rest.split_once('/'))
            .ok_or_else(|| refused("an object's address is s3://BUCKET/KEY"))?;
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
        if !(3..=63).contains(&bucket.len())
            || !bucket.bytes().all(is_plain)
            || bucket.contains("..")
            || bucket.starts_with(['-', '.'])
        {
            return Err(refused("this is no bucket's name"));
        }
        if key.is_empty() || key.len() > 1024 {
            return Err(refused("a key is 1 to 1024 bytes"));
        }
        let mut depth = 0_i32;
        for part in key.split('/') {
            depth += match part {
                ".." => -1,
                "." | "" => 0,
                _ => 1,
            };
            if depth < 0 {
                return Err(refused("its key climbs above the bucket"));
            }
        }
        if !self.buckets.is_empty() && !self.buckets.iter().any(|one| one == bucket) {
            return Err(refused("its bucket is not among those that may be read"));
        }
        Ok(Address { bucket, key })
    }

    async fn once(
        &self,
        address: &str,
        at: &Address<'_>,
        max_bytes: u64,
    ) -> Result<Vec<u8>, Trouble> {
        let too_large = || {
            Trouble::Lasting(FetchError::TooLarge {
                address: address.to_string(),
                limit: max_bytes,
            })
        };
        let request = self.client.get_object().bucket(at.bucket).key(at.key);
        let answer = request
            .send()
            .await
            .map_err(|error| judge(address, &error))?;
        let told = answer
            .content_length()
            .and_then(|length| u64::try_from(length).ok());
        if told.is_some_and(|length| length > max_bytes) {
            return Err(too_large());
        }
        let mut body = answer.body;
        let mut bytes = Vec::new();
        loop {
            // A checksum that is wrong is an error of the last piece.
            let piece = body
                .try_next()
                .await
                .map_err(|_| Trouble::Passing("the answer broke off or is spoilt".into()))?;
            let Some(piece) = piece else { break };
            if (bytes.len() + piece.len()) as u64 > max_bytes {
                return Err(too_large());
            }
            bytes.extend_from_slice(&piece);
        }
        match told {
            Some(length) if length != bytes.len() as u64 => {
                let came = bytes.len();
                let reason = format!("{came} of {length} bytes came");
                Err(Trouble::Passing(reason))
            }
            _ => Ok(bytes),
        }
    }
}

impl Fetch for Objects {
    fn fetch<'a>(
        &'a self,
        address: &'a str,
        max_bytes: u64,
    ) -> BoxFuture<'a, Result<Vec<u8>, FetchError>> {
        Box::pin(self.get(address, max_bytes))
    }
}

/// What the service's refusal means.
fn judge(address: &str, error: &SdkError<GetObjectError>) -> Trouble {
    let SdkError::ServiceError(refusal) = error else {
        let reason = match error {
            SdkError::TimeoutError(_) => "it took too long",
            SdkError::DispatchFailure(_) => "the service cannot be reached",
            _ => "the service does not speak S3 as it should",
        };
        return Trouble::Passing(reason.into());
    };
    let status = refusal.raw().status().as_u16();
    let code = refusal.err().meta().code().unwrap_or_default();
    match (status, code) {
        (404, _) | (_, "NoSuchKey" | "NoSuchBucket") => {
            Trouble::Lasting(FetchError::NotFound(address.to_string()))
        }
        (401 | 403, _) => Trouble::Lasting(FetchError::Failed(format!(
            "{address} may not be read with these credentials"
        ))),
        (429 | 500.., _) | (_, "SlowDown" | "RequestTimeout") => {
            Trouble::Passing(format!("the service answers with status {status}"))
        }
        _ => Trouble::Lasting(FetchError::Failed(format!(
            "{address} cannot be read: the service answers with status {status}"
        ))),
    }
}
