//! Bugs that are planted on purpose, to prove that a hunt finds their like and shrinks what it finds.

mod peers;
mod seed_nodes;

use tidings_core::{AddressRecord, Config, Role};

use crate::event_world::{Mutant, MutantFactory};

/// A bug that can be planted.
#[derive(Clone, Copy, Debug)]
pub struct PlantedBug {
    /// Its name on the command line.
    pub name: &'static str,
    /// What goes wrong, in one sentence.
    pub story: &'static str,
    /// The checks of which one must find it.
    pub checks: &'static [&'static str],
    settings: fn(Role, &mut Config),
    mutant: fn(Role, &AddressRecord) -> Option<Box<dyn Mutant>>,
}

impl MutantFactory for PlantedBug {
    fn settings(&self, role: Role, config: &mut Config) {
        (self.settings)(role, config);
    }

    fn mutant(&self, role: Role, own: &AddressRecord) -> Option<Box<dyn Mutant>> {
        (self.mutant)(role, own)
    }
}

/// The planted bug of this name.
pub fn planted(name: &str) -> Option<&'static PlantedBug> {
    PLANTED_BUGS.iter().find(|it| it.name == name)
}

/// A bug in what nodes of one role hear and say.
macro_rules! bug {
    ($name:literal, $checks:expr, $role:ident: $mutant:expr, $story:literal) => {
        PlantedBug {
            name: $name,
            story: $story,
            checks: &$checks,
            settings: |_, _| {},
            mutant: |role, own| {
                let make: fn(&AddressRecord) -> Box<dyn Mutant> = $mutant;
                (role == Role::$role).then(|| make(own))
            },
        }
    };
}

/// All of them.
pub static PLANTED_BUGS: &[PlantedBug] = &[
    bug!(
        "lost-forward",
        ["messages-held"],
        Peer: |_| Box::new(peers::LostForward),
        "peers give messages only to neighbors that they dialed themselves, and do not offer them \
         to the others either"
    ),
    bug!(
        "no-catch-up",
        ["messages-held"],
        Peer: |_| Box::new(peers::NoCatchUp),
        "peers neither offer what they hold nor ask for what they missed"
    ),
    bug!(
        "lost-credit",
        ["messages-held", "all-said"],
        Peer: |_| Box::new(peers::LostCredit),
        "peers whose neighbors do not send, or do not speak, never tell them to go on"
    ),
    bug!(
        "name-never-pulled",
        ["messages-held"],
        Peer: |_| Box::new(peers::NameNeverPulled),
        "peers that are told the name of a message never ask for it"
    ),
    bug!(
        "double-delivery",
        ["delivered-once"],
        Peer: |_| Box::new(peers::ShortMemory::of(0)),
        "peers deliver every copy of a message"
    ),
    bug!(
        "forgotten-id",
        ["delivered-once"],
        Peer: |_| Box::new(peers::ShortMemory::of(12)),
        "peers remember the last 12 messages only, and deliver an older one again"
    ),
    bug!(
        "unnoticed-sleep",
        ["delivered-once"],
        Peer: |_| Box::new(peers::UnnoticedSleep),
        "peers are not told that their machine slept, so that they offer old messages as young ones"
    ),
    bug!(
        "first-address",
        ["one-component", "neighbors-live", "lists-right", "messages-held", "limits"],
        Peer: |_| Box::new(peers::FirstAddress),
        "peers dial the first address of others alone"
    ),
    bug!(
        "late-name-unheard",
        ["lists-right"],
        Peer: |_| Box::new(peers::LateNameUnheard),
        "peers are not told of seed nodes whose names are found later"
    ),
    bug!(
        "changed-words",
        ["said-by-somebody"],
        Peer: |_| Box::new(peers::ChangedWords::default()),
        "every tenth message is delivered with other words than were said"
    ),
    bug!(
        "endless-suspicion",
        ["neighbors-live"],
        Peer: |_| Box::new(peers::EndlessSuspicion),
        "peers hold every ping for answered, so a silent neighbor never strikes out"
    ),
    bug!(
        "self-neighbor",
        ["no-self-neighbor"],
        Peer: |own| Box::new(peers::SelfNeighbor(own.clone())),
        "a peer whose link was reset takes itself for a neighbor"
    ),
    bug!(
        "unhealed-partition",
        ["one-component", "messages-held"],
        Peer: |_| Box::new(peers::NeverAgain::default()),
        "peers never dial anybody again whose link they lost"
    ),
    bug!(
        "endless-leave",
        ["schedule-performed"],
        Peer: |_| Box::new(peers::EndlessLeave),
        "a peer that leaves never comes to the end of it"
    ),
    bug!(
        "unnoticed-reset",
        ["schedule-performed"],
        Peer: |_| Box::new(peers::UnnoticedReset),
        "peers are not told of a reset"
    ),
    bug!(
        "wrong-echo",
        ["nobody-misbehaves"],
        Peer: |_| Box::new(peers::WrongEcho),
        "peers answer pings with another number than they were sent"
    ),
    bug!(
        "panic-at-death",
        ["finishes"],
        Peer: |_| Box::new(peers::PanicAtDeath),
        "a peer that reports a death panics"
    ),
    PlantedBug {
        name: "unbounded-list",
        story: "peers do not keep the bound of the list of peers that they know",
        checks: &["bounds-hold"],
        settings: |_, config| config.overlay.known_max = 65_536,
        mutant: |_, _| None,
    },
    bug!(
        "dead-peer-kept",
        ["lists-right"],
        SeedNode: |_| Box::new(seed_nodes::EasilyContent::default()),
        "seed nodes hold every probe for answered, so dead peers stay on their lists"
    ),
    bug!(
        "stale-list",
        ["lists-right", "one-component"],
        SeedNode: |_| Box::new(seed_nodes::StaleList::default()),
        "seed nodes do not hear the registration of a peer's second life"
    ),
    bug!(
        "hasty-seed-node",
        ["limits"],
        SeedNode: |_| Box::new(seed_nodes::Hasty),
        "seed nodes hold every probe for failed, so live peers are removed as dead"
    ),
];
