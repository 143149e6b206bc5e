// A CUDA driver for tests: kernels translated from their PTX for the processor, and streams that do nothing until they
// are waited for, or never, without a wait. So code that reads a result without waiting reads what was there before.
#include "stand_in.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <unistd.h>

enum { OUT_OF_MEMORY = 2, UNSUPPORTED_PTX_VERSION = 222, NOT_FOUND = 500, LAUNCH_FAILED = 719 };

typedef struct command
{
    struct command *next;
    const kernel *kernel;
    u32 groups;
    u32 group_size;
    unsigned long arguments[MOST_PARAMETERS];
    void *to;
    const void *from;
    size_t bytes;
} command;

typedef struct { command *first; command **end; } stream;

typedef struct { stream *recorded; command **end; } event;

static size_t memory_left = (size_t)1 << 40;

// For tests: how much the card still has.
void stand_in_limit_memory(size_t bytes) { memory_left = bytes; }

// For tests: what becomes of waiting for an event.
enum { WAITS_END, WAITS_ARE_LOST, WAITS_FAIL, WAITS_LAST };
static atomic_int waits = WAITS_END;
static atomic_int waiting;
void stand_in_set_waits(int outcome) { waits = outcome; }

// For tests: how many wait as long as waits last.
int stand_in_waiting(void) { return waiting; }

// For tests: the line of PTX without which a module is rejected as built for another version.
static const char *required_line = ".version";
void stand_in_require_ptx(const char *line) { required_line = line; }

static module *modules;
void stand_in_add(module *translated)
{
    translated->next = modules;
    modules = translated;
}

static void run(command *c)
{
    if (c->kernel == NULL)
    {
        memcpy(c->to, c->from, c->bytes);
        return;
    }
    void *parameters[MOST_PARAMETERS];
    for (int i = 0; i < MOST_PARAMETERS; i++)
        parameters[i] = &c->arguments[i];
    for (u32 group = 0; group < c->groups; group++)
    {
        for (u32 item = 0; item < c->group_size; item++)
            c->kernel->run(parameters, group, c->group_size, item);
    }
}

static void run_until(stream *s, command **end)
{
    while (s->first != NULL && &s->first != end)
    {
        command *c = s->first;
        run(c);
        s->first = c->next;
        int reached = &c->next == end;
        if (s->end == &c->next)
            s->end = &s->first;
        free(c);
        if (reached)
            break;
    }
}

static command *append(stream *s)
{
    command *c = calloc(1, sizeof *c);
    *s->end = c;
    s->end = &c->next;
    return c;
}

int cuInit(unsigned int flags) { return 0; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return 0; }
int cuDeviceGetName(char *name, int length, int device) { strncpy(name, "Stand-in", length); return 0; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = memory_left; return 0; }
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = &memory_left; return 0; }
int cuDevicePrimaryCtxRelease_v2(int device) { return 0; }
int cuCtxSetCurrent(void *context) { return 0; }
static int has_kernels_of(const char *ptx, const module *m)
{
    for (const kernel *k = m->kernels; k->name != NULL; k++)
    {
        char entry[80];
        snprintf(entry, sizeof entry, ".entry %s(", k->name);
        if (strstr(ptx, entry) == NULL)
            return 0;
    }
    return 1;
}

int cuModuleLoadDataEx(module **loaded, const char *ptx, unsigned int count, int *options, void **values)
{
    if (strstr(ptx, required_line) == NULL)
        return UNSUPPORTED_PTX_VERSION;
    for (*loaded = modules; *loaded != NULL; *loaded = (*loaded)->next)
    {
        if (has_kernels_of(ptx, *loaded))
            return 0;
    }
    return NOT_FOUND;
}
int cuModuleUnload(module *m) { return 0; }
int cuModuleGetFunction(const kernel **function, module *m, const char *name)
{
    for (const kernel *k = m->kernels; k->name != NULL; k++)
    {
        *function = k;
        if (strcmp(k->name, name) == 0)
            return 0;
    }
    return NOT_FOUND;
}
int cuMemGetInfo_v2(size_t *available, size_t *total) { *available = *total = memory_left; return 0; }
int cuMemAlloc_v2(void **buffer, size_t bytes)
{
    if (bytes > memory_left)
        return OUT_OF_MEMORY;
    memory_left -= bytes;
    *buffer = malloc(bytes);
    return 0;
}
int cuMemFree_v2(void *buffer) { free(buffer); return 0; }
int cuMemHostAlloc(void **address, size_t bytes, unsigned int flags) { *address = malloc(bytes); return 0; }
int cuMemFreeHost(void *address) { free(address); return 0; }
int cuMemcpyHtoDAsync_v2(void *to, const void *from, size_t bytes, stream *s)
{
    command *c = append(s);
    c->to = to;
    c->from = from;
    c->bytes = bytes;
    return 0;
}
int cuMemcpyDtoHAsync_v2(void *to, const void *from, size_t bytes, stream *s) { return cuMemcpyHtoDAsync_v2(to, from, bytes, s); }
int cuMemcpyDtoDAsync_v2(void *to, const void *from, size_t bytes, stream *s) { return cuMemcpyHtoDAsync_v2(to, from, bytes, s); }
int cuLaunchKernel(const kernel *function, u32 x, u32 y, u32 z, u32 threads, u32 ty, u32 tz, u32 shared, stream *s,
    void **arguments, void **extra)
{
    command *c = append(s);
    c->kernel = function;
    c->groups = x;
    c->group_size = threads;
    for (int i = 0; function->sizes[i] != 0; i++)
        memcpy(&c->arguments[i], arguments[i], function->sizes[i]);
    return 0;
}
int cuStreamCreate(stream **created, unsigned int flags)
{
    stream *s = calloc(1, sizeof *s);
    s->end = &s->first;
    *created = s;
    return 0;
}
int cuStreamDestroy_v2(stream *s) { free(s); return 0; }
int cuEventCreate(event **created, unsigned int flags) { *created = calloc(1, sizeof(event)); return 0; }
int cuEventRecord(event *e, stream *s) { e->recorded = s; e->end = s->end; return 0; }
int cuEventSynchronize(event *e)
{
    waiting++;
    while (waits == WAITS_LAST)
        usleep(1000);
    waiting--;
    if (waits != WAITS_END)
        return waits == WAITS_FAIL ? LAUNCH_FAILED : 0;
    if (e->recorded != NULL)
        run_until(e->recorded, e->end);
    return 0;
}
int cuEventDestroy_v2(event *e) { free(e); return 0; }
int cuGetErrorString(int status, const char **text)
{
    *text = status == OUT_OF_MEMORY ? "out of memory"
        : status == UNSUPPORTED_PTX_VERSION ? "the PTX is of another version"
        : status == LAUNCH_FAILED ? "the card is gone"
        : "an error of the stand-in";
    return 0;
}
