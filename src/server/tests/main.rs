//! The server over a real socket, with a catalogue and models that are made up.

mod drain;
mod fakes;
mod http;
mod images;
mod jobs;
mod keys;
mod limits;
mod marqo;
mod metrics;
mod one_photo;
mod openai;
mod reload;
mod search;
mod served;
mod studio;
mod telemetry;
mod writers;
