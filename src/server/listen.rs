//! Connections: accepted, bounded in number and time, and brought to an end without dropping a request.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tower::Service;

use crate::config::Limits;
use crate::state::App;

/// Most bytes of a request's header.
const MAX_HEADER_BYTES: usize = 64 << 10;
/// For connections that are half made to become whole, once no new ones are.
const HANDSHAKE: Duration = Duration::from_millis(20);
/// After an accept that failed (no more file descriptors), before the next.
const AFTER_FAILURE: Duration = Duration::from_millis(50);

/// Serves until `stop` is done, then drains: `/ready` says no at once; after the notice nobody is accepted any
/// more; requests that were accepted are answered. Returns how many connections were still busy when the
/// patience was over.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    app: App,
    stop: impl Future<Output = ()>,
) -> io::Result<usize> {
    let limits = app.limits.clone();
    let mut server = Server {
        router,
        limits: limits.clone(),
        places: Arc::new(Semaphore::new(limits.connections.max(1))),
        closing: watch::Sender::new(false),
        connections: JoinSet::new(),
    };
    let mut noticed = pin!(async {
        stop.await;
        app.begin_drain();
        sleep(limits.drain.notice).await;
    });
    loop {
        tokio::select! {
            biased;
            () = &mut noticed => break,
            Some(_) = server.connections.join_next() => {}
            (place, accepted) = accept(server.places.clone(), &listener) => match accepted {
                Ok((stream, from)) => server.open(stream, from, place),
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    sleep(AFTER_FAILURE).await;
                }
            },
        }
    }
    server.accept_waiting(listener).await?;
    Ok(server.finish().await)
}

struct Server {
    router: Router,
    limits: Limits,
    places: Arc<Semaphore>,
    closing: watch::Sender<bool>,
    connections: JoinSet<()>,
}

type Place = Option<OwnedSemaphorePermit>;

/// The next connection, once there is a place for it.
async fn accept(
    places: Arc<Semaphore>,
    listener: &TcpListener,
) -> (Place, io::Result<(TcpStream, SocketAddr)>) {
    let place = places.acquire_owned().await.ok();
    (place, listener.accept().await)
}

/// Has the system leave new connections unanswered, so that none is made between the last accept and the end
/// of the listener: its client would believe itself connected, and be cut off. Where that cannot be said, that
/// moment stays.
#[cfg(target_os = "linux")]
fn turn_away(listener: &std::net::TcpListener) {
    // Classic BPF over a segment from its TCP header on: the first of a connection has the flag SYN, in byte 13.
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;
    const SYN: u32 = 0x02;
    let drop_what_begins = [
        socket2::SockFilter::new(LOAD_BYTE, 0, 0, 13),
        socket2::SockFilter::new(JUMP_IF_SET, 0, 1, SYN),
        socket2::SockFilter::new(RETURN, 0, 0, 0),
        socket2::SockFilter::new(RETURN, 0, 0, u32::MAX),
    ];
    if let Err(error) = socket2::SockRef::from(listener).attach_filter(&drop_what_begins) {
        tracing::debug!(%error, "new connections cannot be turned away before the end");
    }
}

#[cfg(not(target_os = "linux"))]
fn turn_away(_: &std::net::TcpListener) {}

impl Server {
    /// Takes in the connections that the system had accepted before the listener ends: their clients believe
    /// themselves connected.
    async fn accept_waiting(&mut self, listener: TcpListener) -> io::Result<()> {
        let listener = listener.into_std()?;
        turn_away(&listener);
        sleep(HANDSHAKE).await;
        loop {
            match listener.accept() {
                Ok((stream, from)) => {
                    stream.set_nonblocking(true)?;
                    self.open(TcpStream::from_std(stream)?, from, None);
                }
                // A client that went away before it was taken in; others may wait behind it.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(_) => return Ok(()),
            }
        }
    }

    fn open(&mut self, stream: TcpStream, from: SocketAddr, place: Place) {
        // Answers are written whole: waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        let router = self.router.clone();
        let has_asked = Arc::new(AtomicBool::new(false));
        let asked = has_asked.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            asked.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(ConnectInfo(from));
            router.clone().call(request)
        });
        let stream = Patient::new(stream, self.limits.write_timeout);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .max_buf_size(MAX_HEADER_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        let mut closing = self.closing.subscribe();
        self.connections.spawn(async move {
            let _place = place;
            let mut connection = pin!(connection);
            // How a connection ends is the client's affair: an error here is one that went away.
            tokio::select! {
                _ = connection.as_mut() => return,
                _ = closing.wait_for(|closing| *closing) => {}
            }
            // hyper would close a connection at once whose first request is still on its way. It ends after
            // that request, as answers say so by now, or when the time for a header is over.
            if has_asked.load(Ordering::Relaxed) {
                connection.as_mut().graceful_shutdown();
            }
            let _ = connection.await;
        });
    }

    /// Waits for what was accepted.
    async fn finish(mut self) -> usize {
        self.closing.send_replace(true);
        let all = async { while self.connections.join_next().await.is_some() {} };
        match timeout(self.limits.drain.patience, all).await {
            Ok(()) => 0,
            Err(_) => self.connections.len(),
        }
    }
}

/// A connection whose client may not leave an answer unread for longer than the limit.
struct Patient {
    stream: TcpStream,
    limit: Duration,
    /// Runs while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    fn new(stream: TcpStream, limit: Duration) -> Patient {
        Patient {
            stream,
            limit,
            stalled: None,
        }
    }

    /// What a write gave, or an error once none went through for too long.
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let limit = self.limit;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + limit)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// More than the buffers of both sides of a connection hold.
    const MUCH: usize = 64 << 20;

    /// A client, and the server's side of its connection.
    async fn pair(limit: Duration) -> (TcpStream, Patient) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (server, _) = listener.accept().await.unwrap();
        (client, Patient::new(server, limit))
    }

    #[tokio::test]
    async fn who_leaves_an_answer_unread_is_cut_off() {
        let (_client, mut server) = pair(Duration::from_millis(100)).await;
        let error = server.write_all(&vec![0; MUCH]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn who_reads_has_all_the_time() {
        let (mut client, mut server) = pair(Duration::from_secs(20)).await;
        let written = tokio::spawn(async move { server.write_all(&vec![0; MUCH]).await });
        let mut read = 0;
        let mut some = vec![0; 1 << 20];
        while read < MUCH {
            read += client.read(&mut some).await.unwrap();
        }
        written.await.unwrap().unwrap();
    }
}
