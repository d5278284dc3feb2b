//! 2D assets of a photo.
//!
//! - [`check`]: what a marketplace asks of a photo, measured, and the picture that keeps it.
//! - [`rendition`]: the sizes and formats of a page, each as small as a perceptual target allows.
//! - [`backdrop`]: a cut-out on a colour, a gradient, a picture, or in a lit scene.
//! - [`write`](mod@write): pixels → PNG, WebP, AVIF or JPEG, with where they come from in their metadata.
//!
//! **Architecture invariant**: no I/O, no model, no environment. Masks come through
//! [`Matting`](showroom_catalog::seams::Matting); what is made is bytes, and whoever calls keeps them.

pub mod backdrop;
pub mod check;
pub mod making;
pub mod place;
pub mod rendition;
pub mod write;
