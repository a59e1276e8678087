//! A port that another one is published as.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test] functions")]

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// Passes connections to one port of loopback on to another one, as `docker -p` does, until it is dropped.
pub(crate) struct Forward {
    runtime: Option<Runtime>,
}

impl Forward {
    pub(crate) fn new(from: u16, to: u16) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = std::net::TcpListener::bind(loopback(from)).unwrap();
        listener.set_nonblocking(true).unwrap();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let mut connections = JoinSet::new();
            while let Ok((mut inner, _)) = listener.accept().await {
                connections.spawn(async move {
                    if let Ok(mut outer) = TcpStream::connect(loopback(to)).await {
                        let _ended = copy_bidirectional(&mut inner, &mut outer).await;
                    }
                });
            }
        });
        Self { runtime: Some(runtime) }
    }
}

/// Does not wait for its connections, which a test on a runtime of its own must not.
impl Drop for Forward {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
