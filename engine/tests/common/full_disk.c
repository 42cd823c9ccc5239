/* A disk that is full while the file named by WEIR_FULL_DISK is there: what a file has it keeps, no file grows. By LD_PRELOAD,
 * for mariadbd and for an engine with SQLite. What InnoDB writes asynchronously goes to space that it has, as on a real disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_full(void) {
    const char *flag = getenv("WEIR_FULL_DISK");
    return flag && access(flag, F_OK) == 0;
}

static int must_grow(int fd, off_t end) {
    struct stat file;
    return is_full() && fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && end > file.st_size;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define ALLOCATE(name)                                     \
    int name(int fd, off_t at, off_t size) {               \
        if (must_grow(fd, at + size)) return ENOSPC;       \
        return REAL(name)(fd, at, size);                   \
    }
ALLOCATE(posix_fallocate)
ALLOCATE(posix_fallocate64)

#define LENGTHEN(name)                                     \
    int name(int fd, off_t size) {                         \
        if (must_grow(fd, size)) return errno = ENOSPC, -1; \
        return REAL(name)(fd, size);                       \
    }
LENGTHEN(ftruncate)
LENGTHEN(ftruncate64)

#define WRITE(name)                                                       \
    ssize_t name(int fd, const void *bytes, size_t size, off_t at) {      \
        if (must_grow(fd, at + (off_t)size)) return errno = ENOSPC, -1;   \
        return REAL(name)(fd, bytes, size, at);                           \
    }
WRITE(pwrite)
WRITE(pwrite64)
