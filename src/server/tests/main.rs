//! The server over a real socket, with a catalogue and models that are made up.

mod drain;
mod fakes;
mod http;
mod keys;
mod limits;
mod marqo;
mod openai;
mod search;
mod images;
mod jobs;
mod metrics;
mod one_photo;
mod served;
mod telemetry;
