/* A wall clock that a test sets, preloaded into an engine: $WEIR_TEST_CLOCK holds the seconds to add. Waits for a point in
 * time behave as the kernel's do when the clock is set: who waits for 12:00 waits longer when 12 becomes 11. libfaketime
 * knows no cnd_timedwait, which is what librdkafka waits with. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static long long offset(void) {
    char text[32] = {0};
    int file = open(getenv("WEIR_TEST_CLOCK"), O_RDONLY | O_CLOEXEC);
    if (file < 0 || read(file, text, sizeof text - 1) <= 0) abort();
    close(file);
    return atoll(text);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += offset();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec at;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &at);
    now->tv_sec = at.tv_sec;
    now->tv_usec = at.tv_nsec / 1000;
    return 0;
}

int timespec_get(struct timespec *now, int base) {
    clock_gettime(CLOCK_REALTIME, now);
    return base;
}

static int is_over(const struct timespec *until) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec > until->tv_sec || (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec);
}

int cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict lock, const struct timespec *restrict until) {
    static int (*wait)(cnd_t *, mtx_t *, const struct timespec *);
    if (!wait) wait = (int (*)(cnd_t *, mtx_t *, const struct timespec *))dlsym(RTLD_NEXT, "cnd_timedwait");
    for (;;) {
        /* The real wait goes by the real clock: in slices, to see when this one is set. */
        struct timespec now, slice;
        if (is_over(until)) return thrd_timedout;
        clock_gettime(CLOCK_REALTIME, &now);
        syscall(SYS_clock_gettime, CLOCK_REALTIME, &slice);
        long long left = (until->tv_sec - now.tv_sec) * 1000000000LL + until->tv_nsec - now.tv_nsec;
        if (left > 20000000) left = 20000000;
        slice.tv_nsec += (long)left;
        if (slice.tv_nsec >= 1000000000L) { slice.tv_nsec -= 1000000000L; slice.tv_sec++; }
        int ended = wait(cond, lock, &slice);
        if (ended != thrd_timedout) return ended;
    }
}
