//! Who watches which stream's pictures. In: the board's newest pictures. Out: each watcher's newest ones, never a
//! backlog; and for the streams' threads whether anybody watches at all.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::Notify;

use super::event::VerdictState;

/// A picture as it goes over the wire: u32 little-endian length of the header, the header (JSON), the JPEG.
pub type Picture = Arc<[u8]>;

/// Puts a frame's picture behind the verdict of that same frame.
pub fn picture(header: &VerdictState, jpeg: &[u8]) -> Picture {
    // Serialising numbers, strings and lists of them into memory cannot fail.
    let header = serde_json::to_vec(header).expect("a verdict can be serialised");
    let mut bytes = Vec::with_capacity(4 + header.len() + jpeg.len());
    // A header has a few KB; it cannot reach 4 GiB.
    bytes.extend_from_slice(&(header.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(jpeg);
    bytes.into()
}

/// All watchers of this program.
#[derive(Default)]
pub struct Watchers {
    all: RwLock<Vec<Arc<Slots>>>,
}

#[derive(Default)]
struct Slots {
    inner: Mutex<Inner>,
    filled: Notify,
}

#[derive(Default)]
struct Inner {
    wanted: HashSet<String>,
    /// At most one picture a stream, the one that waits longest first.
    waiting: VecDeque<(String, Picture)>,
}

impl Slots {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watchers {
    /// A new watcher, who wants nothing yet.
    pub fn join(self: &Arc<Self>) -> Watcher {
        let slots = Arc::<Slots>::default();
        self.all.write().unwrap_or_else(PoisonError::into_inner).push(slots.clone());
        Watcher { watchers: self.clone(), slots }
    }

    /// Whether anybody wants pictures of this stream.
    pub fn watched(&self, stream: &str) -> bool {
        self.all().iter().any(|slots| slots.lock().wanted.contains(stream))
    }

    /// Hands a stream's newest picture to those who want it; one that they have not taken yet is replaced.
    pub fn show(&self, stream: &str, picture: &Picture) {
        for slots in self.all().iter() {
            let mut inner = slots.lock();
            if !inner.wanted.contains(stream) {
                continue;
            }
            match inner.waiting.iter_mut().find(|(id, _)| id == stream) {
                Some((_, waiting)) => waiting.clone_from(picture),
                None => inner.waiting.push_back((stream.to_owned(), picture.clone())),
            }
            drop(inner);
            slots.filled.notify_one();
        }
    }

    fn all(&self) -> std::sync::RwLockReadGuard<'_, Vec<Arc<Slots>>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One client's wishes and the pictures that wait for it. Dropping it ends the watching.
pub struct Watcher {
    watchers: Arc<Watchers>,
    slots: Arc<Slots>,
}

impl Watcher {
    /// From now on pictures of these streams and no others.
    pub fn want(&self, streams: impl IntoIterator<Item = String>) {
        let mut inner = self.slots.lock();
        inner.wanted = streams.into_iter().collect();
        let Inner { wanted, waiting } = &mut *inner;
        waiting.retain(|(stream, _)| wanted.contains(stream));
    }

    /// Waits for the next picture. Losing the future loses no picture.
    pub async fn next(&self) -> Picture {
        loop {
            if let Some((_, picture)) = self.slots.lock().waiting.pop_front() {
                return picture;
            }
            self.slots.filled.notified().await;
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut all = self.watchers.all.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|slots| !Arc::ptr_eq(slots, &self.slots));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(watchers: &Arc<Watchers>, streams: &[&str]) -> Watcher {
        let watcher = watchers.join();
        watcher.want(streams.iter().map(|stream| stream.to_string()));
        watcher
    }

    #[test]
    fn a_stream_is_watched_while_somebody_wants_it() {
        let watchers = Arc::<Watchers>::default();
        assert!(!watchers.watched("a"));
        let (first, second) = (wants(&watchers, &["a", "b"]), wants(&watchers, &["a"]));
        first.want([]);
        assert!(watchers.watched("a") && !watchers.watched("b"));
        drop(second);
        assert!(!watchers.watched("a"));
    }

    #[tokio::test]
    async fn a_slow_watcher_gets_the_newest_picture_of_each_stream_in_turn() {
        let watchers = Arc::<Watchers>::default();
        let watcher = wants(&watchers, &["a", "b"]);
        for number in 0..10u8 {
            watchers.show("a", &Arc::from([number]));
            watchers.show("b", &Arc::from([100 + number]));
            watchers.show("c", &Arc::from([200]));
        }
        assert_eq!(*watcher.next().await, [9]);
        watchers.show("a", &Arc::from([10]));
        assert_eq!(*watcher.next().await, [109]);
        assert_eq!(*watcher.next().await, [10]);
        watchers.show("a", &Arc::from([11]));
        watcher.want(["b".to_string()]);
        watchers.show("b", &Arc::from([111]));
        assert_eq!(*watcher.next().await, [111]);
    }
}
