//! Work on all processors.

use std::sync::atomic::{AtomicUsize, Ordering};

/// What becomes of each, on all processors; in the order of the list.
pub fn in_parallel<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, work) = (AtomicUsize::new(0), &work);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let mut found: Vec<(usize, R)> = std::thread::scope(|scope| {
        let take = || {
            let mut own = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(one) = all.get(number) else { return own };
                own.push((number, work(one)));
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(take)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    found.sort_by_key(|(number, _)| *number);
    found.into_iter().map(|(_, one)| one).collect()
}
