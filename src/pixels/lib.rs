//! Bytes to upright, bounded, colour-managed pixels, and what is measured on them.
