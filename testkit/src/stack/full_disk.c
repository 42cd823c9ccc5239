/* A disk that is full while the file named by WEIR_FULL_DISK is there: what a file has it keeps, no file grows. By LD_PRELOAD,
 * for mariadbd and for an engine with SQLite. What InnoDB writes asynchronously goes to space that it has, as on a real disk.
 * The folder of WEIR_FULL_TEMPORARY, if there is one, is on it too: no temporary file there is written at all. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static int is_temporary(int fd) {
    char link[64], path[4096];
    const char *folder = getenv("WEIR_FULL_TEMPORARY");
    if (!folder) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path);
    return size >= (ssize_t)strlen(folder) && memcmp(path, folder, strlen(folder)) == 0;
}

ssize_t write(int fd, const void *bytes, size_t size) {
    if (is_full() && is_temporary(fd)) return errno = ENOSPC, -1;
    return REAL(write)(fd, bytes, size);
}
