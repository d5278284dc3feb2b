//! The progress bar: rate, time left, rejects; on standard error, and only where a person sees it.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use showroom_catalog::Reject;
use showroom_pipeline::{Progress, Snapshot};

use crate::config::Config;
use crate::table::plain;

/// One bar, or none where standard error is no terminal or the user wants quiet.
pub struct Bar {
    bar: ProgressBar,
    /// Whether rejects are named as they come.
    names_rejects: bool,
}

impl Bar {
    pub fn new(config: &Config) -> Bar {
        let shown = !config.quiet && std::io::stderr().is_terminal();
        let target = match shown {
            true => ProgressDrawTarget::stderr_with_hz(10),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.enable_steady_tick(Duration::from_millis(200));
        Bar {
            bar,
            names_rejects: !config.quiet,
        }
    }

    /// `done` of `total` (`None`: not known yet), and what there is to say of it.
    pub fn show(&self, done: u64, total: Option<u64>, message: impl Into<String>) {
        let template = match total {
            Some(_) => "{bar:30} {pos}/{len} {msg}",
            None => "{spinner} {pos} {msg}",
        };
        // The templates are constants; were one wrong, the plain bar would do.
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        if let Some(total) = total {
            self.bar.set_length(total);
        }
        self.bar.set_position(done);
        self.bar.set_message(message.into());
    }

    /// Prints without tearing the bar.
    pub fn suspend(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn update(&self, now: &Snapshot) {
        let mut message = format!("photos, {:.1}/s", now.rate());
        if let Some(left) = now.seconds_left() {
            message += &format!(", {} left", human_seconds(left));
        }
        if now.rejected > 0 {
            message += &format!(", {} rejected", now.rejected);
        }
        self.show(now.handled, now.listing_done.then(|| now.to_do()), message);
    }

    fn rejected(&self, reject: &Reject) {
        if self.names_rejects {
            let line = format!(
                "rejected {}: {}",
                plain(&reject.source.uri),
                plain(&reject.reason)
            );
            self.bar.suspend(|| eprintln!("{line}"));
        }
    }
}

/// `95` → `1m35s`.
pub fn human_seconds(seconds: f64) -> String {
    let whole = seconds.round().clamp(0.0, 1e9) as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h{minutes:02}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::human_seconds;

    #[test]
    fn time_left_reads_well() {
        assert_eq!(human_seconds(0.4), "0s");
        assert_eq!(human_seconds(95.0), "1m35s");
        assert_eq!(human_seconds(3_720.0), "1h02m");
    }
}
