//! Writing: what has gathered, control first, a portion in each call.

use std::io;

use bytes::{Buf as _, BytesMut};
use tidings_core::wire::Preamble;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::{LinkContext, LinkEventKind};
use crate::outgoing::Gathered;

/// What is taken from the queue and not yet written. It outlives a cancelled write, so that a
/// frame is never cut in the middle.
#[derive(Debug)]
pub(super) struct Writer {
    chunk: BytesMut,
}

impl Writer {
    /// A writer that begins with a preamble.
    pub(super) fn new(preamble: Preamble) -> Self {
        Self { chunk: BytesMut::from(&preamble.encode()[..]) }
    }

    /// Writes for as long as the connection takes it. May be cancelled at any await.
    pub(super) async fn run<W>(&mut self, half: &mut W, cx: &LinkContext) -> io::Error
    where
        W: AsyncWrite + Unpin,
    {
        loop {
            if let Err(error) = self.write_gathered(half, cx).await {
                return error;
            }
            cx.outgoing.queued().await;
        }
    }

    /// Writes the rest and says that nothing more will come.
    pub(super) async fn finish<W>(&mut self, half: &mut W, cx: &LinkContext) -> io::Result<()>
    where
        W: AsyncWrite + Unpin,
    {
        self.write_gathered(half, cx).await?;
        half.shutdown().await
    }

    async fn write_gathered<W>(&mut self, half: &mut W, cx: &LinkContext) -> io::Result<()>
    where
        W: AsyncWrite + Unpin,
    {
        loop {
            while self.chunk.has_remaining() {
                // Who takes nothing for so long will not. Progress is enough, however little.
                let writing = timeout(cx.stall_timeout, half.write_buf(&mut self.chunk));
                let written = writing.await.map_err(|_stalled| io::ErrorKind::TimedOut)??;
                if written == 0 {
                    return Err(io::ErrorKind::WriteZero.into());
                }
                cx.traffic.add_sent(written);
            }
            let Gathered { is_any, is_ready, is_idle } = cx.outgoing.gather(&mut self.chunk);
            if is_ready {
                cx.tell(LinkEventKind::Ready).await;
            }
            if is_idle {
                cx.tell(LinkEventKind::Idle).await;
            }
            if !is_any {
                return Ok(());
            }
        }
    }
}
