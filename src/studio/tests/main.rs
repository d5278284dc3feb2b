//! The studio against other people's code, drawn pictures with a known alpha, and awkward photos.

mod common;
mod cutout;
mod foreground;
mod frame;
mod maker;
mod refine;
mod written;
