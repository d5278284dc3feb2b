//! The boundary at which a panic becomes a value: one photo's decoder, encoder or tagger.
//!
//! Decoders and engines are other people's code that meets hostile bytes. Where one panics, the photo
//! is refused and the run goes on.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Does `work`; where it panics, what the panic said. What `work` leaves behind must be of no use to
/// anybody afterwards.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    IS_GUARDED.set(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    IS_GUARDED.set(false);
    done.map_err(|panic| {
        let said = panic.downcast_ref::<&str>().map(|text| text.to_string());
        let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
        said.unwrap_or_else(|| "no message".to_string())
    })
}

/// From here on a panic that becomes a reject is not also printed on standard error; all others are
/// reported as before. To be called once, by `main`: it changes the panic hook of the process.
pub fn silence_guarded_panics() {
    let report = take_hook();
    set_hook(Box::new(move |panic| {
        if !IS_GUARDED.get() {
            report(panic);
        }
    }));
}
