//! A list in pieces of one size, for what grows long: a list that grows by doubling has room for up to
//! twice what it holds, and moves all of it each time.

/// Items of a chunk.
const CHUNK: usize = 256;

/// Items in the order in which they were added.
#[derive(Debug)]
pub(crate) struct ChunkedVec<T>(Vec<Vec<T>>);

impl<T> ChunkedVec<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, item: T) {
        match self.0.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(item),
            last => {
                let mut chunk = Vec::with_capacity(if last.is_some() { CHUNK } else { 1 });
                chunk.push(item);
                self.0.push(chunk);
            }
        }
    }

    /// Takes over all items of another one.
    pub(crate) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Moves all items behind those of a list.
    pub(crate) fn move_into(&mut self, list: &mut Vec<T>) {
        list.reserve(self.0.iter().map(Vec::len).sum());
        for mut chunk in self.0.drain(..) {
            list.append(&mut chunk);
        }
    }
}

impl<T> Default for ChunkedVec<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Extend<T> for ChunkedVec<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        items.into_iter().for_each(|item| self.push(item));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_keep_the_order_and_little_room() {
        let mut chunks = ChunkedVec::default();
        assert!(chunks.is_empty());
        chunks.extend(0..9_000);
        let mut other = ChunkedVec::default();
        other.extend(9_000..10_000);
        chunks.append(other);
        assert!(!chunks.is_empty());
        let room: usize = chunks.0.iter().map(Vec::capacity).sum();
        assert!(room < 10_000 + 2 * CHUNK, "{room}");
        let mut list = vec![-1];
        chunks.move_into(&mut list);
        assert!(list.into_iter().eq(-1..10_000) && chunks.is_empty());
    }
}
