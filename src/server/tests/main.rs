//! The server over real sockets on loopback, with a catalogue and models that are made up.

mod images;
mod jobs;
mod metrics;
mod one_photo;
mod served;
mod telemetry;
