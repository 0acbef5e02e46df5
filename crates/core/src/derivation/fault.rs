//! Rules that are wrong on purpose: tests plant a fault in one and ask whether the check of a derivation sees it.
//! The replay does not, since it goes by the same rule.

use crate::term::Term;
use std::cell::RefCell;

/// A fault in a rule of the table.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// The name of the rule.
    pub rule: &'static str,
    /// What is made of the term that the rule fits and of its right side.
    pub change: fn(&Term, &Term) -> Term,
}

thread_local! {
    static PLANTED: RefCell<Option<Fault>> = const { RefCell::new(None) };
}

/// Does something while a rule is wrong, on this thread.
pub fn with_fault<T>(fault: Fault, work: impl FnOnce() -> T) -> T {
    /// Takes the fault away also where `work` panics.
    struct Planted;
    impl Drop for Planted {
        fn drop(&mut self) {
            PLANTED.set(None);
        }
    }
    PLANTED.set(Some(fault));
    let _planted = Planted;
    work()
}

/// The right side of a rule, as a planted fault changes it.
pub(super) fn planted(rule: &str, before: &Term, after: Term) -> Term {
    match PLANTED.with_borrow(|fault| fault.filter(|fault| fault.rule == rule)) {
        Some(fault) => (fault.change)(before, &after),
        None => after,
    }
}
