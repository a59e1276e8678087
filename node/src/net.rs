//! The seam between a node and its network: TCP of the operating system, or a simulated one.
//!
//! [`TokioNet`] is the only place that names `tokio::net`. The driver above is generic over [`Net`]
//! and over nothing else, so the simulator runs the very same code over a network of its own.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

#[cfg(any(target_os = "linux", target_os = "android"))]
use socket2::SockRef;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::clock::Clocks;
use crate::own_trouble::{Use, handle_limit, keep_some};

/// A network that a node can live in.
pub trait Net: Clone + Send + Sync + 'static {
    /// Accepts connections.
    type Listener: Listener<Stream = Self::Stream>;
    /// A connection: ordered bytes both ways.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Listens on `addr`; port 0 takes a free one.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped must leave nobody listening.
    fn listen(&self, addr: SocketAddr) -> impl Future<Output = io::Result<Self::Listener>> + Send;

    /// Connects to `addr`. May take for ever; callers set the deadline.
    ///
    /// # Cancel safety
    ///
    /// Must be safe: a driver drops calls whose link the node has given up, which must leave no
    /// connection.
    fn connect(&self, addr: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// What the machine's clocks say: for a simulated network those of the simulated machine, as far as
    /// tokio's own time goes.
    fn clocks(&self) -> Clocks {
        Clocks::of_this_machine()
    }

    /// How many connections a process may have, as far as that is bounded: the node takes few strangers where
    /// that is few.
    fn connection_limit(&self) -> Option<u64> {
        None
    }

    /// Every task that the driver spawns passes through here. A simulated network can hold it
    /// still, as a stopped process is; a real one has nothing to add.
    fn task<F>(&self, task: F) -> impl Future<Output = F::Output> + Send + 'static
    where
        F: Future + Send + 'static,
    {
        task
    }
}

/// Accepts connections.
pub trait Listener: Send + 'static {
    /// What it accepts.
    type Stream;

    /// The next connection and the address of its other end.
    ///
    /// # Cancel safety
    ///
    /// Must be safe: a call that is dropped must lose no connection, except at the node's end.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;

    /// Where it listens.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// TCP of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioNet;

impl TokioNet {
    /// Every address of a host, from the name service of the operating system.
    pub(crate) async fn look_up(self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}

/// Connections that the kernel keeps ready until they are accepted.
const BACKLOG: i32 = 1024;

/// Bytes not yet sent that the kernel takes of one connection. What waits beyond these stays in the link's
/// queue, where control can go before it; the kernel would take megabytes.
#[cfg(any(target_os = "linux", target_os = "android"))]
const MAX_NOT_SENT: u32 = 64 * 1024;

/// Sends at once what is written, and lets little wait in the kernel, where it can be told to.
fn send_without_delay(stream: &TcpStream) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _waits_longer = SockRef::from(stream).set_tcp_notsent_lowat(MAX_NOT_SENT);
    stream.set_nodelay(true)
}

impl Net for TokioNet {
    type Listener = TcpListener;
    type Stream = TcpStream;

    /// The address may be taken again at once after an earlier process held it (`SO_REUSEADDR`).
    /// `[::]` takes IPv4 connections too.
    async fn listen(&self, addr: SocketAddr) -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        if addr.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        socket.bind(&addr.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into())
    }

    async fn connect(&self, addr: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(addr).await?;
        keep_some(&stream, Use::Dialed)?;
        send_without_delay(&stream)?;
        Ok(stream)
    }

    fn connection_limit(&self) -> Option<u64> {
        Some(handle_limit().unwrap_or(u64::MAX))
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, addr) = Self::accept(self).await?;
        keep_some(&stream, Use::Accepted)?;
        send_without_delay(&stream)?;
        Ok((stream, SocketAddr::new(addr.ip().to_canonical(), addr.port())))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Self::local_addr(self)
    }
}
