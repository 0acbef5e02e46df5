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

const EVERYTHING: &str = "input t[6] int(9)
input x[2, 8, 8]
param E[9, 5] ~ normal(0, 1)
param V[5, 5] ~ normal(0, 1)
param K[3, 2, 3, 3] ~ normal(0, 1)
h[s:-1, i] = 0
h[s, i] = tanh(E[t[s], i] + V[i,j] h[s-1,j])
z[o, r:4, s:4] = K[o,c,u,v] pad(x)[c, 2*r+u-1, 2*s+v-1]
m[o, r:2] = max[s:4, u:2] z[o, 2*r+u, s]
loss = sum[s, i] h[s,i]^2 + sum[o, r] m[o,r]^2
";

/// Runs with gradient descent allocate nothing.
fn check(text: &str, batch: usize) {
    let backward = gradients(&build(text));
    let pairs = pairs(&backward.model);
    let given = random(&backward.model, batch, &mut Dice::new(1));
    let mut engine = engine(&backward.model, &given, &[LOSS.into()], batch, &pairs);
    // The first run of a thread makes room for its tiles.
    engine.run(0.1);
    let before = COUNT.load(Ordering::Relaxed);
    for _ in 0..10 {
        engine.run(0.1);
    }
    assert_eq!(COUNT.load(Ordering::Relaxed), before);
}

#[test]
fn runs_allocate_nothing() {
    check(include_str!("../../../models/attention.dr"), 200);
    check(EVERYTHING, 30);
}
