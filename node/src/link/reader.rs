//! Reading: as much as there is, then every whole frame of it.

use std::io;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tidings_core::LinkLoss;
use tidings_core::wire::{self, DecodeError, Message, PREAMBLE_LEN, Preamble};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::{Instant, timeout_at};

use super::{LinkContext, LinkEventKind, PREAMBLE_TIMEOUT, end_by};

/// A frame that is begun must be whole after this time.
const FRAME_TIMEOUT: Duration = Duration::from_secs(10);

/// Room for one read: small at first, doubled by every read that fills it, halved by one that takes little of
/// it, so that a link which was busy gives its memory back.
const MIN_ROOM: usize = 4 * 1024;
const MAX_ROOM: usize = 64 * 1024;

/// Most messages handed to the driver at once, so that what waits for it stays bounded.
const MAX_MESSAGES: usize = 1024;

/// Bytes that were read and are not yet messages: at most one frame and one read.
#[derive(Debug)]
pub(super) struct Reader {
    buffer: BytesMut,
    room: usize,
    /// When what is half read must be whole.
    deadline: Option<Instant>,
    expects_preamble: bool,
}

impl Reader {
    /// A reader of a connection whose other end has yet to say its preamble.
    pub(super) fn expecting_preamble() -> Self {
        let deadline = Some(Instant::now() + PREAMBLE_TIMEOUT);
        Self { deadline, expects_preamble: true, ..Self::after_preamble() }
    }

    /// A reader of a connection whose preamble was read.
    pub(super) fn after_preamble() -> Self {
        Self { buffer: BytesMut::new(), room: MIN_ROOM, deadline: None, expects_preamble: false }
    }

    /// Reads and tells the driver what came, until the connection ends. Returns how.
    pub(super) async fn run<R>(&mut self, half: &mut R, cx: &LinkContext) -> LinkEventKind
    where
        R: AsyncRead + Unpin,
    {
        loop {
            match self.take_messages() {
                Ok(messages) if messages.is_empty() => match self.read(half, cx).await {
                    Ok(0) => return LinkEventKind::Down(LinkLoss::Closed),
                    Ok(_) => {}
                    Err(error) => return end_by(&error, cx),
                },
                Ok(messages) => cx.tell(LinkEventKind::Received(messages)).await,
                Err(Unreadable::Preamble(loss)) => return LinkEventKind::Down(loss),
                Err(Unreadable::Frame(messages, error)) => {
                    cx.tell(LinkEventKind::Received(messages)).await;
                    return LinkEventKind::Garbled(error);
                }
            }
        }
    }

    async fn read<R>(&mut self, half: &mut R, cx: &LinkContext) -> io::Result<usize>
    where
        R: AsyncRead + Unpin,
    {
        if self.buffer.is_empty() && self.buffer.capacity() > 2 * self.room {
            self.buffer = BytesMut::new();
        }
        self.buffer.reserve(self.room);
        let room = self.buffer.capacity() - self.buffer.len();
        let read = match self.deadline {
            Some(deadline) => timeout_at(deadline, half.read_buf(&mut self.buffer)).await??,
            None => half.read_buf(&mut self.buffer).await?,
        };
        cx.traffic.add_received(read);
        if read == room {
            self.room = (self.room * 2).min(MAX_ROOM);
        } else if read < self.room / 8 && self.room > MIN_ROOM {
            self.room /= 2;
        }
        Ok(read)
    }

    /// Decodes whole frames, up to [`MAX_MESSAGES`].
    fn take_messages(&mut self) -> Result<Vec<Message>, Unreadable> {
        if self.expects_preamble {
            let Some((bytes, _)) = self.buffer.split_first_chunk::<PREAMBLE_LEN>() else {
                return Ok(Vec::new());
            };
            Preamble::decode(*bytes)
                .map_err(|error| Unreadable::Preamble(LinkLoss::Preamble(error)))?;
            self.buffer.advance(PREAMBLE_LEN);
            self.expects_preamble = false;
            self.deadline = None;
        }
        let mut messages = Vec::new();
        while messages.len() < MAX_MESSAGES {
            match wire::decode_frame(&self.buffer) {
                Ok(Some((message, len))) => {
                    self.buffer.advance(len);
                    messages.push(message);
                }
                Ok(None) => break,
                Err(error) => return Err(Unreadable::Frame(messages, error)),
            }
        }
        if self.buffer.is_empty() {
            self.deadline = None;
        } else if self.deadline.is_none() || !messages.is_empty() {
            self.deadline = Some(Instant::now() + FRAME_TIMEOUT);
        }
        Ok(messages)
    }
}

/// Why reading cannot go on.
enum Unreadable {
    Preamble(LinkLoss),
    /// A bad frame, and the good messages before it.
    Frame(Vec<Message>, DecodeError),
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tidings_core::LinkId;
    use tidings_core::wire::RegistrationMessage;
    use tokio::io::{AsyncWriteExt as _, duplex};
    use tokio::sync::mpsc;

    use super::*;

    /// What was read in large pieces takes much room, and gives it back when little comes.
    #[tokio::test]
    async fn a_link_that_was_busy_gives_its_memory_back() {
        let (mut near, mut far) = duplex(256 * 1024);
        let (events, _news) = mpsc::channel(16);
        let stall_timeout = Duration::from_mins(1);
        let (link, traffic) = (LinkId::accepted(0), Arc::default());
        let cx = LinkContext { link, outgoing: Arc::default(), events, traffic, stall_timeout };
        let mut frame = BytesMut::new();
        wire::encode(&Message::Registration(RegistrationMessage::Renew), &mut frame);
        let mut reader = Reader::after_preamble();
        let mut pass = async |frames: usize| {
            far.write_all(&frame.repeat(frames)).await.expect("room");
            let mut left = frames;
            while left > 0 {
                let Ok(messages) = reader.take_messages() else { panic!("whole frames") };
                if messages.is_empty() {
                    reader.read(&mut near, &cx).await.expect("it is open");
                }
                left -= messages.len();
            }
            (reader.room, reader.buffer.capacity())
        };
        let busy = pass(40_000).await;
        assert!(busy.0 == MAX_ROOM && busy.1 > 4 * MIN_ROOM, "{busy:?}");
        let mut idle = busy;
        for _ in 0..10 {
            idle = pass(1).await;
        }
        assert!(idle.0 == MIN_ROOM && idle.1 <= 2 * MIN_ROOM, "{idle:?}");
    }
}
