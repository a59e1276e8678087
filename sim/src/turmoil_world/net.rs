//! TCP over turmoil, with what turmoil does not offer: connections that are reset, dials that a
//! living machine refuses, and processes that stand still.

use std::future::{Future, pending, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tidings_node::{Clocks, Listener, Net};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::select;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use turmoil::net::{TcpListener, TcpStream};

use super::shared::{Broken, Connection, SharedState};
use crate::host::HostId;
use crate::scenario::PeerAddress;

/// Connections that wait at one socket for the process to take them, as at the real node's. Dials
/// beyond it hang.
const BACKLOG: usize = 1024;

/// Pause between two looks at whether a cut still holds a packet.
const HELD_PAUSE: Duration = Duration::from_millis(10);

/// One host's network, as its process sees it.
#[derive(Clone, Debug)]
pub(super) struct TurmoilNet {
    pub(super) host: HostId,
    shared: Arc<SharedState>,
    sockets: mpsc::Sender<Socket>,
    /// When the process began, as tokio has it.
    born: Instant,
}

/// What the machine does for its process whether or not that stands still: it accepts connections.
#[derive(Debug)]
pub(super) struct Kernel {
    sockets: mpsc::Receiver<Socket>,
}

/// Where a process listens.
struct Socket {
    inner: TcpListener,
    net: TurmoilNet,
    backlog: mpsc::Sender<(TurmoilStream, SocketAddr)>,
}

/// Takes a simulated host's connections from its kernel.
pub(super) struct TurmoilListener {
    addr: SocketAddr,
    backlog: mpsc::Receiver<(TurmoilStream, SocketAddr)>,
}

/// A simulated connection that can be broken from outside.
pub(super) struct TurmoilStream {
    host: HostId,
    shared: Arc<SharedState>,
    connection: Arc<Connection>,
}

impl TurmoilNet {
    /// The network of a host and the kernel that runs beside its process. A process listens once.
    pub(super) fn new(host: HostId, shared: Arc<SharedState>) -> (Self, Kernel) {
        let (sender, sockets) = mpsc::channel(1);
        (Self { host, shared, sockets: sender, born: Instant::now() }, Kernel { sockets })
    }

    async fn connect_to(&self, far: HostId, addr: SocketAddr) -> io::Result<TurmoilStream> {
        let (shared, near) = (&self.shared, self.host);
        if shared.is_cut(near, far) {
            return pending().await;
        }
        if shared.is_refusing(far) {
            self.wait_while_held(far).await;
            sleep(shared.latency(near, far)).await;
            if shared.is_refusing(far) {
                self.wait_for_answer(far).await;
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
        }
        match TcpStream::connect(addr).await {
            Ok(inner) => {
                // From here on a crash takes the stream.
                let stream = self.wrap(inner, addr.ip());
                self.wait_for_answer(far).await;
                Ok(stream)
            }
            Err(_) if shared.is_cut(near, far) => pending().await,
            Err(error) => Err(error),
        }
    }

    /// The answer to a dial, which the other machine sends now, is on its way.
    async fn wait_for_answer(&self, far: HostId) {
        self.wait_while_held(far).await;
        if self.shared.is_cut(self.host, far) {
            return pending().await;
        }
        sleep(self.shared.latency(far, self.host)).await;
        poll_fn(|cx| unless_blocked(&self.shared, self.host, cx)).await;
    }

    async fn wait_while_held(&self, far: HostId) {
        while self.shared.is_held_between(self.host, far) {
            sleep(HELD_PAUSE).await;
        }
    }

    fn wrap(&self, inner: TcpStream, far: IpAddr) -> TurmoilStream {
        let (host, shared) = (self.host, Arc::clone(&self.shared));
        TurmoilStream { host, connection: shared.open_connection(host, far, inner), shared }
    }
}

impl Net for TurmoilNet {
    type Listener = TurmoilListener;
    type Stream = TurmoilStream;

    async fn listen(&self, addr: SocketAddr) -> io::Result<TurmoilListener> {
        let inner = TcpListener::bind(addr).await?;
        let addr = inner.local_addr()?;
        let (sender, backlog) = mpsc::channel(BACKLOG);
        let socket = Socket { inner, net: self.clone(), backlog: sender };
        self.sockets.try_send(socket).map_err(|_taken| io::ErrorKind::AddrInUse)?;
        Ok(TurmoilListener { addr, backlog })
    }

    /// turmoil refuses a dial across a cut at once and lets one to a dead process hang. A real
    /// network does the opposite.
    async fn connect(&self, addr: SocketAddr) -> io::Result<TurmoilStream> {
        poll_fn(|cx| unless_blocked(&self.shared, self.host, cx)).await;
        let far = match PeerAddress::kind(addr) {
            PeerAddress::Own => self.shared.host_at(addr.ip()),
            PeerAddress::Silent => None,
            PeerAddress::Refusing => {
                sleep(self.shared.round_trip_to_stranger(self.host)).await;
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
        };
        match far {
            Some(far) => self.connect_to(far, addr).await,
            // Nobody is there who would say so.
            None => pending().await,
        }
    }

    /// Simulated time. While the machine sleeps, the calendar goes on.
    fn clocks(&self) -> Clocks {
        let calendar = self.born.elapsed();
        Clocks { steady: calendar.saturating_sub(self.shared.slept(self.host)), calendar }
    }

    fn task<F>(&self, task: F) -> impl Future<Output = F::Output> + Send + 'static
    where
        F: Future + Send + 'static,
    {
        Stoppable { host: self.host, shared: Arc::clone(&self.shared), task: Box::pin(task) }
    }
}

impl Kernel {
    /// Accepts what is dialed, in its own time. Only an error of the network ends it.
    ///
    /// The streams in the backlog are conduits of the stage like all others, so that a crash takes
    /// them too.
    pub(super) async fn run(mut self) -> io::Error {
        let Some(socket) = self.sockets.recv().await else { return pending().await };
        while let Ok(room) = socket.backlog.reserve().await {
            let accepted = select! {
                biased;
                () = socket.backlog.closed() => break,
                accepted = socket.inner.accept() => accepted,
            };
            match accepted {
                Ok((inner, addr)) => room.send((socket.net.wrap(inner, addr.ip()), addr)),
                Err(error) => return error,
            }
        }
        // The process listens no more: dials are refused.
        drop(socket);
        pending().await
    }
}

impl Listener for TurmoilListener {
    type Stream = TurmoilStream;

    async fn accept(&mut self) -> io::Result<(TurmoilStream, SocketAddr)> {
        // The kernel ends before the process only when the host does.
        self.backlog.recv().await.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.addr)
    }
}

/// A task of a process that can be stopped: while it is, the task is not polled.
struct Stoppable<F> {
    host: HostId,
    shared: Arc<SharedState>,
    task: Pin<Box<F>>,
}

impl<F: Future> Future for Stoppable<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if self.shared.waits_while_paused(self.host, cx.waker()) {
            return Poll::Pending;
        }
        self.task.as_mut().poll(cx)
    }
}

impl AsyncRead for TurmoilStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(unless_blocked(&self.shared, self.host, cx));
        match ready!(self.connection.poll(cx, |stream, cx| stream.poll_read(cx, buf))) {
            Err(Broken::Closed) => Poll::Ready(Ok(())),
            Err(Broken::Reset) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Ok(read) => Poll::Ready(read),
        }
    }
}

impl AsyncWrite for TurmoilStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(unless_blocked(&self.shared, self.host, cx));
        let written = ready!(self.connection.poll(cx, |stream, cx| stream.poll_write(cx, bytes)));
        Poll::Ready(unless_broken(written))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(unless_blocked(&self.shared, self.host, cx));
        let flushed = ready!(self.connection.poll(cx, TcpStream::poll_flush));
        Poll::Ready(unless_broken(flushed))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(unless_blocked(&self.shared, self.host, cx));
        let shut = ready!(self.connection.poll(cx, TcpStream::poll_shutdown));
        Poll::Ready(unless_broken(shut))
    }
}

/// Ready while the host's network does not stand still.
fn unless_blocked(shared: &SharedState, host: HostId, cx: &Context<'_>) -> Poll<()> {
    if shared.waits_while_blocked(host, cx.waker()) { Poll::Pending } else { Poll::Ready(()) }
}

fn unless_broken<T>(done: Result<io::Result<T>, Broken>) -> io::Result<T> {
    done.unwrap_or_else(|_broken| Err(io::ErrorKind::ConnectionReset.into()))
}
