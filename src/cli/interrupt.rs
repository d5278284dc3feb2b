//! Ctrl-C and SIGTERM: the first asks the run to finish what is in flight, the second ends it now.

use showroom_pipeline::Cancel;
use tokio::runtime::Runtime;

use crate::exit::Failure;

/// Cancelled once the user asks to stop.
pub fn listen(runtime: &Runtime) -> Result<Cancel, Failure> {
    let cancel = Cancel::new();
    let asked = cancel.clone();
    let _inside = runtime.enter();
    let mut signals = Signals::listen()
        .map_err(|error| Failure::Other(format!("signals cannot be listened to: {error}")))?;
    runtime.spawn(async move {
        signals.next().await;
        asked.cancel();
        eprintln!("\nfinishing what is in flight; once more to stop at once");
        signals.next().await;
        std::process::exit(130);
    });
    Ok(cancel)
}

/// Done once the user asks to stop; asked again, the process ends at once.
pub fn asked(runtime: &Runtime) -> Result<impl Future<Output = ()> + Send + use<>, Failure> {
    let _inside = runtime.enter();
    let mut signals = Signals::listen()
        .map_err(|error| Failure::Other(format!("signals cannot be listened to: {error}")))?;
    Ok(async move {
        signals.next().await;
        tokio::spawn(async move {
            signals.next().await;
            std::process::exit(130);
        });
    })
}

/// Calls `each` whenever the process is told to read its files again (SIGHUP).
#[cfg(unix)]
pub fn on_hang_up<F: Future<Output = ()> + Send>(
    runtime: &Runtime,
    each: impl Fn() -> F + Send + 'static,
) -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let _inside = runtime.enter();
    let mut hang_ups = signal(SignalKind::hangup())
        .map_err(|error| Failure::Other(format!("signals cannot be listened to: {error}")))?;
    runtime.spawn(async move {
        while hang_ups.recv().await.is_some() {
            each().await;
        }
    });
    Ok(())
}

/// There is no such signal here.
#[cfg(not(unix))]
pub fn on_hang_up<F: Future<Output = ()> + Send>(
    _: &Runtime,
    _: impl Fn() -> F + Send + 'static,
) -> Result<(), Failure> {
    Ok(())
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Signals> {
        Ok(Signals)
    }

    async fn next(&mut self) {
        // An error here means that Ctrl-C cannot be caught: it then ends the process, which is safe.
        let _ = tokio::signal::ctrl_c().await;
    }
}
