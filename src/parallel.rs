//! Work on all cores, with the results in the order of the work.

use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Syntax trees can be deep, and a thread has 2 MiB of stack by default.
pub const STACK_BYTES: usize = 16 * 1024 * 1024;

/// Items in progress or waiting to be taken, for each thread. More would keep the threads busy longer while one item is
/// slow, but each result waits in memory with all that was read for it.
const AHEAD: usize = 3;

/// How often a waiting caller is notified.
const TICK: Duration = Duration::from_millis(100);

/// What happens while items are worked on.
pub enum Event<'i, I, T> {
    /// An item is done, and so were all before it.
    Done(&'i I, T),
    /// Nothing, for a moment: the next item takes a while.
    Waiting,
}

/// An item, and where its result goes.
type Job<'i, I, T> = (&'i I, SyncSender<T>);

/// Applies `make` to every item, on all cores, and passes each result to `take`, on this thread and in the order of the
/// items. The first error of `take` ends the work. Only a few results are held at a time, however many items there are.
///
/// # Panics
/// If `make` does.
pub fn in_order<'i, I: Sync, T: Send, E>(
    items: &'i [I],
    make: impl Fn(&'i I) -> T + Sync,
    mut take: impl FnMut(Event<'i, I, T>) -> Result<(), E>,
) -> Result<(), E> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (hand_out, jobs) = mpsc::channel::<Job<'_, I, T>>();
    let jobs = Mutex::new(jobs);
    thread::scope(|scope| {
        // Dropped at the end of this scope: then the threads end.
        let hand_out = hand_out;
        let start = || {
            let thread = thread::Builder::new().name("worker".to_owned()).stack_size(STACK_BYTES);
            thread.spawn_scoped(scope, || work(&jobs, &make))
        };
        let threads = (0..cores.min(items.len())).map_while(|_| start().ok()).count();
        if threads == 0 {
            return items.iter().try_for_each(|item| take(Event::Done(item, make(item))));
        }
        let mut left = items.iter();
        let mut waiting = VecDeque::new();
        loop {
            for item in left.by_ref().take(threads * AHEAD - waiting.len()) {
                let (done, result) = mpsc::sync_channel(1);
                waiting.push_back((item, result));
                // The receiver lives as long as the scope.
                let _ = hand_out.send((item, done));
            }
            let Some((item, result)) = waiting.pop_front() else { return Ok(()) };
            // If its thread panicked, the scope does so too, at its end.
            let Some(result) = wait(&result, || take(Event::Waiting))? else { return Ok(()) };
            take(Event::Done(item, result))?;
        }
    })
}

fn work<'i, I, T>(jobs: &Mutex<Receiver<Job<'i, I, T>>>, make: impl Fn(&'i I) -> T) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((item, done)) = job else { return };
        // If the receiver is gone, the result is not needed.
        let _ = done.send(make(item));
    }
}

/// The result; `None` if the thread that was to send it is gone.
fn wait<T, E>(result: &Receiver<T>, mut tick: impl FnMut() -> Result<(), E>) -> Result<Option<T>, E> {
    loop {
        match result.recv_timeout(TICK) {
            Ok(result) => return Ok(Some(result)),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => tick()?,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn cores() -> usize {
        thread::available_parallelism().unwrap().get()
    }

    /// The results that `take` gets until it fails at `end`, if that is one of them.
    fn taken(items: &[usize], end: usize, make: impl Fn(&usize) -> usize + Sync) -> (Vec<usize>, Result<(), usize>) {
        let mut taken = Vec::new();
        let result = in_order(items, make, |event| match event {
            Event::Done(_, result) if result == end => Err(result),
            Event::Done(item, result) => {
                assert_eq!(*item, result);
                taken.push(result);
                Ok(())
            }
            Event::Waiting => Ok(()),
        });
        (taken, result)
    }

    #[test]
    fn results_come_in_the_order_of_the_items_whichever_is_done_first() {
        let items: Vec<usize> = (0..100).collect();
        let (later_is_done, told) = (Mutex::new(cores() == 1), Condvar::new());
        let make = |item: &usize| {
            // The first waits for another one.
            let mut done = later_is_done.lock().unwrap();
            if *item == 0 {
                done = told.wait_while(done, |done| !*done).unwrap();
            } else {
                *done = true;
                told.notify_all();
            }
            drop(done);
            *item
        };
        assert_eq!(taken(&items, usize::MAX, make), (items.clone(), Ok(())));
        assert_eq!(taken(&[], usize::MAX, |item| *item), (Vec::new(), Ok(())));
    }

    #[test]
    fn the_first_error_ends_the_work() {
        let items: Vec<usize> = (0..10_000).collect();
        let made = AtomicUsize::new(0);
        let make = |item: &usize| {
            made.fetch_add(1, Ordering::Relaxed);
            *item
        };
        assert_eq!(taken(&items, 3, make), (vec![0, 1, 2], Err(3)));
        assert!(made.into_inner() <= 4 + cores() * AHEAD);
    }

    #[test]
    fn only_a_few_results_are_held_at_a_time() {
        let items: Vec<usize> = (0..1000).collect();
        let held = AtomicUsize::new(0);
        let most = AtomicUsize::new(0);
        let make = |_: &usize| most.fetch_max(held.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let result = in_order(&items, make, |event| {
            if let Event::Done(..) = event {
                held.fetch_sub(1, Ordering::SeqCst);
            }
            Ok::<_, ()>(())
        });
        assert_eq!(result, Ok(()));
        assert!(most.into_inner() <= cores() * AHEAD);
    }

    #[test]
    #[should_panic(expected = "panicked")]
    fn a_panic_is_passed_on() {
        let _ = in_order(&[1, 2, 3], |item| assert_ne!(*item, 2), |_| Ok::<_, ()>(()));
    }
}
