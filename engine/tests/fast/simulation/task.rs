//! A future that runs only when the schedule says so. It is ready to go on when its waker was called: at a scheduling
//! point at once, in a pause when time has passed, at a lock when it is free.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use weir::checkpoint::{ClaimError, ClaimResult, Failed};

/// What a task came to.
pub(crate) enum Done {
    Claimed(Result<ClaimResult, ClaimError>),
    Checkpointed(Result<(), Failed>),
    Cleared,
    /// A look at the rules, or a scan of their directory.
    Ruled,
    Panicked,
}

pub(crate) type Work = Pin<Box<dyn Future<Output = Done> + Send>>;

struct Ready(AtomicBool);

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// See the module.
pub(crate) struct Task {
    work: Option<Work>,
    ready: Arc<Ready>,
    waker: Waker,
    done: Option<Done>,
    /// It ended its last turn in a pause or at a lock, not at a scheduling point.
    parked: bool,
}

impl Task {
    pub(crate) fn new(work: Work) -> Self {
        let ready = Arc::new(Ready(AtomicBool::new(true)));
        Self { work: Some(work), waker: ready.clone().into(), ready, done: None, parked: false }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.work.is_some() && self.ready.0.load(Ordering::Relaxed)
    }

    /// Waits for time, or for a lock.
    pub(crate) fn is_waiting(&self) -> bool {
        self.work.is_some() && !self.ready.0.load(Ordering::Relaxed)
    }

    /// What it waited for has come.
    pub(crate) fn is_woken(&self) -> bool {
        self.parked && self.is_ready()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.work.is_none()
    }

    /// Goes on to its next scheduling point, or pause, or end.
    pub(crate) fn go_on(&mut self) {
        let Some(work) = &mut self.work else { return };
        self.ready.0.store(false, Ordering::Relaxed);
        // Tokio's budget of a task would end in the middle of a schedule, and locks that are free seem taken.
        let mut work = tokio::task::unconstrained(work.as_mut());
        let polled = std::pin::Pin::new(&mut work).poll(&mut Context::from_waker(&self.waker));
        if let Poll::Ready(done) = polled {
            self.done = Some(done);
            self.work = None;
        }
        self.parked = !self.ready.0.load(Ordering::Relaxed);
    }

    pub(crate) fn result(&mut self) -> Option<Done> {
        self.done.take()
    }

    /// It ends where it is: whatever it held is dropped, as when a panic unwinds.
    pub(crate) fn panic(&mut self) {
        self.work = None;
        self.done = Some(Done::Panicked);
    }
}
