//! The studio against other people's code, drawn pictures with known answers, and awkward photos.

mod backdrop;
mod check;
mod common;
mod cutout;
mod drawn;
mod foreground;
mod frame;
mod maker;
mod refine;
mod rendition;
mod written;
