//! Messages to bytes and back.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tidings_core::wire::{
    self, Age, BroadcastMessage, FRAME_HEADER_LEN, Gossip, IHave, Message, Route,
};
use tidings_core::{
    BootEpoch, Envelope, Hop, MessageId, NodeId, Payload, Sequence, Topic, UnixTime,
};

use crate::callgrind::counted_work;

/// Of what is counted, in this order.
pub(crate) const NAMES: [&str; 4] =
    ["encode Gossip of 1 KiB", "decode Gossip of 1 KiB", "encode 16 names", "decode 16 names"];

/// How often each is done.
pub(crate) const TIMES: u64 = 100;

pub(crate) fn count_all() {
    for message in [gossip(), names()] {
        let mut bytes = BytesMut::with_capacity(wire::MAX_FRAME);
        counted_work(&mut || {
            for _ in 0..TIMES {
                bytes.clear();
                wire::encode(black_box(&message), &mut bytes);
            }
        });
        counted_work(&mut || {
            for _ in 0..TIMES {
                black_box(wire::decode(black_box(&bytes[FRAME_HEADER_LEN..])).unwrap());
            }
        });
    }
}

fn gossip() -> Message {
    let payload = Payload::new(vec![7; 1024]).unwrap();
    let sent = UnixTime::from_millis(1_700_000_000_000);
    let origin = (NodeId::new([7; 32]), BootEpoch(1_700_000_000_000));
    let envelope = Envelope::new(origin, Sequence(1000), sent, Topic::default(), payload);
    Message::Broadcast(BroadcastMessage::Gossip(Gossip {
        hop: Hop(3),
        route: Route::Usual,
        age: Age::new(Duration::from_millis(40)),
        envelope: Arc::new(envelope),
    }))
}

fn names() -> Message {
    let name = IHave { id: MessageId::new([8; 32]), hop: Hop(3), source: NodeId::new([7; 32]) };
    Message::Broadcast(BroadcastMessage::IHave { have: vec![name; 16] })
}
