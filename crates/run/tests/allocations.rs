//! A run allocates nothing. By itself, since it counts for the whole process.

mod common;

use common::generator::Dice;
use common::{build, engine, gradients, pairs, random};
use deltarule_core::model::LOSS;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

static COUNT: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn runs_allocate_nothing() {
    let backward = gradients(&build(include_str!("../../../models/attention.dr")));
    let pairs = pairs(&backward.model);
    let given = random(&backward.model, 200, &mut Dice::new(1));
    let mut engine = engine(&backward.model, &given, &[LOSS.into(), "accuracy".into()], 200, &pairs);
    // The first run of a thread makes room for its tiles.
    engine.run(0.1);
    let before = COUNT.load(Ordering::Relaxed);
    for _ in 0..10 {
        engine.run(0.1);
    }
    assert_eq!(COUNT.load(Ordering::Relaxed), before);
}
