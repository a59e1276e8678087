//! The floor: what the machine does at best, frame by frame, for a protocol that has nothing to decide.
//!
//! A static tree of TCP connections. Each task reads length-prefixed frames and queues each of them for each
//! of its children; a task per child writes one frame after the other. No ids, no second copies, no faults.

use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::tally::Tally;
use super::workload::Carrier;

/// Children of each task: as many neighbors as a peer of either profile has, without the one that a message
/// comes from.
const FANOUT: usize = 4;

/// Frames that wait for one connection; who has more waits.
const QUEUED: usize = 256;

/// Room for one read.
const ROOM: usize = 64 * 1024;

/// Bytes of the length before each frame.
const LENGTH: usize = 4;

/// A tree of connections whose root publishes.
#[derive(Debug)]
pub(super) struct Floor {
    tally: Arc<Tally>,
    children: Vec<mpsc::Sender<Bytes>>,
    receivers: u64,
    /// They end with the floor.
    _tasks: JoinSet<()>,
}

impl Floor {
    /// Connects the root with so many receivers less one.
    pub(super) async fn start(peers: usize) -> anyhow::Result<Self> {
        let tally = Arc::new(Tally::new(peers));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let mut tasks = JoinSet::new();
        let mut children: Vec<Vec<mpsc::Sender<Bytes>>> = vec![Vec::new(); peers];
        let mut parents = Vec::new();
        for place in 1..peers {
            let up = TcpStream::connect(addr).await?;
            let (down, _) = listener.accept().await?;
            up.set_nodelay(true)?;
            down.set_nodelay(true)?;
            let (sender, frames) = mpsc::channel(QUEUED);
            tasks.spawn(write(down, frames));
            children[(place - 1) / FANOUT].push(sender);
            parents.push(up);
        }
        let mut children = children.into_iter();
        let of_root = children.next().unwrap_or_default();
        for (place, (parent, children)) in (1..).zip(parents.into_iter().zip(children)) {
            tasks.spawn(pass_on(place, parent, children, Arc::clone(&tally)));
        }
        let receivers = u64::try_from(peers - 1)?;
        Ok(Self { tally, children: of_root, receivers, _tasks: tasks })
    }
}

impl Carrier for Floor {
    fn name(&self) -> &'static str {
        "floor"
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn receivers(&self) -> u64 {
        self.receivers
    }

    async fn publish(&self, _from: usize, message: Vec<u8>) -> anyhow::Result<()> {
        let mut frame = BytesMut::with_capacity(LENGTH + message.len());
        frame.extend_from_slice(&u32::try_from(message.len())?.to_be_bytes());
        frame.extend_from_slice(&message);
        let frame = frame.freeze();
        for child in &self.children {
            child.send(frame.clone()).await?;
        }
        Ok(())
    }
}

/// Writes frames for as long as both ends are there.
async fn write(mut stream: TcpStream, mut frames: mpsc::Receiver<Bytes>) {
    while let Some(frame) = frames.recv().await {
        if stream.write_all(&frame).await.is_err() {
            return;
        }
    }
}

/// Reads frames, delivers them and queues them for the children.
async fn pass_on(
    place: usize,
    mut parent: TcpStream,
    children: Vec<mpsc::Sender<Bytes>>,
    tally: Arc<Tally>,
) {
    let mut read = BytesMut::new();
    loop {
        while let Some(frame) = next_frame(&mut read) {
            tally.copy();
            tally.deliver(place, &frame[LENGTH..]);
            for child in &children {
                // One that is gone is missed in the count of deliveries.
                let _gone = child.send(frame.clone()).await;
            }
        }
        read.reserve(ROOM);
        if !parent.read_buf(&mut read).await.is_ok_and(|len| len > 0) {
            return;
        }
    }
}

/// The first frame with its length before it, if it is whole.
fn next_frame(read: &mut BytesMut) -> Option<Bytes> {
    let length = u32::from_be_bytes(*read.first_chunk()?);
    let whole = LENGTH + usize::try_from(length).ok()?;
    (read.len() >= whole).then(|| read.split_to(whole).freeze())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::workload::Load;
    use super::*;

    #[tokio::test]
    async fn the_floor_carries_every_message_to_all_once() {
        let floor = Floor::start(23).await.expect("ports are free");
        let lasts = Duration::from_millis(50);
        let figures = Load::Window(8).put_on(&floor, 5000, lasts).await.expect("it is carried");
        assert_eq!((figures.lost_share, figures.copies_per_delivery), (Some(0.0), Some(1.0)));
        assert!(figures.p50_ms <= figures.p99_ms && figures.p999_ms <= figures.max_ms);
        assert!(figures.p50_ms > Some(0.0) && figures.cpu_s_per_million > Some(0.0));
    }
}
