//! What a reader follows a run by: a line for each thing that happens to a host or that it does.

use std::net::SocketAddr;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use serde::Serialize;
use tidings_core::trace::{self, Names};
use tidings_core::wire::Message;
use tidings_core::{DialFailure, Event, LinkLoss, NodeId};

use super::network::{Network, PacketFate};
use crate::fault::{Fault, FaultSchedule, Scheduled};
use crate::host::HostId;
use crate::latency::{HostIndex, micros};

/// What of a run is told.
#[derive(Clone, Debug, Default)]
pub struct TraceFilter {
    /// Nothing before this, counted from the beginning of the run.
    pub from: Duration,
    /// Nothing at this moment or later; `None` for the end of the run.
    pub until: Option<Duration>,
    /// Only what one of these does, what is sent to it, what nodes tell of it, and what befalls it; of
    /// all hosts if there are none.
    pub hosts: Vec<HostId>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TraceLine {
    /// Simulated microseconds since the beginning of the run.
    #[serde(rename = "at_us")]
    pub at: u64,
    /// Who did it, or met it; `None` for what the schedule does.
    pub host: Option<HostId>,
    /// What.
    pub what: String,
}

/// Notes what is seen through a lens.
#[derive(Debug)]
pub(super) struct Tracer {
    filter: TraceFilter,
    /// Not told yet. Those of the schedule are in it from the beginning.
    lines: Vec<TraceLine>,
    reader: SyncSender<Result<TraceLine, String>>,
}

impl TraceFilter {
    /// Whether it shows what concerns these at this moment.
    fn shows(&self, at: u64, hosts: &[HostId]) -> bool {
        let is_timely = at >= micros(self.from) && self.until.is_none_or(|it| at < micros(it));
        let is_wanted = |host: &HostId| self.hosts.contains(host);
        is_timely && (self.hosts.is_empty() || hosts.iter().any(is_wanted))
    }

    /// Whether a text names one of its hosts.
    fn is_named(&self, text: &str) -> bool {
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let mut words = text.split(|c| !is_of_name(c)).filter_map(HostId::named);
        words.any(|host| self.hosts.contains(&host))
    }
}

impl Tracer {
    pub(super) fn new(
        filter: TraceFilter,
        schedule: &FaultSchedule,
        reader: SyncSender<Result<TraceLine, String>>,
    ) -> Self {
        let line = |Scheduled { at, fault }: &Scheduled| {
            let hosts = fault.hosts();
            // A cut concerns both sides.
            let is_for_all = matches!(fault, Fault::Cut(..) | Fault::Heal);
            let concerned = if is_for_all { &filter.hosts } else { &hosts };
            let named: Vec<String> = hosts.iter().map(HostId::to_string).collect();
            let what = format!("{} {}", fault.name(), named.join(", ")).trim_end().to_owned();
            let is_shown = filter.shows(micros(*at), concerned);
            is_shown.then(|| TraceLine { at: micros(*at), host: None, what })
        };
        let lines = schedule.faults.iter().filter_map(line).collect();
        Self { filter, lines, reader }
    }

    /// Tells what a run has left at its end. One that failed got no farther than to what happened last.
    pub(super) fn tell_rest(&mut self, has_failed: bool) {
        let last = self.lines.iter().filter(|line| line.host.is_some()).map(|line| line.at).max();
        self.tell(if has_failed { last.map_or(0, |last| last + 1) } else { u64::MAX });
    }

    /// Tells everything before `until`, in the order of time: a window is run host by host. Returns
    /// whether somebody still reads.
    pub(super) fn tell(&mut self, until: u64) -> bool {
        let mut lines: Vec<TraceLine> = self.lines.extract_if(.., |line| line.at < until).collect();
        lines.sort_by_key(|line| line.at);
        lines.into_iter().all(|line| self.reader.send(Ok(line)).is_ok())
    }

    pub(super) fn sends(
        &mut self,
        (at, network): (u64, Network<'_>),
        ends: (HostIndex, HostIndex),
        message: &Message,
        disposition: Disposition,
    ) {
        self.note_message((at, network), ends, message, || match disposition {
            Disposition::Blocked => "its network is blocked".to_owned(),
            Disposition::Severed | Disposition::Taken(PacketFate::Lost) => "lost".to_owned(),
            Disposition::Taken(PacketFate::Held) => "held by the cut".to_owned(),
            Disposition::Taken(PacketFate::Reset(when)) => {
                format!("lost, reset at {}", seconds(when))
            }
            Disposition::Taken(PacketFate::Arrives(when)) => {
                format!("+{} ms", (when - at).div_ceil(1_000))
            }
        });
    }

    /// Too much waits already, so the message is not even queued.
    pub(super) fn overruns(
        &mut self,
        at: (u64, Network<'_>),
        ends: (HostIndex, HostIndex),
        message: &Message,
    ) {
        self.note_message(at, ends, message, || "not sent, too much waits".to_owned());
    }

    pub(super) fn tells(
        &mut self,
        (at, network): (u64, Network<'_>),
        host: HostIndex,
        event: &Event,
    ) {
        let host = network.host_id(host);
        // Messages and lists name many hosts that have nothing to do with it.
        let is_of_others = !matches!(
            event,
            Event::Published { .. }
                | Event::Delivered { .. }
                | Event::Duplicate { .. }
                | Event::TooOld { .. }
                | Event::ListReceived { .. }
        );
        let is_own = self.filter.shows(at, &[host]);
        let may_be_of_one = is_of_others && self.filter.shows(at, &self.filter.hosts);
        if is_own || may_be_of_one {
            let what = format!("*  {}", trace::event(&network, event));
            if is_own || self.filter.is_named(&what) {
                self.lines.push(TraceLine { at, host: Some(host), what });
            }
        }
    }

    pub(super) fn dials(
        &mut self,
        at: (u64, Network<'_>),
        host: HostIndex,
        to: Option<HostIndex>,
        hangs: bool,
    ) {
        let end = if hangs { "  (lost)" } else { "" };
        let called = || to.map_or_else(|| "nobody".to_owned(), |it| at.1.host_id(it).to_string());
        self.note(at, host, to, || format!("dials {}{end}", called()));
    }

    pub(super) fn gives_up(&mut self, at: (u64, Network<'_>), host: HostIndex, far: HostIndex) {
        self.note(at, host, Some(far), || format!("gives up its dial to {}", at.1.host_id(far)));
    }

    pub(super) fn fails_to_reach(
        &mut self,
        at: (u64, Network<'_>),
        host: HostIndex,
        far: HostIndex,
        failure: DialFailure,
    ) {
        self.note(at, host, Some(far), || match failure {
            DialFailure::Refused => format!("is refused by {}", at.1.host_id(far)),
            DialFailure::TimedOut | DialFailure::Unreachable | DialFailure::NotTried => {
                format!("does not reach {}", at.1.host_id(far))
            }
        });
    }

    pub(super) fn loses(
        &mut self,
        at: (u64, Network<'_>),
        host: HostIndex,
        far: HostIndex,
        loss: LinkLoss,
    ) {
        self.note(at, host, Some(far), || {
            format!("loses its link with {}: {loss:?}", at.1.host_id(far))
        });
    }

    fn note_message(
        &mut self,
        (at, network): (u64, Network<'_>),
        (from, to): (HostIndex, HostIndex),
        message: &Message,
        disposition: impl FnOnce() -> String,
    ) {
        self.note((at, network), from, Some(to), || {
            let message = trace::message(&network, message);
            format!("-> {}  {message}  ({})", network.host_id(to), disposition())
        });
    }

    fn note(
        &mut self,
        (at, network): (u64, Network<'_>),
        host: HostIndex,
        far: Option<HostIndex>,
        what: impl FnOnce() -> String,
    ) {
        let host = network.host_id(host);
        let far = far.map_or(host, |far| network.host_id(far));
        if self.filter.shows(at, &[host, far]) {
            self.lines.push(TraceLine { at, host: Some(host), what: what() });
        }
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Disposition {
    /// Nothing leaves the host.
    Blocked,
    /// Something before it was lost, so it is lost, too.
    Severed,
    /// As the air decides.
    Taken(PacketFate),
}

/// A moment of the run in seconds.
pub fn seconds(micros: u64) -> String {
    format!("{}.{:03}", micros / 1_000_000, micros / 1_000 % 1_000)
}

impl Names for Network<'_> {
    fn node(&self, id: NodeId) -> String {
        self.model.ids.get(&id).map_or_else(|| id.to_string(), HostId::to_string)
    }

    fn addr(&self, addr: &SocketAddr) -> String {
        let place = self.place_of(*addr);
        place.map_or_else(|| addr.to_string(), |place| self.host_id(place).to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, sync_channel};

    use super::*;

    fn at(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    /// Of a run in which a cut heals after 3 and after 9 us, and in which peer-1 does something after 5.
    fn tracer() -> (Tracer, Receiver<Result<TraceLine, String>>) {
        let (reader, lines) = sync_channel(9);
        let heal = |micros| Scheduled { at: at(micros), fault: Fault::Heal };
        let schedule = FaultSchedule { faults: [3, 9].map(heal).into() };
        let mut tracer = Tracer::new(TraceFilter::default(), &schedule, reader);
        let host = Some(HostId::peer(0));
        tracer.lines.push(TraceLine { at: 5, host, what: "gossips".to_owned() });
        (tracer, lines)
    }

    fn told(lines: &Receiver<Result<TraceLine, String>>) -> Vec<u64> {
        lines.try_iter().map(|line| line.expect("no failure").at).collect()
    }

    #[test]
    fn a_run_that_failed_is_told_up_to_what_happened_last() {
        let (mut tracer, lines) = tracer();
        tracer.tell_rest(true);
        assert_eq!(told(&lines), [3, 5]);
        tracer.tell_rest(false);
        assert_eq!(told(&lines), [9]);
    }

    #[test]
    fn it_is_known_that_nobody_reads() {
        let (mut tracer, lines) = tracer();
        assert!(tracer.tell(4));
        drop(lines);
        assert!(!tracer.tell(6));
    }

    #[test]
    fn an_event_is_of_the_hosts_that_it_names() {
        let filter = TraceFilter { hosts: vec![HostId::peer(1)], ..TraceFilter::default() };
        assert!(
            filter.is_named("NeighborUp peer-2: Accepted") && filter.is_named("[peer-1, peer-2]")
        );
        assert!(!filter.is_named("NeighborUp peer-22 Accepted") && !filter.is_named("seed-2"));
    }
}
