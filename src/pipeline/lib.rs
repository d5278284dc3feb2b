//! Bounded stages from a source of photos to a catalogue.
