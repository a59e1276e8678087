//! Names that fail, come, change and go.

use std::sync::Mutex;

use super::*;
use crate::resolver::Resolving;

/// A name service whose answers a test changes.
#[derive(Debug, Default)]
struct Scripted(Mutex<BTreeMap<String, Vec<SocketAddr>>>);

impl Resolver for Scripted {
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> Resolving<'a> {
        Box::pin(async move {
            if host == "silent.example" {
                std::future::pending::<()>().await;
            }
            let found = self.0.lock().expect("one thread").get(host).cloned();
            let found = found.ok_or_else(|| io::Error::other("no such name"))?;
            Ok(found.into_iter().map(|addr| SocketAddr::new(addr.ip(), port)).collect())
        })
    }
}

impl Scripted {
    fn set(&self, host: &str, last: &[u8]) {
        let addresses = last.iter().map(|last| addr(*last)).collect();
        self.0.lock().expect("one thread").insert(host.to_owned(), addresses);
    }

    fn forget(&self, host: &str) {
        self.0.lock().expect("one thread").remove(host);
    }
}

fn addr(last: u8) -> SocketAddr {
    ([192, 0, 2, last], 5000).into()
}

fn sources(names: &[&str], resolver: &Arc<Scripted>) -> SeedSources {
    let given = names.iter().map(|name| name.parse().expect("a place")).collect();
    let resolver = Arc::clone(resolver);
    SeedSources { given, files: Vec::new(), resolver, needs_all: false, own: None }
}

async fn started(names: &[&str], resolver: &Arc<Scripted>) -> SeedLookup {
    sources(names, resolver).look_up().await.expect("it begins")
}

/// The last numbers of all addresses that are known, and how many names have none.
fn known(lookup: &SeedLookup) -> (Vec<u8>, usize) {
    let last = |addr: SocketAddr| match addr {
        SocketAddr::V4(addr) => addr.ip().octets()[3],
        SocketAddr::V6(_) => 0,
    };
    (lookup.known().addresses().map(last).collect(), lookup.known().not_found())
}

/// What is told, as "what: reason".
#[derive(Debug, Default)]
struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn on_event(&self, _at: Instant, _event: &Event) {}

    fn on_look_up_failure(&self, failure: &LookUpFailure) {
        let LookUpFailure { what, reason, kept, times } = failure;
        let line = format!("{what}: {reason}, {kept} kept, {times} times");
        self.0.lock().expect("one thread").push(line);
    }
}

impl Told {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("one thread"))
    }
}

const ABC: [&str; 3] = ["a.example:5000", "b.example:5000", "c.example:5000"];

#[tokio::test(start_paused = true)]
async fn one_name_that_fails_keeps_its_addresses_and_holds_up_no_other() {
    let names = Arc::new(Scripted::default());
    names.set("a.example", &[1]);
    names.set("b.example", &[2]);
    let mut lookup = started(&ABC, &names).await;
    assert_eq!(known(&lookup), (vec![1, 2], 1), "what was not found counts");
    assert_eq!(lookup.wait(), RETRY);
    names.forget("a.example");
    names.set("b.example", &[3]);
    names.set("c.example", &[4]);
    assert!(lookup.look_again(Before::Goes, &BTreeSet::new()).await.is_some());
    assert_eq!(known(&lookup), (vec![1, 3, 4], 0));
    assert!(lookup.look_again(Before::Goes, &BTreeSet::new()).await.is_none(), "nothing is new");
    names.set("a.example", &[1]);
    assert!(lookup.look_again(Before::Goes, &BTreeSet::new()).await.is_none());
    assert_eq!(lookup.wait(), LOOK_AGAIN);
}

#[tokio::test(start_paused = true)]
async fn a_start_waits_for_no_name() {
    let names = Arc::new(Scripted::default());
    let mut lookup = started(&["a.example:5000", "silent.example:5000"], &names).await;
    assert_eq!(known(&lookup), (vec![], 2));
    assert_eq!(lookup.wait(), PAUSE, "without any it is in a hurry");
    names.set("a.example", &[1]);
    assert!(lookup.look_again(Before::Stays, &BTreeSet::new()).await.is_some());
    assert_eq!(known(&lookup), (vec![1], 1));
}

#[tokio::test(start_paused = true)]
async fn addresses_are_added_while_all_is_well_and_go_when_a_seed_node_is_lost() {
    let names = Arc::new(Scripted::default());
    names.set("a.example", &[1]);
    let mut lookup = started(&ABC[..1], &names).await;
    names.set("a.example", &[2, 3]);
    assert!(lookup.look_again(Before::Stays, &BTreeSet::new()).await.is_some());
    assert_eq!(known(&lookup).0, [1, 2, 3]);
    assert!(lookup.look_again(Before::Goes, &BTreeSet::new()).await.is_some());
    assert_eq!(known(&lookup).0, [2, 3]);
    // More than can be used: those of now.
    let many: Vec<u8> = (100..160).collect();
    names.set("a.example", &many);
    assert!(lookup.look_again(Before::Stays, &BTreeSet::new()).await.is_some());
    let others: Vec<u8> = (160..200).collect();
    names.set("a.example", &others);
    assert!(lookup.look_again(Before::Stays, &BTreeSet::new()).await.is_some());
    assert_eq!(known(&lookup).0, others);
}

#[tokio::test(start_paused = true)]
async fn of_too_many_those_that_answer_stay_and_all_are_tried() {
    let names = Arc::new(Scripted::default());
    let many: Vec<u8> = (1..=66).collect();
    names.set("a.example", &many);
    let mut lookup = started(&ABC[..1], &names).await;
    assert_eq!(known(&lookup).0, (1..=64).collect::<Vec<u8>>());
    let told = Told::default();
    lookup.tell_failures(&told);
    let line =
        "seed nodes: 66 are named and 64 used: those that do not answer go first, 64 kept, 1 times";
    assert_eq!(told.take(), [line]);
    assert!(lookup.can_change() && lookup.wait() == RETRY, "the others have their turn");
    let registered: BTreeSet<SocketAddr> = (1..=62).map(addr).collect();
    assert!(lookup.look_again(Before::Stays, &registered).await.is_some());
    let answered = 1..=62;
    assert_eq!(known(&lookup).0, answered.clone().chain([65, 66]).collect::<Vec<u8>>());
    assert!(lookup.look_again(Before::Goes, &registered).await.is_some());
    assert_eq!(known(&lookup).0, answered.chain([63, 64]).collect::<Vec<u8>>());
    names.set("a.example", &[1]);
    assert!(lookup.look_again(Before::Goes, &[addr(2)].into()).await.is_some());
    assert_eq!((known(&lookup).0, lookup.wait()), (vec![1, 2], LOOK_AGAIN), "2 has the node");
}

/// What the look-up itself did is no reason to look again.
#[tokio::test(start_paused = true)]
async fn a_seed_node_that_the_node_was_told_to_drop_is_not_lost() {
    let lost = LostLinks::default();
    let event = |reason| Event::RegistrationLost { addr: addr(1), reason };
    let is_told = || timeout(Duration::from_secs(1), lost.seed_node_lost.notified());
    lost.on_event(Instant::BIRTH, &event(RegistrationLoss::Dropped));
    assert!(is_told().await.is_err());
    lost.on_event(Instant::BIRTH, &event(RegistrationLoss::Silent));
    assert!(is_told().await.is_ok());
}

/// Seed nodes that decide together would decide without some.
#[tokio::test(start_paused = true)]
async fn too_many_to_decide_together_are_refused_at_the_start_and_told_later() {
    let names = Arc::new(Scripted::default());
    let many: Vec<u8> = (1..=65).collect();
    names.set("a.example", &many);
    let sources = SeedSources { needs_all: true, ..sources(&ABC[..1], &names) };
    let error = sources.clone().look_up().await.expect_err("65");
    assert!(matches!(error, SeedLookupError::TooMany(65)), "{error}");
    names.set("a.example", &[1]);
    let mut lookup = sources.look_up().await.expect("it begins");
    names.set("a.example", &many);
    assert!(lookup.look_again(Before::Goes, &BTreeSet::new()).await.is_none());
    assert_eq!(known(&lookup).0, [1]);
    let told = Told::default();
    lookup.tell_failures(&told);
    let line = "seed nodes: 65 addresses of seed nodes, at most 64 can be used, 1 kept, 1 times";
    assert_eq!(told.take(), [line]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_once_a_minute() {
    let names = Arc::new(Scripted::default());
    names.set("b.example", &[2]);
    let (told, mut lookup) = (Told::default(), started(&ABC[..2], &names).await);
    lookup.tell_failures(&told);
    assert_eq!(told.take(), ["a.example:5000: no such name, 0 kept, 1 times"]);
    for _ in 0..3 {
        sleep(Duration::from_secs(15)).await;
        lookup.look_again(Before::Goes, &BTreeSet::new()).await;
        lookup.tell_failures(&told);
    }
    assert_eq!(told.take(), [""; 0]);
    sleep(Duration::from_secs(15)).await;
    lookup.look_again(Before::Goes, &BTreeSet::new()).await;
    lookup.tell_failures(&told);
    assert_eq!(told.take(), ["a.example:5000: no such name, 0 kept, 5 times"]);
}

#[tokio::test]
async fn a_file_that_is_gone_or_wrong_keeps_what_it_named() {
    let folder = std::env::temp_dir().join(format!("tidings-lookup-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("seeds.txt");
    let write = |text: &str| std::fs::write(&file, text).expect("written");
    write("192.0.2.1:5000\n192.0.2.2:5000\n");
    let sources = SeedSources { files: vec![file.clone()], ..SeedSources::default() };
    let mut lookup = sources.look_up().await.expect("it begins");
    std::fs::remove_file(&file).expect("a file");
    assert!(lookup.look_again(Before::Goes, &BTreeSet::new()).await.is_none());
    let told = Told::default();
    lookup.tell_failures(&told);
    let line = told.take().concat();
    assert!(line.contains("seeds.txt: No such file") && line.contains("2 kept"), "{line}");
    write("nonsense\n");
    assert!(lookup.look_again(Before::Goes, &BTreeSet::new()).await.is_none());
    write("");
    assert!(
        lookup.look_again(Before::Goes, &BTreeSet::new()).await.is_none(),
        "none at all is no list"
    );
    write("192.0.2.3:5000\n");
    assert!(lookup.look_again(Before::Goes, &BTreeSet::new()).await.is_some());
    assert_eq!(known(&lookup).0, [3]);
    std::fs::remove_dir_all(&folder).expect("removed");
}
