//! Golden bytes: what every message looks like on the wire. A change here is a change of the wire
//! version (before 1.0) or forbidden (after).

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use bytes::BytesMut;
use tidings_core::Hop;
use tidings_core::wire::{
    self, Age, BroadcastMessage, DecodeError, FRAME_HEADER_LEN, Foreign, Gossip, MAX_FRAME,
    Message, RegistrationMessage, Route, SwimMessage, WIRE_VERSION,
};

use crate::samples;

const FILE: &str = "tests/golden/messages.txt";

#[test]
fn every_message_has_these_bytes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let mut actual = format!("wire version {WIRE_VERSION}\n");
    for message in samples::messages() {
        let frame = frame(&message);
        assert_eq!(wire::decode(&frame[FRAME_HEADER_LEN..]), Ok(message.clone()), "reads back");
        writeln!(actual, "{} {}", message.name(), hex(&frame)).expect("a string takes it all");
    }
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &actual).expect("golden bytes written");
    }
    let expected = fs::read_to_string(&path).expect("golden bytes");
    assert_eq!(actual, expected, "the wire changed: bump WIRE_VERSION, then UPDATE_EXPECT=1");
}

#[test]
fn samples_cover_every_tag_in_order() {
    for (tag, message) in samples::messages().iter().enumerate() {
        assert_eq!(usize::from(frame(message)[FRAME_HEADER_LEN]), tag, "{}", message.name());
    }
    let next = u8::try_from(samples::messages().len()).expect("few messages");
    assert_eq!(wire::decode(&[next]), Err(DecodeError::Malformed), "no tag without a sample");
}

#[test]
fn a_message_and_a_byte_more_is_refused() {
    for message in samples::messages() {
        let mut body = frame(&message)[FRAME_HEADER_LEN..].to_vec();
        body.push(0);
        assert_eq!(wire::decode(&body), Err(DecodeError::Trailing(1)), "{}", message.name());
    }
}

#[test]
fn a_message_cut_short_anywhere_is_refused() {
    for message in samples::messages() {
        let frame = frame(&message);
        for end in FRAME_HEADER_LEN..frame.len() {
            let body = &frame[FRAME_HEADER_LEN..end];
            assert_eq!(wire::decode(body), Err(DecodeError::Malformed), "{}", message.name());
        }
    }
}

#[test]
fn a_list_longer_than_allowed_is_refused_at_its_length() {
    // Tag of Pull, then a length of 1,025 as a varint, then too few bytes for even one id.
    assert_eq!(wire::decode(&[16, 0x81, 0x08, 0]), Err(DecodeError::Malformed));
    // The largest length a varint can say.
    let lying = [&[16][..], &[0xff; 9], &[1]].concat();
    assert_eq!(wire::decode(&lying), Err(DecodeError::Malformed));
    assert_eq!(wire::decode(&vec![0; MAX_FRAME + 1]), Err(DecodeError::TooLong(MAX_FRAME + 1)));
}

#[test]
fn the_largest_messages_fit_a_frame() {
    let record = tidings_core::AddressRecord::new(
        samples::node(1),
        tidings_core::BootEpoch(u64::MAX),
        &["[2001:db8::1]:65535".parse().expect("an address"); 4],
    )
    .expect("four addresses are allowed");
    let ids = vec![tidings_core::MessageId::new([0xff; 32]); wire::MAX_IDS];
    let name = wire::IHave {
        id: tidings_core::MessageId::new([0xff; 32]),
        hop: Hop(u16::MAX),
        source: samples::node(255),
    };
    let statement = wire::Statement {
        subject: record.clone(),
        incarnation: tidings_core::Incarnation(u32::MAX),
        claim: wire::Claim::Dead {
            evidence: wire::Evidence::Silent {
                round_trip_us: u32::MAX,
                asked: u8::MAX,
                nacks: u8::MAX,
            },
            confirmers: vec![samples::node(255); wire::MAX_CONFIRMERS],
        },
        by: samples::node(255),
        signature: Some(Box::new(samples::SIGNATURE)),
    };
    for message in [
        Message::Registration(RegistrationMessage::PeerList {
            peers: vec![record; wire::MAX_SAMPLE],
        }),
        Message::Broadcast(BroadcastMessage::Pull { ids }),
        Message::Broadcast(BroadcastMessage::IHave { have: vec![name; wire::MAX_IHAVES] }),
        Message::Swim(SwimMessage::Members { members: vec![statement; wire::MAX_MEMBERS] }),
    ] {
        let frame = frame(&message);
        assert!(frame.len() <= MAX_FRAME, "{}: {}", message.name(), frame.len());
        assert_eq!(wire::decode(&frame[FRAME_HEADER_LEN..]), Ok(message));
    }
}

#[test]
fn the_hop_of_a_copy_saturates_and_it_has_one_of_four_routes() {
    let copy = |hop, route| {
        let (age, envelope) = (Age::default(), samples::envelope(1, 9));
        Message::Broadcast(BroadcastMessage::Gossip(Gossip { hop: Hop(hop), route, age, envelope }))
    };
    let body = |message: &Message| frame(message)[FRAME_HEADER_LEN..].to_vec();
    let other = tidings_core::NodeId::new([8; 32]);
    let foreign = |depth| Foreign { tree: other, depth };
    let (fed, not_fed) = (foreign(Some(Hop(9))), foreign(None));
    for route in [Route::Usual, Route::Renewal, Route::Along(fed), Route::Detour(not_fed)] {
        assert_eq!(wire::decode(&body(&copy(u16::MAX, route))), Ok(copy(16_383, route)));
    }
    let tree = samples::envelope(1, 9).origin();
    let own = Route::Along(Foreign { tree, depth: None });
    assert_eq!(wire::decode(&body(&copy(1, own))), Err(DecodeError::Malformed));
}

fn frame(message: &Message) -> Vec<u8> {
    let mut out = BytesMut::new();
    wire::encode(message, &mut out);
    assert_eq!(wire::frame_len(message), out.len(), "{message:?}");
    out.to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes it all");
        text
    })
}
