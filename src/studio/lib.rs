//! 2D assets of a photo.
//!
//! - [`write`](mod@write): pixels → PNG, WebP, AVIF or JPEG, with where they come from in their metadata.
//!
//! **Architecture invariant**: no I/O, no model, no environment. Masks come through
//! [`Matting`](showroom_catalog::seams::Matting); what is made is bytes, and whoever calls keeps them.

pub mod write;
