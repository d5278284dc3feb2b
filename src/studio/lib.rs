//! 2D assets of a photo.
