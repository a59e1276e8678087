//! What a reader follows a run by: a line for each thing that happens to a host or that it does.

use std::net::SocketAddr;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use tidings_core::trace::{self, Names};
use tidings_core::wire::Message;
use tidings_core::{Event, LinkLoss, NodeId};

use super::air::{Air, Fate, micros};
use super::packet::Place;
use crate::fault::{FaultSchedule, Scheduled};
use crate::host::HostId;

/// What of a run is told.
#[derive(Clone, Debug, Default)]
pub struct Lens {
    /// Nothing before this, counted from the beginning of the run.
    pub from: Duration,
    /// Nothing at this moment or later; `None` for the end of the run.
    pub until: Option<Duration>,
    /// Only what one of these does, or what concerns it; all hosts if there are none.
    pub hosts: Vec<HostId>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Simulated microseconds since the beginning of the run.
    pub at: u64,
    /// Who did it, or met it; `None` for what the schedule does.
    pub host: Option<HostId>,
    /// What.
    pub what: String,
}

/// Notes what is seen through a lens.
#[derive(Debug)]
pub(super) struct Witness {
    lens: Lens,
    /// Not told yet. Those of the schedule are in it from the beginning.
    lines: Vec<Line>,
    reader: SyncSender<Line>,
}

impl Lens {
    /// Whether it shows what concerns these at this moment.
    fn shows(&self, at: u64, hosts: &[HostId]) -> bool {
        let is_timely = at >= micros(self.from) && self.until.is_none_or(|it| at < micros(it));
        let is_wanted = |host: &HostId| self.hosts.contains(host);
        is_timely && (self.hosts.is_empty() || hosts.iter().any(is_wanted))
    }
}

impl Witness {
    pub(super) fn new(lens: Lens, schedule: &FaultSchedule, reader: SyncSender<Line>) -> Self {
        let line = |Scheduled { at, fault }: &Scheduled| {
            let hosts = fault.hosts();
            // That a cut heals concerns everybody.
            let concerned = if hosts.is_empty() { &lens.hosts } else { &hosts };
            let named: Vec<String> = hosts.iter().map(HostId::to_string).collect();
            let what = format!("{} {}", fault.name(), named.join(", ")).trim_end().to_owned();
            let is_shown = lens.shows(micros(*at), concerned);
            is_shown.then(|| Line { at: micros(*at), host: None, what })
        };
        let lines = schedule.faults.iter().filter_map(line).collect();
        Self { lens, lines, reader }
    }

    /// Tells everything before `until`, in the order of time. A window is run host by host.
    pub(super) fn tell(&mut self, until: u64) {
        let mut lines: Vec<Line> = self.lines.extract_if(.., |line| line.at < until).collect();
        lines.sort_by_key(|line| line.at);
        for line in lines {
            // A reader that went away needs nothing more.
            if self.reader.send(line).is_err() {
                return;
            }
        }
    }

    pub(super) fn sends(
        &mut self,
        (at, air): (u64, Air<'_>),
        (from, to): (Place, Place),
        message: &Message,
        way: Way,
    ) {
        self.note((at, air), from, Some(to), || {
            let way = match way {
                Way::Blocked => "its network stands still".to_owned(),
                Way::Severed | Way::Taken(Fate::Lost) => "lost".to_owned(),
                Way::Taken(Fate::Held) => "held by the cut".to_owned(),
                Way::Taken(Fate::Reset(when)) => format!("lost, reset at {}", seconds(when)),
                Way::Taken(Fate::Arrives(when)) => format!("+{} ms", (when - at).div_ceil(1_000)),
            };
            format!("-> {}  {}  ({way})", air.host_id(to), trace::message(&air, message))
        });
    }

    pub(super) fn tells(&mut self, at: (u64, Air<'_>), host: Place, event: &Event) {
        self.note(at, host, None, || format!("*  {}", trace::event(&at.1, event)));
    }

    pub(super) fn dials(
        &mut self,
        at: (u64, Air<'_>),
        host: Place,
        to: Option<Place>,
        hangs: bool,
    ) {
        let end = if hangs { "  (lost)" } else { "" };
        let called = || to.map_or_else(|| "nobody".to_owned(), |it| at.1.host_id(it).to_string());
        self.note(at, host, to, || format!("dials {}{end}", called()));
    }

    pub(super) fn gives_up(&mut self, at: (u64, Air<'_>), host: Place, far: Place) {
        self.note(at, host, Some(far), || format!("gives up its dial to {}", at.1.host_id(far)));
    }

    pub(super) fn is_refused(&mut self, at: (u64, Air<'_>), host: Place, by: Place) {
        self.note(at, host, Some(by), || format!("is refused by {}", at.1.host_id(by)));
    }

    pub(super) fn loses(&mut self, at: (u64, Air<'_>), host: Place, far: Place, loss: LinkLoss) {
        self.note(at, host, Some(far), || {
            format!("loses its link with {}: {loss:?}", at.1.host_id(far))
        });
    }

    fn note(
        &mut self,
        (at, air): (u64, Air<'_>),
        host: Place,
        far: Option<Place>,
        what: impl FnOnce() -> String,
    ) {
        let host = air.host_id(host);
        let far = far.map_or(host, |far| air.host_id(far));
        if self.lens.shows(at, &[host, far]) {
            self.lines.push(Line { at, host: Some(host), what: what() });
        }
    }
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// Nothing leaves the host.
    Blocked,
    /// Something before it was lost, so it is lost, too.
    Severed,
    /// As the air decides.
    Taken(Fate),
}

/// A moment of the run in seconds.
pub fn seconds(micros: u64) -> String {
    format!("{}.{:03}", micros / 1_000_000, micros / 1_000 % 1_000)
}

impl Names for Air<'_> {
    fn node(&self, id: NodeId) -> String {
        self.plan.ids.get(&id).map_or_else(|| id.to_string(), HostId::to_string)
    }

    fn addr(&self, addr: &SocketAddr) -> String {
        let place = self.place_of(*addr);
        place.map_or_else(|| addr.to_string(), |place| self.host_id(place).to_string())
    }
}
