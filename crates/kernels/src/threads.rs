//! Threads that work together. What is to be done is cut into units by its shape alone, and each unit is
//! done in the same way whoever takes it, so results do not depend on the number of threads. Workers
//! spin for a moment before they sleep: a hand-over then takes a fraction of a microsecond.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::null;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// How often a worker looks for work before it sleeps.
const SPINS: usize = 4000;
/// How often the one who waits for others looks before it lets other threads of the machine run.
const PATIENCE: usize = 2000;
/// The bits of a ticket that tell the next unit; those above tell the job.
const UNIT_BITS: u32 = 24;
const UNITS: u64 = (1 << UNIT_BITS) - 1;

/// Some threads that wait for work together with the one who has it.
///
/// ```
/// let mut team = deltarule_kernels::Team::new(2).unwrap();
/// assert_eq!(team.install(|| 1 + 1), 2);
/// ```
pub struct Team {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

/// What a job is: a function of the number of a unit.
type Job<'a> = &'a (dyn Fn(usize) + Sync);

/// What the threads of a team share.
struct Shared {
    /// The number of the job and of its next unit.
    ticket: AtomicU64,
    /// Where the job is, a [`Job`]; valid while units of it are not finished.
    job: AtomicPtr<Job<'static>>,
    count: AtomicUsize,
    /// How many threads there are, with the one that has the work.
    size: usize,
    /// How many units are finished.
    finished: AtomicUsize,
    /// How many workers sleep.
    asleep: AtomicUsize,
    ends: AtomicBool,
    /// Why a unit failed.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    threads: Mutex<Vec<thread::Thread>>,
}

thread_local! {
    /// The team in which this thread has work done.
    static CURRENT: Cell<*const Shared> = const { Cell::new(null()) };
}

impl Team {
    /// So many threads, the one that installs work among them; 0: one for each core.
    ///
    /// # Errors
    /// The system's, where it gives no threads.
    pub fn new(threads: usize) -> std::io::Result<Team> {
        let threads = match threads {
            0 => thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let shared = Arc::new(Shared {
            ticket: AtomicU64::new(UNITS),
            job: AtomicPtr::new(std::ptr::null_mut()),
            count: AtomicUsize::new(0),
            size: threads,
            finished: AtomicUsize::new(0),
            asleep: AtomicUsize::new(0),
            ends: AtomicBool::new(false),
            panic: Mutex::new(None),
            threads: Mutex::new(Vec::new()),
        });
        let mut team = Team { shared, workers: Vec::new() };
        for number in 1..threads {
            let shared = Arc::clone(&team.shared);
            let builder = thread::Builder::new().name(format!("deltarule {number}"));
            let worker = builder.spawn(move || shared.serve())?;
            if let Ok(mut threads) = team.shared.threads.lock() {
                threads.push(worker.thread().clone());
            }
            team.workers.push(worker);
        }
        Ok(team)
    }

    /// Does something; work that is cut into units is shared out among the team meanwhile.
    pub fn install<T>(&mut self, f: impl FnOnce() -> T) -> T {
        struct Restore(*const Shared);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0);
            }
        }
        let is_alone = self.workers.is_empty();
        let _restore = Restore(CURRENT.replace(if is_alone { null() } else { Arc::as_ptr(&self.shared) }));
        f()
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::SeqCst);
        self.workers.iter().for_each(|worker| worker.thread().unpark());
        for worker in self.workers.drain(..) {
            // A worker catches what its units throw.
            let _ = worker.join();
        }
    }
}

/// How many threads share the work that is cut here.
pub(crate) fn count() -> usize {
    // SAFETY: as in `each`.
    unsafe { CURRENT.get().as_ref() }.map_or(1, |shared| shared.size)
}

/// Calls `f` with all numbers below `count`, on the threads of the team this is called in.
pub(crate) fn each(count: usize, f: Job) {
    let current = CURRENT.get();
    if count <= 1 || count as u64 >= UNITS || current.is_null() {
        (0..count).for_each(f);
        return;
    }
    // Units have no units of their own.
    CURRENT.set(null());
    // SAFETY: `install` holds the team for as long as the pointer is there, and exclusively, so that no
    // other job is under way in it.
    let shared = unsafe { &*current };
    let failure = shared.run(count, f);
    CURRENT.set(current);
    if let Some(panic) = failure {
        resume_unwind(panic);
    }
}

impl Shared {
    /// Has a job done; gives back why a unit failed, if one did.
    fn run(&self, count: usize, f: Job) -> Option<Box<dyn Any + Send>> {
        let number = (self.ticket.load(Ordering::Relaxed) >> UNIT_BITS) + 1;
        // No unit can be taken while the job is being changed: whoever sees any of what follows fails to
        // take a unit of the job before.
        self.ticket.store(number << UNIT_BITS | UNITS, Ordering::Relaxed);
        fence(Ordering::Release);
        self.job.store((&raw const f).cast_mut().cast(), Ordering::Relaxed);
        self.count.store(count, Ordering::Relaxed);
        self.finished.store(0, Ordering::Relaxed);
        self.ticket.store((number + 1) << UNIT_BITS, Ordering::SeqCst);
        if self.asleep.load(Ordering::SeqCst) > 0
            && let Ok(threads) = self.threads.lock()
        {
            threads.iter().for_each(thread::Thread::unpark);
        }
        while self.take() {}
        let mut looks = 0;
        while self.finished.load(Ordering::Acquire) < count {
            looks += 1;
            if looks < PATIENCE { std::hint::spin_loop() } else { thread::yield_now() }
        }
        self.panic.lock().ok().and_then(|mut panic| panic.take())
    }

    /// Does a unit; false where there is none.
    fn take(&self) -> bool {
        let ticket = self.ticket.load(Ordering::Acquire);
        let unit = ticket & UNITS;
        let (job, count) = (self.job.load(Ordering::Relaxed), self.count.load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        if unit >= count as u64 {
            return false;
        }
        if self.ticket.compare_exchange(ticket, ticket + 1, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            // Others were faster: there may be more.
            return true;
        }
        // SAFETY: the ticket has not changed since before the job was read, so this is the job that it
        // belongs to, and it is there until all its units are finished, this one among them. It is a
        // `Job` on the stack of `run`, which waits for that, whatever its lifetime is called here.
        let f: Job = unsafe { *job };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| f(unit as usize)))
            && let Ok(mut first) = self.panic.lock()
        {
            first.get_or_insert(panic);
        }
        self.finished.fetch_add(1, Ordering::Release);
        true
    }

    /// What a worker does until the team ends.
    fn serve(&self) {
        let mut looks = 0;
        while !self.ends.load(Ordering::Relaxed) {
            if self.take() {
                looks = 0;
                continue;
            }
            looks += 1;
            if looks < SPINS {
                std::hint::spin_loop();
                continue;
            }
            // Whoever publishes a job now sees that someone sleeps, or else the job is seen here.
            self.asleep.fetch_add(1, Ordering::SeqCst);
            let idle = self.ticket.load(Ordering::SeqCst) & UNITS >= self.count.load(Ordering::SeqCst) as u64;
            if idle && !self.ends.load(Ordering::SeqCst) {
                thread::park();
            }
            self.asleep.fetch_sub(1, Ordering::SeqCst);
            looks = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_done_once() {
        for threads in 1..=5 {
            let mut team = Team::new(threads).unwrap();
            for round in 0..400 {
                let count = round % 37;
                let done: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
                team.install(|| each(count, &|unit| _ = done[unit].fetch_add(1, Ordering::Relaxed)));
                assert!(done.iter().all(|times| times.load(Ordering::Relaxed) == 1), "{threads} {round}");
                if round % 100 == 99 {
                    // Long enough for all to sleep.
                    thread::sleep(std::time::Duration::from_millis(5));
                }
            }
        }
    }

    #[test]
    fn a_unit_that_fails_fails_the_job_and_the_team_goes_on() {
        let mut team = Team::new(3).unwrap();
        let failing = || each(9, &|unit| assert!(unit != 5, "five"));
        assert!(catch_unwind(AssertUnwindSafe(|| team.install(failing))).is_err());
        let sum = AtomicUsize::new(0);
        team.install(|| each(9, &|unit| _ = sum.fetch_add(unit, Ordering::Relaxed)));
        assert_eq!(sum.into_inner(), 36);
    }
}
