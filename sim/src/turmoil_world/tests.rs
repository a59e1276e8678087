//! The engine turns what goes wrong inside a node into a failure of the run.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use tidings_node::{Listener, Net};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::net::{TurmoilListener, TurmoilNet, TurmoilStream};
use super::run_on;
use crate::host::HostId;
use crate::scenario::{Scenario, load};

/// A network on which the link tasks of one host panic when they first read.
#[derive(Clone)]
struct Mined(TurmoilNet);

struct MinedListener(TurmoilListener, Mined);

struct MinedStream(TurmoilStream, Mined);

impl Net for Mined {
    type Listener = MinedListener;
    type Stream = MinedStream;

    async fn listen(&self, addr: SocketAddr) -> io::Result<MinedListener> {
        Ok(MinedListener(self.0.listen(addr).await?, self.clone()))
    }

    async fn connect(&self, addr: SocketAddr) -> io::Result<MinedStream> {
        Ok(MinedStream(self.0.connect(addr).await?, self.clone()))
    }
}

impl Listener for MinedListener {
    type Stream = MinedStream;

    async fn accept(&mut self) -> io::Result<(MinedStream, SocketAddr)> {
        let (stream, addr) = self.0.accept().await?;
        Ok((MinedStream(stream, self.1.clone()), addr))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl AsyncRead for MinedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        assert!(self.1.0.host != HostId::peer(1), "planted");
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for MinedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

fn small() -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/small.toml");
    load(&path, &[]).expect("the small scenario")
}

/// turmoil alone would go on as if nothing had happened: the panic is in a spawned task.
#[test]
fn a_panic_in_a_spawned_task_fails_the_run() {
    let history = run_on(&small(), 1, Mined);
    assert_eq!(history.failure.as_deref(), Some("a task of the node panicked: planted"));
}

#[test]
fn without_the_mine_the_same_run_does_not_fail() {
    assert_eq!(super::run(&small(), 1).failure, None);
}
