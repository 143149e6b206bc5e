// A disk that fails, for a process that loads this before libc: see FaultyDisk.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int setting(const char *name)
{
    const char *value = getenv(name);
    return value ? atoi(value) : 0;
}

// FAULT_FSYNC_FILE and FAULT_FSYNC_FOLDER: the error of every flush.
int fsync(int file)
{
    struct stat status;
    int error = 0;
    if (fstat(file, &status) == 0)
        error = setting(S_ISDIR(status.st_mode) ? "FAULT_FSYNC_FOLDER" : "FAULT_FSYNC_FILE");
    if (error)
    {
        errno = error;
        return -1;
    }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file);
}

// FAULT_ROOM: the bytes that find room in unfinished files; none if it is not set.
static int is_full(int file, size_t count)
{
    static size_t written;
    char link[64], path[4096];
    if (!getenv("FAULT_ROOM"))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 8)
        return 0;
    path[length] = 0;
    if (!strstr(path, ".partial"))
        return 0;
    if (__atomic_add_fetch(&written, count, __ATOMIC_RELAXED) <= (size_t)setting("FAULT_ROOM"))
        return 0;
    errno = ENOSPC;
    return 1;
}

ssize_t write(int file, const void *bytes, size_t count)
{
    return is_full(file, count) ? -1 : ((ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write"))(file, bytes, count);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset)
{
    return is_full(file, count) ? -1 : ((ssize_t (*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite64"))(file, bytes, count, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset)
{
    return pwrite(file, bytes, count, offset);
}
