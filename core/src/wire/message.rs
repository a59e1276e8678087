//! Every message that crosses a link. `PROTOCOL.md` tells the exchanges they belong to.

use crate::broadcast::message::BroadcastMessage;
use crate::detector::swim::message::SwimMessage;
use crate::links::message::LinkMessage;
use crate::overlay::message::OverlayMessage;
use crate::registration::message::RegistrationMessage;
use crate::seed_node::message::VoteMessage;

/// A value that one node sends another, by the part that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// For the links.
    Link(LinkMessage),
    /// For registration, on either side.
    Registration(RegistrationMessage),
    /// For the overlay.
    Overlay(OverlayMessage),
    /// For the broadcast.
    Broadcast(BroadcastMessage),
    /// For the detector `swim`.
    Swim(SwimMessage),
    /// For seed nodes that decide together.
    Vote(VoteMessage),
}

/// Says which part's messages are where in [`Message`].
macro_rules! parts {
    ($($part:ident($message:ident),)*) => {
        impl Message {
            /// The message's name in `PROTOCOL.md`.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$part(message) => message.name(),)*
                }
            }
        }

        $(impl From<$message> for Message {
            fn from(message: $message) -> Self {
                Self::$part(message)
            }
        })*
    };
}

parts! {
    Link(LinkMessage),
    Registration(RegistrationMessage),
    Overlay(OverlayMessage),
    Broadcast(BroadcastMessage),
    Swim(SwimMessage),
    Vote(VoteMessage),
}
