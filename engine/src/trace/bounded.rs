//! Lists that keep the beginning, and more of what matters.

/// A list that keeps so many items, and so many more of those that matter; the others are counted.
#[derive(Debug)]
pub(crate) struct Bounded<T> {
    pub(crate) items: Vec<T>,
    pub(crate) beyond: usize,
    ordinary: Room,
    telling: Room,
    /// An ordinary item found no room, and none does from then on, so that the beginning has no gaps.
    is_closed: bool,
}

/// How many items, and how much of whatever they cost, there is room for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) items: usize,
    pub(crate) cost: usize,
}

impl Room {
    fn take(&mut self, cost: usize) -> bool {
        let (Some(items), Some(cost)) = (self.items.checked_sub(1), self.cost.checked_sub(cost)) else {
            return false;
        };
        *self = Self { items, cost };
        true
    }
}

impl<T> Bounded<T> {
    /// Room for ordinary items and for those that matter.
    pub(crate) fn new(ordinary: Room, telling: Room) -> Self {
        Self {
            items: Vec::new(),
            beyond: 0,
            ordinary,
            telling,
            is_closed: false,
        }
    }

    /// Room for some items, whatever they are.
    pub(crate) fn plain(items: usize) -> Self {
        let none = Room { items: 0, cost: 0 };
        Self::new(Room { items, cost: 0 }, none)
    }

    /// Whether only items that matter may still find room.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Counts an item that is not worth making, because it would find no room.
    pub(crate) fn pass(&mut self) {
        self.beyond += 1;
    }

    pub(crate) fn offer(&mut self, item: T, is_telling: bool, cost: usize) {
        let has_room = if is_telling {
            self.telling.take(cost) || self.ordinary.take(cost)
        } else {
            let has_room = !self.is_closed && self.ordinary.take(cost);
            self.is_closed = !has_room;
            has_room
        };
        if has_room {
            self.items.push(item);
        } else {
            self.beyond += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_has_room_of_its_own() {
        let mut list = Bounded::new(Room { items: 2, cost: 9 }, Room { items: 1, cost: 9 });
        for (item, is_telling, cost, is_closed) in [
            (1, false, 5, false),
            (2, false, 5, true),
            (3, true, 5, true),
            (4, true, 5, true),
            (6, false, 0, true),
            (5, true, 4, true),
        ] {
            list.offer(item, is_telling, cost);
            assert_eq!(list.is_closed(), is_closed, "{item}");
        }
        list.pass();
        assert_eq!((list.items.as_slice(), list.beyond), (&[1, 3, 5][..], 4));
    }
}
