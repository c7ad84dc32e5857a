//! Decides which caller gets the next slot for a connection. It only keeps the books: it neither connects nor waits.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;

/// Number of callers of one database in a row that get the same connection while callers of other databases wait.
/// Handing a connection on costs nothing; connecting to another database costs about 2 ms.
const IN_A_ROW: u32 = 8;

/// The slots for connections of one server. `K` names a database, `C` is an open connection, `W` a waiting caller.
#[derive(Debug)]
pub(super) struct Budget<K, C, W> {
    most: usize,
    share: usize,
    /// Slots in use: of connections that are leased, idle, being opened or being closed.
    taken: usize,
    leased: HashMap<K, usize>,
    idle: Idle<K, C>,
    waiting: HashMap<K, VecDeque<W>>,
    /// Databases with waiting callers, in the order of their turns.
    turns: VecDeque<K>,
    /// The database that was served last, and the number of times in a row.
    streak: Option<(K, u32)>,
}

/// A slot for a connection to the caller's database.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Grant<C> {
    /// An idle connection to the caller's database.
    Ready(C),
    /// A connection to another database, whose slot this is. Close it before opening one.
    Replace(C),
    /// A free slot.
    Free,
}

impl<K: Clone + Eq + Hash, C, W> Budget<K, C, W> {
    /// Returns a budget of `most` slots, of which one database may hold `share`. Both are at least 1.
    pub(super) fn new(most: usize, share: usize) -> Self {
        let most = most.max(1);
        Self {
            most,
            share: share.clamp(1, most),
            taken: 0,
            leased: HashMap::new(),
            idle: Idle::new(),
            waiting: HashMap::new(),
            turns: VecDeque::new(),
            streak: None,
        }
    }

    /// Grants a slot now; `None` if the caller must wait. Prefers a connection that `fits`.
    pub(super) fn take(&mut self, key: &K, fits: impl Fn(&C) -> bool) -> Option<Grant<C>> {
        if !self.has_share(key) {
            return None;
        }
        let grant = if let Some(connection) = self.idle.pop(key, fits) {
            Grant::Ready(connection)
        } else if self.taken < self.most {
            self.taken += 1;
            Grant::Free
        } else {
            Grant::Replace(self.idle.pop_oldest()?.1)
        };
        *self.leased.entry(key.clone()).or_default() += 1;
        Some(grant)
    }

    /// Adds a caller to the queue of its database.
    pub(super) fn wait(&mut self, key: &K, caller: W) {
        let queue = self.waiting.entry(key.clone()).or_default();
        if queue.is_empty() {
            self.turns.push_back(key.clone());
        }
        queue.push_back(caller);
    }

    /// Ends a lease of `key`. `connection` is its connection, with the database that it belongs to, if the connection
    /// is open and clean. Without it, the slot becomes free. Call [`Budget::next`] afterwards.
    pub(super) fn give_back(&mut self, key: &K, connection: Option<(K, C)>) {
        match self.leased.get_mut(key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(self.leased.remove(key)),
        }
        match connection {
            Some((of, connection)) => self.idle.push(of, connection),
            None => self.taken -= 1,
        }
    }

    /// Returns the next waiting caller that can get a slot, with its database and the slot. `last` is the database
    /// whose connection was just given back.
    pub(super) fn next(&mut self, last: &K) -> Option<(W, K, Grant<C>)> {
        if self.turns.is_empty() || (self.taken == self.most && self.idle.is_empty()) {
            return None;
        }
        let key = self.turn(last)?;
        let grant = self.take(&key, |_| true)?;
        let queue = self.waiting.get_mut(&key)?;
        let caller = queue.pop_front()?;
        if queue.is_empty() {
            self.waiting.remove(&key);
            self.turns.retain(|turn| *turn != key);
        }
        Some((caller, key, grant))
    }

    /// Chooses the database whose turn it is.
    fn turn(&mut self, last: &K) -> Option<K> {
        let in_a_row = match &self.streak {
            Some((key, count)) if key == last => *count,
            _ => 0,
        };
        if in_a_row < IN_A_ROW && self.waiting.contains_key(last) && self.has_share(last) {
            self.streak = Some((last.clone(), in_a_row + 1));
            return Some(last.clone());
        }
        let position = self.turns.iter().position(|key| self.has_share(key))?;
        let key = self.turns.remove(position)?;
        self.turns.push_back(key.clone());
        self.streak = Some((key.clone(), 1));
        Some(key)
    }

    fn has_share(&self, key: &K) -> bool {
        self.leased.get(key).is_none_or(|count| *count < self.share)
    }

    /// Removes the connections that became idle before number `stamp`. Their slots stay taken until [`Budget::closed`].
    pub(super) fn idle_before(&mut self, stamp: u64) -> Vec<C> {
        let mut old = Vec::new();
        while let Some(connection) = self.idle.pop_before(stamp) {
            old.push(connection);
        }
        old
    }

    /// Frees the slot of an idle connection that was closed.
    pub(super) fn closed(&mut self) {
        self.taken -= 1;
    }

    /// Returns the number that the next idle connection gets.
    pub(super) fn stamp(&self) -> u64 {
        self.idle.next
    }

    /// Returns the number of connections, and how many of them are idle.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.taken, self.idle.by_age.len())
    }

    /// Returns the callers that wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &W> {
        self.waiting.values().flatten()
    }
}

/// Open connections that are not leased.
#[derive(Debug)]
struct Idle<K, C> {
    /// Number of the next connection that becomes idle.
    next: u64,
    by_age: BTreeMap<u64, (K, C)>,
    by_key: HashMap<K, Vec<u64>>,
}

impl<K: Clone + Eq + Hash, C> Idle<K, C> {
    fn new() -> Self {
        Self { next: 0, by_age: BTreeMap::new(), by_key: HashMap::new() }
    }

    fn is_empty(&self) -> bool {
        self.by_age.is_empty()
    }

    fn push(&mut self, key: K, connection: C) {
        self.by_key.entry(key.clone()).or_default().push(self.next);
        self.by_age.insert(self.next, (key, connection));
        self.next += 1;
    }

    /// Takes the connection of `key` that was used last. Prefers connections that fit.
    fn pop(&mut self, key: &K, fits: impl Fn(&C) -> bool) -> Option<C> {
        let numbers = self.by_key.get(key)?;
        let is_fit = |number: &&u64| self.by_age.get(number).is_some_and(|(_, connection)| fits(connection));
        let number = *numbers.iter().rev().find(is_fit).or(numbers.last())?;
        self.remove(number).map(|(_, connection)| connection)
    }

    fn pop_oldest(&mut self) -> Option<(K, C)> {
        let number = *self.by_age.keys().next()?;
        self.remove(number)
    }

    fn pop_before(&mut self, stamp: u64) -> Option<C> {
        let number = *self.by_age.keys().next().filter(|number| **number < stamp)?;
        self.remove(number).map(|(_, connection)| connection)
    }

    fn remove(&mut self, number: u64) -> Option<(K, C)> {
        let (key, connection) = self.by_age.remove(&number)?;
        if let Some(numbers) = self.by_key.get_mut(&key) {
            numbers.retain(|of| *of != number);
            if numbers.is_empty() {
                self.by_key.remove(&key);
            }
        }
        Some((key, connection))
    }
}
