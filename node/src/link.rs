//! One task per connection: preamble, frames in, frames out.
//!
//! It reads as much as there is, decodes all whole frames, and hands them on together; it writes what
//! has gathered, control before payloads, a portion in each call. It knows nothing of what the messages
//! mean.

mod dial;
mod reader;
mod writer;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tidings_core::wire::{DecodeError, Message, PREAMBLE_LEN, Preamble, PreambleError};
use tidings_core::{DialFailure, LinkId, LinkLoss};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::select;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::timeout;

use crate::net::Net;
use crate::outgoing::Outgoing;
use crate::own_trouble::own_trouble;
use crate::troubles::Troubles;
use reader::Reader;
use writer::Writer;

/// A preamble that is not whole after this time ends the connection (docs/threats.md: 5 s).
const PREAMBLE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a closed link may take to get its last bytes out.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// What a link's task tells the driver.
#[derive(Debug)]
pub(crate) struct LinkEvent {
    pub(crate) link: LinkId,
    pub(crate) news: LinkEventKind,
}

/// What happened on a link. After `Failed`, `Garbled` and `Down` nothing more comes.
#[derive(Debug)]
pub(crate) enum LinkEventKind {
    /// The connection stands.
    Up(SocketAddr),
    /// The dial came to nothing.
    Failed(DialFailure),
    /// These messages came, in this order.
    Received(Vec<Message>),
    /// Few payloads wait for the link, after there were many.
    Ready,
    /// No payload waits for the link, and all were written.
    Idle,
    /// Bytes came that are no message.
    Garbled(DecodeError),
    /// The connection is gone.
    Down(LinkLoss),
}

/// Bytes on all links since the start, frames and preambles, without TCP's own.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    sent: AtomicU64,
    received: AtomicU64,
    /// What this machine lacked.
    pub(crate) troubles: Arc<Troubles>,
}

impl Traffic {
    pub(crate) fn add_sent(&self, bytes: usize) {
        add(&self.sent, bytes);
    }

    pub(crate) fn add_received(&self, bytes: usize) {
        add(&self.received, bytes);
    }

    /// (sent, received).
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.received.load(Ordering::Relaxed))
    }
}

fn add(counter: &AtomicU64, bytes: usize) {
    counter.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// What a link's task needs besides its connection.
#[derive(Clone, Debug)]
pub(crate) struct LinkContext {
    pub(crate) link: LinkId,
    pub(crate) outgoing: Arc<Outgoing>,
    pub(crate) events: mpsc::Sender<LinkEvent>,
    pub(crate) traffic: Arc<Traffic>,
    /// A link that takes nothing of what waits for so long is lost.
    pub(crate) stall_timeout: Duration,
}

impl LinkContext {
    /// Waits for the driver to take the news, so that a busy driver slows the reading down. A
    /// driver that is gone needs no news.
    async fn tell(&self, news: LinkEventKind) {
        let _gone = self.events.send(LinkEvent { link: self.link, news }).await;
    }
}

/// Dials a node at its addresses and runs the link.
pub(crate) async fn dial<N: Net>(net: N, addresses: Arc<[SocketAddr]>, cx: LinkContext) {
    let connected = select! {
        biased;
        () = cx.outgoing.closed() => return,
        connected = dial::connect(&net, &addresses, &cx.traffic.troubles) => connected,
    };
    match connected {
        Err(news) => cx.tell(news).await,
        Ok((stream, addr)) => {
            cx.tell(LinkEventKind::Up(addr)).await;
            run(stream, Reader::expecting_preamble(), cx).await;
        }
    }
}

/// Runs an accepted link, once it began with a good preamble. Until then it holds one of the places
/// for strangers.
pub(crate) async fn accept<S>(
    mut stream: S,
    addr: SocketAddr,
    place: OwnedSemaphorePermit,
    cx: LinkContext,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut bytes = [0; PREAMBLE_LEN];
    let whole = timeout(PREAMBLE_TIMEOUT, stream.read_exact(&mut bytes)).await;
    if whole.is_err() {
        let text = format!("accepted connections said nothing in 5 s; the last came from {addr}");
        cx.traffic.troubles.note("silent_connections", text);
    }
    if !matches!(whole, Ok(Ok(_))) {
        cx.tell(LinkEventKind::Down(LinkLoss::Stalled)).await;
        return;
    }
    cx.traffic.add_received(PREAMBLE_LEN);
    match Preamble::decode(bytes) {
        Ok(_) => {
            cx.tell(LinkEventKind::Up(addr)).await;
            drop(place);
            run(stream, Reader::after_preamble(), cx).await;
        }
        Err(error) => {
            tracing::debug!(%addr, %error, "connection refused");
            cx.tell(LinkEventKind::Down(LinkLoss::Preamble(error))).await;
            refuse(stream, error).await;
        }
    }
}

/// Tells a dialer why its preamble is not accepted, if it would understand.
async fn refuse<S: AsyncWrite + Unpin>(mut stream: S, error: PreambleError) {
    let Some(refusal) = Preamble::refusal(error) else { return };
    let bytes = refusal.encode();
    let answer = async {
        stream.write_all(&bytes).await?;
        stream.shutdown().await
    };
    let _too_late = timeout(LINGER, answer).await;
}

/// Reads and writes until either side ends the link.
async fn run<S>(stream: S, mut reader: Reader, cx: LinkContext)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut read_half, mut write_half) = tokio::io::split(stream);
    let mut writer = Writer::new(Preamble::OPENING);
    let end = select! {
        biased;
        () = cx.outgoing.closed() => None,
        end = reader.run(&mut read_half, &cx) => Some(end),
        error = writer.run(&mut write_half, &cx) => Some(end_by(&error, &cx)),
    };
    let has_last_word = matches!(end, None | Some(LinkEventKind::Garbled(_)));
    if let Some(news) = end {
        cx.tell(news).await;
    }
    if cx.outgoing.is_reset() {
        return;
    }
    if has_last_word {
        let last_word = async {
            cx.outgoing.closed().await;
            writer.finish(&mut write_half, &cx).await?;
            // A socket that is closed with bytes unread resets the connection, and the other side may not
            // get the last word.
            tokio::io::copy(&mut read_half, &mut tokio::io::sink()).await
        };
        let _too_late = timeout(LINGER, last_word).await;
    }
}

/// The protocol's word for an operating system's error on a connection.
fn end_by(error: &io::Error, cx: &LinkContext) -> LinkEventKind {
    if own_trouble(error).is_some() {
        cx.traffic.troubles.not_dialed(error);
        return LinkEventKind::Failed(DialFailure::NotTried);
    }
    let is_late = error.kind() == io::ErrorKind::TimedOut;
    LinkEventKind::Down(if is_late { LinkLoss::Stalled } else { LinkLoss::Reset })
}

#[cfg(test)]
mod tests {
    use tidings_core::wire::{
        self, Age, BroadcastMessage, Bye, Gossip, LinkMessage, RegistrationMessage, Route,
    };
    use tidings_core::{BootEpoch, Envelope, Hop, NodeId, Payload, Sequence, Topic, UnixTime};
    use tokio::io::{DuplexStream, duplex};
    use tokio::join;

    use super::*;

    const RENEW: Message = Message::Registration(RegistrationMessage::Renew);
    const BYE: Message = Message::Link(LinkMessage::Bye(Bye::Done));
    const LEN: usize = 10_000;

    fn payload(sequence: u64) -> Message {
        let envelope = Envelope::new(
            (NodeId::new([1; 32]), BootEpoch(1)),
            Sequence(sequence),
            UnixTime::from_millis(0),
            Topic::default(),
            Payload::new(vec![0; LEN]).expect("short"),
        );
        let (hop, route, age) = (Hop(1), Route::default(), Age::default());
        let gossip = Gossip { hop, route, age, envelope: Arc::new(envelope) };
        Message::Broadcast(BroadcastMessage::Gossip(gossip))
    }

    /// Reads one message, however slowly it comes.
    async fn read(stream: &mut DuplexStream) -> Message {
        let mut frame = stream.read_u32().await.expect("a frame").to_be_bytes().to_vec();
        let body = u32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]]);
        frame.resize(4 + usize::try_from(body).expect("small"), 0);
        stream.read_exact(&mut frame[4..]).await.expect("all of it");
        wire::decode_frame(&frame).expect("a message").expect("a whole one").0
    }

    /// A connection that holds a KiB, with a hundred payloads to carry.
    #[tokio::test]
    async fn control_waits_for_one_portion_and_a_bye_for_all() {
        let (ours, mut theirs) = duplex(1024);
        let (events, mut news) = mpsc::channel(16);
        let outgoing = Arc::<Outgoing>::default();
        let payloads: Vec<Message> = (0..100).map(payload).collect();
        for message in &payloads {
            outgoing.push(message).expect("room");
        }
        let traffic = Arc::default();
        let link = LinkId::accepted(0);
        let outgoing_end = Arc::clone(&outgoing);
        let stall_timeout = Duration::from_mins(1);
        let cx = LinkContext { link, outgoing: outgoing_end, events, traffic, stall_timeout };
        let reading = async {
            let mut opening = [0; PREAMBLE_LEN];
            theirs.read_exact(&mut opening).await.expect("a preamble");
            let mut all = vec![read(&mut theirs).await];
            outgoing.push(&BYE).expect("room");
            outgoing.push(&RENEW).expect("room");
            outgoing.close();
            while all.last() != Some(&BYE) {
                all.push(read(&mut theirs).await);
            }
            assert_eq!(theirs.read(&mut [0]).await.expect("an end"), 0);
            all
        };
        let ((), mut all) = join!(run(ours, Reader::after_preamble(), cx), reading);
        let renewed = all.iter().position(|it| *it == RENEW).expect("it was said");
        assert!(renewed <= 64 * 1024 / LEN + 1, "after {renewed} payloads");
        all.remove(renewed);
        all.pop();
        assert_eq!(all, payloads);
        while let Some(LinkEvent { news, .. }) = news.recv().await {
            assert!(
                matches!(news, LinkEventKind::Ready | LinkEventKind::Idle),
                "the link ended on this side: {news:?}"
            );
        }
    }
}
