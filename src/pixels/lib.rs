//! Bytes to upright, bounded, colour-managed pixels, and what is measured on them.
//!
//! [`decode`] is the way in: the format is told by the bytes ([`sniff`]), the size checked against
//! [`Limits`] before anything is allocated, JPEGs decoded at a reduced scale, the picture turned upright
//! ([`orient`]) and brought to sRGB, and [`Facts`](showroom_catalog::Facts) measured ([`quality`]).
//! [`fit`] makes of pixels what a model eats; [`product`](mod@product), [`histogram`] and [`palette`]
//! measure the colours of what a mask shows.
//!
//! **Architecture invariant**: no I/O, no threads, no environment, no model. Nothing here panics on a
//! photo, however broken: it is refused with a [`PixelError`].

mod colour;
pub mod decode;
mod error;
pub mod fit;
mod header;
pub mod histogram;
mod jpeg;
pub mod lab;
pub mod limits;
pub mod orient;
pub mod overlap;
pub mod palette;
pub mod phash;
pub mod product;
pub mod quality;
mod reduce;
mod scale;
pub mod sniff;
pub mod thumbnail;
mod tiff;
pub mod vocabulary;

pub use decode::{DecodeOptions, Decoded, decode, decode_pixels};
pub use error::PixelError;
pub use fit::{
    Filter, Fit, FitError, Fitter, How, Normal, Placement, Rect, composite_over_white, crop,
};
pub use histogram::{COLOUR_DIMENSIONS, colour_histogram};
pub use limits::Limits;
pub use palette::{colour_name, named_colours};
pub use product::{Mask, Product, product};
pub use scale::{scale, scale_mask};
pub use showroom_catalog::PhotoId;

/// The id of a photo: BLAKE3 of its bytes.
pub fn photo_id(bytes: &[u8]) -> PhotoId {
    PhotoId(*blake3::hash(bytes).as_bytes())
}
