//! 2D assets of a photo.
//!
//! - [`check`]: what a marketplace asks of a photo, measured, and the picture that keeps it.
//! - [`rendition`]: the sizes and formats of a page, each as small as a perceptual target allows.
//! - [`backdrop`]: a cut-out on a colour, a gradient, a picture, or in a lit scene.
//! - [`cutout`]: the product alone, and how far that can be trusted; with [`matte`] (a coarse mask → alpha of
//!   every pixel) and [`foreground`] (colours freed of the background).
//! - [`write`](mod@write): pixels → PNG, WebP, AVIF or JPEG, with where they come from in their metadata.
//! - [`asset`]: the keys under which files are kept.
//!
//! **Architecture invariant**: no I/O, no model, no environment. Masks come through
//! [`Matting`](showroom_catalog::seams::Matting); what is made is bytes, and whoever calls keeps them.

pub mod asset;
pub mod backdrop;
pub mod check;
pub mod cutout;
pub mod foreground;
pub mod making;
pub mod matte;
pub mod place;
pub mod rendition;
pub mod write;
