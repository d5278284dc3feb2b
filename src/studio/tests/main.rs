//! Checks, renditions and backdrops on drawn pictures with known answers.

mod backdrop;
mod check;
mod drawn;
mod rendition;
