//! How many pools glibc's `malloc` keeps. Records are allocated by librdkafka's threads and freed by workers, so each pool
//! holds on to what its threads once had in flight; eight a core, glibc's own bound, came to a quarter of the engine's
//! memory (docs/performance.md).
#![allow(unsafe_code)]

/// Enough that threads seldom wait for each other.
const A_WORKER: usize = 2;

/// Bounds glibc's pools to what so many workers need. To be called before any thread is started. `MALLOC_ARENA_MAX` in the
/// environment has precedence; `GLIBC_TUNABLES` has not.
pub(crate) fn bound(workers: usize) {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if std::env::var_os("MALLOC_ARENA_MAX").is_none() {
        let most = i32::try_from(workers * A_WORKER).unwrap_or(i32::MAX);
        // SAFETY: sets a number inside glibc, which takes its own lock for it. A number that it does not like changes nothing.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, most) };
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let _ = workers;
}
