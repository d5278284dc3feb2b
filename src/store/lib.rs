//! The catalogue on disk. The only crate that names Lance.
