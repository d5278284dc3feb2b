//! One file a verb: what the user typed becomes a call into one crate below.
