//! `/health`: the process answers. `/ready`: it can answer what it is for.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use showroom_catalog::asked::push_photo;
use showroom_catalog::{Facts, Format, Photo, PhotoId, PhotoRef, Pixels, Query};

use crate::error::ApiError;
use crate::state::App;

/// The canary's picture and words: any will do.
const SIDE: u32 = 64;
const WORDS: &str = "red shoes";

pub async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

pub async fn ready(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    match (app.is_ready(), app.is_draining()) {
        (true, _) => Ok(Json(json!({ "status": "ready" }))),
        (false, true) => Err(ApiError::unavailable(
            "draining",
            "the server is about to end",
        )),
        (false, false) => Err(ApiError::unavailable(
            "warming_up",
            "the models are being loaded",
        )),
    }
}

impl App {
    /// Asks every model and the catalogue once; only then is the server ready.
    pub async fn warm_up(&self) -> Result<(), ApiError> {
        let features = self.encoder.encode(canary()).await?;
        let words = self.now.get().words.clone();
        words.understand(WORDS).await?;
        let mut query = Query {
            k: 1,
            ..Query::default()
        };
        push_photo(&mut query, features.shape, features.colour, 1.0);
        self.search(query).await?;
        self.set_warm();
        Ok(())
    }
}

/// A grey square on white.
fn canary() -> Photo {
    let inside = |at: u32| (SIDE / 4..SIDE * 3 / 4).contains(&at);
    let grey = |x: u32, y: u32| if inside(x) && inside(y) { 90 } else { 255 };
    let pixels = (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| grey(x, y)));
    let rgba = pixels
        .flat_map(|level| [level, level, level, 255])
        .collect();
    Photo {
        id: PhotoId([0; 32]),
        source: PhotoRef {
            uri: String::new(),
            etag: String::new(),
            bytes: 0,
            sku: None,
        },
        pixels: Pixels {
            width: SIDE,
            height: SIDE,
            rgba,
        },
        facts: Facts {
            width: SIDE,
            height: SIDE,
            bytes: 0,
            format: Format::Png,
            sharpness: 0.0,
            brightness: 0.5,
            clipped_dark: 0.0,
            clipped_bright: 0.75,
            border_white: 1.0,
            border_uniform: 1.0,
            transparent: 0.0,
            product_share: 0.25,
            phash: 0,
        },
    }
}
