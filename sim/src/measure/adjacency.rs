//! Who is linked with whom at one moment, in a form that algorithms walk quickly.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Life, Sample};

/// The peers that answered, and the links on which both ends agree.
#[derive(Clone, Debug, Default)]
pub struct Adjacency {
    /// The peers, in order.
    pub peers: Vec<Life>,
    /// Of each the places of those it is linked with, in order.
    pub links: Vec<Vec<u32>>,
}

impl Adjacency {
    /// Of one sample.
    pub fn of(sample: &Sample) -> Self {
        let peers = sample.nodes.iter().filter(|(life, _)| life.host.is_peer());
        let views: BTreeMap<Life, BTreeSet<Life>> = peers
            .map(|(life, view)| (*life, view.neighbors.iter().flatten().copied().collect()))
            .collect();
        let places: BTreeMap<Life, u32> = views.keys().copied().zip(0..).collect();
        let agreed = |life: &Life, theirs: &BTreeSet<Life>| {
            let agrees = |it: &&Life| views.get(it).is_some_and(|back| back.contains(life));
            theirs.iter().filter(agrees).map(|it| places[it]).collect()
        };
        let links = views.iter().map(|(life, theirs)| agreed(life, theirs)).collect();
        Self { peers: views.into_keys().collect(), links }
    }

    /// The places of those that the peer at a place is linked with, in order.
    pub fn of_peer(&self, place: usize) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.links[place].iter().map(|it| index(*it))
    }

    /// Whether two places are linked.
    pub fn is_linked(&self, a: usize, b: u32) -> bool {
        self.links[a].binary_search(&b).is_ok()
    }
}

/// A place as an index.
pub(super) fn index(place: u32) -> usize {
    usize::try_from(place).expect("an index in memory")
}
