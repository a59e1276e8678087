//! A list in pieces of one size, for what grows long: a list that grows by doubling has room for up to
//! twice what it holds, and moves all of it each time.

/// Items of a sheet.
const SHEET: usize = 256;

/// Items in the order in which they were added.
#[derive(Debug)]
pub(crate) struct Sheets<T>(Vec<Vec<T>>);

impl<T> Sheets<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, item: T) {
        match self.0.last_mut() {
            Some(sheet) if sheet.len() < SHEET => sheet.push(item),
            last => {
                let mut sheet = Vec::with_capacity(if last.is_some() { SHEET } else { 1 });
                sheet.push(item);
                self.0.push(sheet);
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
        for mut sheet in self.0.drain(..) {
            list.append(&mut sheet);
        }
    }
}

impl<T> Default for Sheets<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Extend<T> for Sheets<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        items.into_iter().for_each(|item| self.push(item));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheets_keep_the_order_and_little_room() {
        let mut sheets = Sheets::default();
        assert!(sheets.is_empty());
        sheets.extend(0..9_000);
        let mut other = Sheets::default();
        other.extend(9_000..10_000);
        sheets.append(other);
        assert!(!sheets.is_empty());
        let room: usize = sheets.0.iter().map(Vec::capacity).sum();
        assert!(room < 10_000 + 2 * SHEET, "{room}");
        let mut list = vec![-1];
        sheets.move_into(&mut list);
        assert!(list.into_iter().eq(-1..10_000) && sheets.is_empty());
    }
}
