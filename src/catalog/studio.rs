//! What a designer asks of one photo, and what comes of it.

use serde::Serialize;

use crate::seams::{BadPhoto, ModelError};

/// What is done with a photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StudioTask {
    /// The product alone, or its mask.
    Cutout,
    /// The product on something else.
    Backdrop,
    /// What the rules of a marketplace say of the photo, as JSON.
    Check,
}

impl StudioTask {
    /// Lower-case name, as in metrics.
    pub fn name(self) -> &'static str {
        match self {
            StudioTask::Cutout => "cutout",
            StudioTask::Backdrop => "backdrop",
            StudioTask::Check => "check",
        }
    }
}

/// What there is to choose from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StudioChoices {
    /// Networks that find the product; the first is taken where none is named.
    pub models: Vec<String>,
    pub scenes: Vec<SceneChoice>,
    pub rules: Vec<RulesChoice>,
}

/// A scene that a product can be put in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SceneChoice {
    pub name: String,
    /// One line for people.
    pub title: String,
    /// Main colours, `#rrggbb`.
    pub wall: String,
    pub floor: String,
}

/// The rules of a marketplace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RulesChoice {
    pub name: String,
    pub title: String,
    /// The public guideline that they are taken from, and the month in which it was read.
    pub source: String,
    pub read: String,
}

/// A file that was made of a photo.
#[derive(Clone, Debug, PartialEq)]
pub struct StudioFile {
    pub mime: &'static str,
    /// Ending of a file's name, without the dot.
    pub extension: &'static str,
    pub bytes: Vec<u8>,
    /// How far it can be used unseen, 0–1; none where nothing is to be doubted.
    pub confidence: Option<f32>,
    /// Stable words for what a person should look at.
    pub flags: Vec<String>,
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum StudioError {
    /// Whoever asks should ask otherwise.
    #[error("{name}={value:?} is not understood: {wanted}")]
    BadParameter {
        name: String,
        value: String,
        /// What can be given.
        wanted: String,
    },
    /// It is about this photo alone.
    #[error("{}", .0.reason)]
    Photo(BadPhoto),
    #[error(transparent)]
    Model(#[from] ModelError),
}
