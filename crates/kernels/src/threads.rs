//! Work in pieces, which threads take as they become free.

/// Calls `f` with all numbers below `count`, on the threads of the pool this is called in.
pub(crate) fn each(count: usize, f: &(dyn Fn(usize) + Sync)) {
    if count <= 1 || rayon::current_num_threads() == 1 {
        (0..count).for_each(f);
        return;
    }
    halves(0, count, f);
}

fn halves(from: usize, to: usize, f: &(dyn Fn(usize) + Sync)) {
    if to - from == 1 {
        return f(from);
    }
    let middle = from + (to - from) / 2;
    rayon::join(|| halves(from, middle, f), || halves(middle, to, f));
}
