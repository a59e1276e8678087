//! Lines for outputs that may block, fail or go away: each output has a thread of its own, which takes lines
//! from a bounded queue. Whoever has a line hands it over and goes on; a line for which there is no room is
//! dropped and counted. What becomes of an output is told by [`Outputs::watch`].

use std::convert::Infallible;
use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{info, warn};
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait for an output. Choice.
const MAX_LINES: usize = 10_000;

/// Bytes that may wait for an output. Choice.
const MAX_BYTES: usize = 4 << 20;

/// One line about the trouble of an output in this time.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// An output that takes nothing for so long is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(5);

/// How long the start waits for a log file, and the end of the program for lines of all outputs together.
pub(crate) const LAST_LINES: Duration = Duration::from_millis(500);

/// What an output's thread writes to.
pub(crate) trait Sink: Send + 'static {
    /// Writes one or more whole lines.
    fn write_lines(&mut self, lines: &[u8]) -> io::Result<Written>;

    /// What may take long, or fail, before the first line.
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Opens anew what has a path. Returns whether there was anything to open.
    fn reopen(&mut self) -> io::Result<bool> {
        Ok(false)
    }

    /// Whether nothing can ever be written again, after this error.
    fn is_gone(&self, _error: &io::Error) -> bool {
        false
    }
}

/// How lines were written.
#[derive(Debug)]
pub(crate) enum Written {
    /// As usual.
    Fine,
    /// They were, but something beside that failed.
    Beside(io::Error),
}

/// A handle to an output. Clones write to the same.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    queue: SyncSender<Item>,
    state: Arc<State>,
}

enum Item {
    Lines(Vec<u8>),
    /// Look at what is wished for.
    Nudge,
    /// Say when all of before is written.
    Flush(SyncSender<()>),
}

/// What an output's thread and those who write to it know of each other.
#[derive(Debug)]
struct State {
    name: String,
    waiting: AtomicUsize,
    is_to_reopen: AtomicBool,
    news: Mutex<News>,
}

/// What became of lines so far.
#[derive(Clone, Debug, Default)]
struct News {
    /// Lines that are written nowhere.
    lost: u64,
    /// How often there was no room.
    refusals: u64,
    /// How often writing failed.
    failures: u64,
    /// How often writing went well.
    successes: u64,
    /// Why, the last time.
    reason: String,
    /// The last thing that was tried failed.
    is_failing: bool,
    is_gone: bool,
    /// Since when the thread writes the same lines.
    busy_since: Option<Instant>,
}

impl Lines {
    /// Starts the thread of an output that people know as `name`.
    pub(crate) fn start(name: impl Into<String>, sink: impl Sink) -> io::Result<Self> {
        let state = State {
            name: name.into(),
            waiting: AtomicUsize::new(0),
            is_to_reopen: AtomicBool::new(false),
            news: Mutex::default(),
        };
        let (queue, items) = sync_channel(MAX_LINES);
        let state = Arc::new(state);
        let writer = Writer { sink, state: Arc::clone(&state) };
        std::thread::Builder::new().name("output".to_owned()).spawn(move || writer.run(&items))?;
        Ok(Self { queue, state })
    }

    /// Hands over one or more whole lines, or drops them when there is no room. Never waits.
    pub(crate) fn push(&self, lines: &[u8]) {
        if lines.is_empty() || self.state.news().is_gone {
            return;
        }
        let len = lines.len();
        let has_room = self.state.waiting.fetch_add(len, Ordering::Relaxed) + len <= MAX_BYTES;
        if !has_room || self.queue.try_send(Item::Lines(lines.to_vec())).is_err() {
            self.state.waiting.fetch_sub(len, Ordering::Relaxed);
            let mut news = self.state.news();
            news.lost += 1;
            news.refusals += 1;
        }
    }

    /// Asks for files to be opened anew.
    fn reopen(&self) {
        self.state.is_to_reopen.store(true, Ordering::Relaxed);
        // A full queue is looked through, and the wish is seen.
        let _full = self.queue.try_send(Item::Nudge);
    }

    /// Waits until all lines are written, or it is too late.
    pub(crate) fn flush(&self, deadline: Instant) {
        let (done_tx, done) = sync_channel(1);
        let mut item = Item::Flush(done_tx);
        while let Err(TrySendError::Full(back)) = self.queue.try_send(item) {
            if Instant::now() >= deadline {
                return;
            }
            item = back;
            pause();
        }
        let left = deadline.saturating_duration_since(Instant::now());
        // An output that is stuck is not waited for.
        let _late: Result<(), RecvTimeoutError> = done.recv_timeout(left);
    }
}

/// A moment, on a thread that may block.
#[expect(clippy::disallowed_methods, reason = "threads of real outputs only")]
fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}

impl State {
    fn news(&self) -> std::sync::MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Log lines are formatted whole, and then written in one piece.
impl<'a> MakeWriter<'a> for Lines {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> LineWriter<'a> {
        LineWriter(self)
    }
}

/// Takes whole lines, and never fails.
#[derive(Debug)]
pub(crate) struct LineWriter<'a>(&'a Lines);

impl Write for LineWriter<'_> {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.0.push(lines);
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Item")
    }
}

/// An output's thread.
struct Writer<S> {
    sink: S,
    state: Arc<State>,
}

impl<S: Sink> Writer<S> {
    fn run(mut self, items: &Receiver<Item>) {
        if let Err(error) = self.busy(Sink::begin) {
            self.state.news().failed(0, &error);
        }
        for item in items {
            if self.state.is_to_reopen.swap(false, Ordering::Relaxed) {
                self.reopen();
            }
            match item {
                Item::Lines(lines) => {
                    self.write(&lines);
                    self.state.waiting.fetch_sub(lines.len(), Ordering::Relaxed);
                }
                Item::Nudge => {}
                Item::Flush(done) => {
                    // Whoever waited may have given up.
                    let _late = done.send(());
                }
            }
        }
    }

    /// Does something that may take for ever.
    fn busy<T>(&mut self, action: impl FnOnce(&mut S) -> T) -> T {
        self.state.news().busy_since = Some(Instant::now());
        let done = action(&mut self.sink);
        self.state.news().busy_since = None;
        done
    }

    fn write(&mut self, lines: &[u8]) {
        if self.state.news().is_gone {
            return;
        }
        let written = self.busy(|sink| sink.write_lines(lines));
        let is_gone = written.as_ref().is_err_and(|error| self.sink.is_gone(error));
        let mut news = self.state.news();
        match written {
            Ok(Written::Fine) => {
                news.successes += 1;
                news.is_failing = false;
            }
            Ok(Written::Beside(error)) => news.failed(0, &error),
            Err(error) => news.failed(1, &error),
        }
        news.is_gone = is_gone;
    }

    fn reopen(&mut self) {
        match self.busy(Sink::reopen) {
            Ok(false) => {}
            Ok(true) => info!(output = self.state.name, "opened anew"),
            Err(error) => self.state.news().failed(0, &error),
        }
    }
}

impl News {
    fn failed(&mut self, lost: u64, error: &io::Error) {
        self.lost += lost;
        self.failures += 1;
        self.is_failing = true;
        self.reason = error.to_string();
    }

    /// For how long the thread writes the same lines.
    fn busy(&self) -> Duration {
        self.busy_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn is_stuck(&self) -> bool {
        self.busy() >= STUCK_AFTER
    }

    /// Whether it is slow or stuck will be known soon.
    fn is_undecided(&self) -> bool {
        !self.is_stuck() && self.busy() > STUCK_AFTER / 10
    }
}

/// All outputs of a node.
#[derive(Debug, Default)]
pub(crate) struct Outputs(Mutex<Vec<Lines>>);

impl Outputs {
    /// Starts an output and watches it with the others.
    pub(crate) fn start(&self, name: impl Into<String>, sink: impl Sink) -> io::Result<Lines> {
        let lines = Lines::start(name, sink)?;
        self.all().push(lines.clone());
        Ok(lines)
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Lines>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens log files anew.
    pub(crate) fn reopen(&self) {
        self.all().iter().for_each(Lines::reopen);
    }

    /// Lines of all outputs that are written nowhere.
    pub(crate) fn lost(&self) -> u64 {
        self.all().iter().map(|lines| lines.state.news().lost).sum()
    }

    /// Tells of outputs that are in trouble, each once a minute, for ever.
    #[expect(clippy::infinite_loop, reason = "it watches as long as the node runs")]
    pub(crate) async fn watch(&self) -> Infallible {
        let mut watched: Vec<Watched> = Vec::new();
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let states: Vec<_> = self.all().iter().map(|it| Arc::clone(&it.state)).collect();
            watched.resize_with(states.len(), Watched::default);
            for (state, watched) in states.iter().zip(&mut watched) {
                // What is told goes to these outputs: they must not be held meanwhile.
                let news = state.news().clone();
                watched.look(&state.name, &news);
            }
        }
    }
}

/// When this is dropped, what waits for outputs is written, as far as they take it at once.
#[derive(Debug)]
pub(crate) struct LastLines(pub(crate) Arc<Outputs>);

impl Drop for LastLines {
    fn drop(&mut self) {
        let deadline = Instant::now() + LAST_LINES;
        self.0.all().iter().for_each(|lines| lines.flush(deadline));
    }
}

/// What was told of an output.
#[derive(Debug, Default)]
struct Watched {
    refusals: u64,
    failures: u64,
    lost: u64,
    successes: u64,
    told: Option<Instant>,
    is_in_trouble: bool,
    is_gone: bool,
}

impl Watched {
    fn look(&mut self, name: &str, news: &News) {
        let has_failed = news.failures > self.failures;
        let is_newly_stuck = news.is_stuck() && !self.is_in_trouble;
        let is_news = has_failed || news.refusals > self.refusals || is_newly_stuck;
        let may_tell = self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY);
        if self.is_gone || news.is_undecided() {
            return;
        }
        let is_written = news.successes > self.successes && !news.is_failing;
        let is_well = is_written && !news.is_stuck() && news.refusals == self.refusals;
        if self.is_in_trouble && is_well {
            info!(output = name, lost_in_all = news.lost, "output is written again");
            // What failed meanwhile, as the warning itself may have, is in that count.
            (self.failures, self.lost, self.is_in_trouble) = (news.failures, news.lost, false);
        } else if is_news && may_tell || news.is_gone {
            self.tell(name, news);
        }
    }

    fn tell(&mut self, name: &str, news: &News) {
        let (lost, lost_in_all) = (news.lost - self.lost, news.lost);
        let reason = &news.reason;
        if news.is_gone {
            warn!(output = name, %reason, lost, "output has gone, nothing more is written to it");
        } else if news.failures > self.failures {
            warn!(output = name, %reason, lost, lost_in_all, "output cannot be written");
        } else if news.is_stuck() {
            warn!(output = name, lost, lost_in_all, "output takes nothing: nobody reads it");
        } else {
            warn!(output = name, lost, lost_in_all, "output was too slow for what was written");
        }
        *self = Self {
            refusals: news.refusals,
            failures: news.failures,
            lost: news.lost,
            successes: news.successes,
            told: Some(Instant::now()),
            is_in_trouble: true,
            is_gone: news.is_gone,
        };
    }
}

/// Lines for a stream of this process, which was here before it and is left as it is.
#[derive(Debug)]
pub(crate) struct Stream<W> {
    stream: W,
    /// The last line was not written to its end.
    is_torn: bool,
}

/// Standard output, without a lock or a buffer that others wait for.
pub(crate) fn standard_output() -> io::Result<Stream<std::fs::File>> {
    use std::os::fd::AsFd as _;
    let stream = io::stdout().as_fd().try_clone_to_owned()?.into();
    Ok(Stream::new(stream))
}

/// Standard error, in the same way.
pub(crate) fn standard_error() -> io::Result<Stream<std::fs::File>> {
    use std::os::fd::AsFd as _;
    let stream = io::stderr().as_fd().try_clone_to_owned()?.into();
    Ok(Stream::new(stream))
}

/// What messages call the streams.
pub(crate) const STANDARD_OUTPUT: &str = "standard output";
pub(crate) const STANDARD_ERROR: &str = "standard error";
pub(crate) const TERMINAL: &str = "terminal";

impl<W> Stream<W> {
    pub(crate) const fn new(stream: W) -> Self {
        Self { stream, is_torn: false }
    }
}

impl<W: Write + Send + 'static> Sink for Stream<W> {
    fn write_lines(&mut self, lines: &[u8]) -> io::Result<Written> {
        if self.is_torn {
            write_all(&mut self.stream, b"\n").map_err(|(_, error)| error)?;
            self.is_torn = false;
        }
        write_all(&mut self.stream, lines).map_err(|(written, error)| {
            self.is_torn = written > 0;
            error
        })?;
        Ok(Written::Fine)
    }

    fn is_gone(&self, error: &io::Error) -> bool {
        // A terminal that has hung up gives an input/output error.
        let has_hung_up = error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error());
        error.kind() == io::ErrorKind::BrokenPipe || has_hung_up
    }
}

/// Writes all, or says how much was. A stream that somebody has set to return at once is waited for.
pub(crate) fn write_all(to: &mut impl Write, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match to.write(rest) {
            Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => pause(),
            Err(error) => return Err((written, error)),
        }
    }
    to.flush().map_err(|error| (written, error))
}
