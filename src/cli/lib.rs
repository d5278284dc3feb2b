//! The command line: one file a verb, each of them what the user typed turned into calls into the
//! crates below.
//!
//! **Architecture invariant**: this crate and `main` are the only ones that read the environment or
//! write to the terminal. What a verb prints goes to standard output, everything else (the engine
//! that was taken, progress, errors) to standard error, so that output can be piped.

mod adapt;
mod add;
pub mod args;
mod bench;
mod config;
mod cutout;
mod dedup;
mod delete;
mod doctor;
mod eval;
mod exit;
mod export;
mod index;
mod ingest;
mod interrupt;
mod keys;
mod labels;
mod models;
mod progress;
mod reindex;
mod rejects;
mod reload;
mod report;
mod search;
mod serve;
mod source;
mod surround;

mod studio;
mod table;
mod tag;
mod watch;
mod whole;
mod wire;

pub use args::Args;
pub use config::Config;
pub use exit::Failure;

use args::Verb;

/// Runs one command; the exit code is 0 or that of the [`Failure`].
pub fn run(args: Args) -> Result<(), Failure> {
    let config = Config::resolve(&args.global)?;
    match args.verb {
        Verb::Ingest(verb) => ingest::run(&config, &verb),
        Verb::Reindex(verb) => reindex::run(&config, &verb),
        Verb::Tag(verb) => tag::run(&config, &verb),
        Verb::Search(verb) => search::run(&config, &verb),
        Verb::Serve(verb) => serve::run(&config, &verb),
        Verb::Rejects => rejects::run(&config),
        Verb::Dedup(verb) => dedup::run(&config, &verb),
        Verb::Bench(verb) => bench::run(&config, &verb),
        Verb::Export(verb) => export::run(&config, &verb),
        Verb::Delete(verb) => delete::run(&config, &verb),
        Verb::Report(verb) => report::run(&config, &verb),
        Verb::Index(verb) => index::run(&config, &verb),
        Verb::Models(verb) => models::run(&config, &verb),
        Verb::Doctor => doctor::run(&config),
        Verb::Eval(verb) => eval::run(&config, &verb),
        Verb::Labels(verb) => labels::run(&config, &verb),
        Verb::Cutout(verb) => cutout::run(&config, &verb),
        Verb::Check(verb) => studio::check::run(&config, &verb),
        Verb::Rendition(verb) => studio::rendition::run(&config, &verb),
        Verb::Backdrop(verb) => studio::backdrop::run(&config, &verb),
        Verb::Adapt(verb) => adapt::run(&config, &verb),
    }
}
