//! One test binary: the models against the numbers of their reference implementations.

mod models;
