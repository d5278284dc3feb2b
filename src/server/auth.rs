//! Keys and what they allow.
//!
//! A key is compared by its SHA-256 and in constant time with every key that there is, so that the time
//! of an answer tells neither how much of a key was right nor how long it should be.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::error::ApiError;
use crate::review::Caller;
use crate::state::App;

/// What a key allows; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    Read,
    Write,
    Admin,
}

impl Scope {
    pub fn name(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Write => "write",
            Scope::Admin => "admin",
        }
    }

    pub fn from_name(name: &str) -> Option<Scope> {
        let scopes = [Scope::Read, Scope::Write, Scope::Admin];
        scopes.into_iter().find(|scope| scope.name() == name)
    }
}

/// A key, of which only the hash is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// Who holds it, for the log.
    pub name: String,
    pub scope: Scope,
    /// SHA-256 of the key.
    pub sha256: [u8; 32],
}

impl Key {
    pub fn new(name: &str, scope: Scope, key: &str) -> Key {
        Key {
            name: name.to_string(),
            scope,
            sha256: Sha256::digest(key).into(),
        }
    }
}

/// The keys that the server knows. Without any, everybody who reaches it may do everything.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keys(Vec<Key>);

impl Keys {
    pub fn new(keys: Vec<Key>) -> Keys {
        Keys(keys)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The key that was presented.
    fn find(&self, presented: &str) -> Option<&Key> {
        let digest: [u8; 32] = Sha256::digest(presented).into();
        let mut found = u32::MAX;
        for (at, key) in (0u32..).zip(&self.0) {
            let same: Choice = key.sha256[..].ct_eq(&digest[..]);
            found.conditional_assign(&at, same);
        }
        self.0.get(usize::try_from(found).ok()?)
    }

    /// Whether a request with these headers may do what takes `scope`; the name of its key.
    pub fn check(&self, headers: &HeaderMap, scope: Scope) -> Result<Option<&str>, ApiError> {
        if self.is_empty() {
            return Ok(None);
        }
        let Some(presented) = presented(headers) else {
            return Err(unauthorised("this takes a key: Authorization: Bearer KEY"));
        };
        let Some(key) = self.find(presented) else {
            return Err(unauthorised("the key is not known here"));
        };
        if key.scope < scope {
            tracing::warn!(key = key.name, "a key was used for more than it allows");
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "wrong_scope",
                format!(
                    "this takes a key of scope {}, and this one is {}",
                    scope.name(),
                    key.scope.name()
                ),
            ));
        }
        Ok(Some(&key.name))
    }
}

/// `Authorization: Bearer KEY`, or `x-api-key: KEY`.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = |text: &'_ str| -> Option<usize> {
        let (scheme, _) = text.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then_some(scheme.len())
    };
    let authorization = text(header::AUTHORIZATION.as_str());
    match authorization.and_then(|text| Some(text[bearer(text)?..].trim())) {
        Some(key) => Some(key),
        None => text("x-api-key"),
    }
}

fn unauthorised(message: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthorised", message)
}

/// Lets a request pass whose key has the scope.
pub async fn require(
    State((app, scope)): State<(App, Scope)>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let now = app.now.get();
    let name = now.keys.check(request.headers(), scope)?;
    if let Some(caller) = name.map(|name| Caller(name.to_string())) {
        request.extensions_mut().insert(caller);
    }
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys::new(vec![
            Key::new("page", Scope::Read, "r-1"),
            Key::new("feed", Scope::Write, "w-1"),
        ])
    }

    fn check(name: &'static str, value: &str, scope: Scope) -> Option<u16> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        let refused = keys().check(&headers, scope).err();
        refused.map(|error| error.status.as_u16())
    }

    #[test]
    fn a_key_allows_its_scope_and_those_below() {
        assert_eq!(check("authorization", "Bearer r-1", Scope::Read), None);
        assert_eq!(check("authorization", "bearer  w-1 ", Scope::Read), None);
        assert_eq!(check("x-api-key", "w-1", Scope::Write), None);
        assert_eq!(check("x-api-key", "r-1", Scope::Write), Some(403));
        assert_eq!(check("x-api-key", "w-1", Scope::Admin), Some(403));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for wrong in ["", "r-", "r-11", "R-1", "Bearer r-1"] {
            assert_eq!(check("x-api-key", wrong, Scope::Read), Some(401), "{wrong}");
        }
        for wrong in ["r-1", "Basic r-1", "Bearer", "Bearer r-1 r-1"] {
            assert_eq!(
                check("authorization", wrong, Scope::Read),
                Some(401),
                "{wrong}"
            );
        }
        assert!(keys().check(&HeaderMap::new(), Scope::Read).is_err());
        assert!(
            Keys::default()
                .check(&HeaderMap::new(), Scope::Admin)
                .is_ok()
        );
    }
}
