//! A port that another one is published as.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test] functions")]

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// Passes connections to one port of loopback on to another one, as `docker -p` does, until it is dropped.
pub(crate) struct Forward {
    _runtime: Runtime,
}

impl Forward {
    pub(crate) fn new(from: u16, to: u16) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind(loopback(from))).unwrap();
        runtime.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut inner, _)) = listener.accept().await {
                connections.spawn(async move {
                    if let Ok(mut outer) = TcpStream::connect(loopback(to)).await {
                        let _ended = copy_bidirectional(&mut inner, &mut outer).await;
                    }
                });
            }
        });
        Self { _runtime: runtime }
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
