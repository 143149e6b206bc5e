// A CUDA driver for tests: the same kernels compiled for the processor, and streams that do nothing until they are
// waited for, or ever where nobody waits. So whoever reads a result without waiting reads what was there before.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned char uchar;
static _Thread_local unsigned int current_item;

#define __kernel
#define __global
#define __constant static const
#define fabs fabsf
#define sqrt sqrtf
#define get_global_id(dimension) current_item
static inline float as_float(unsigned int bits) { float value; memcpy(&value, &bits, 4); return value; }
static inline unsigned int as_uint(float value) { unsigned int bits; memcpy(&bits, &value, 4); return bits; }
static inline int as_int(float value) { int bits; memcpy(&bits, &value, 4); return bits; }
#include "common.cl"
#include "blocks32.cl"
#include "ternary.cl"
#include "microscaling.cl"
#include "nonlinear.cl"
#include "minimum.cl"
#include "signed.cl"
#include "lattice.cl"
#include "iq1.cl"

typedef void (*kernel)(ARGUMENTS);

enum { OUT_OF_MEMORY = 2, UNSUPPORTED_PTX_VERSION = 222, NOT_FOUND = 500, LAUNCH_FAILED = 719 };

typedef struct command
{
    struct command *next;
    kernel function;
    unsigned int items;
    struct
    {
        void *source; int source_type; void *importance; int weighted; int row_length; unsigned int count;
        unsigned int stride; void *squares; void *fits; void *levels; void *places; void *neighbours; void *blocks;
        void *fault;
    } arguments;
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

// For tests: the line of PTX without which a module is refused as of another version.
static const char *required_line = ".version";
void stand_in_require_ptx(const char *line) { required_line = line; }

static void run(command *c)
{
    if (c->function == NULL)
    {
        memcpy(c->to, c->from, c->bytes);
        return;
    }
    for (current_item = 0; current_item < c->items; current_item++)
    {
        c->function(c->arguments.source, c->arguments.source_type, c->arguments.importance, c->arguments.weighted,
            c->arguments.row_length, c->arguments.count, c->arguments.stride, c->arguments.squares, c->arguments.fits,
            c->arguments.levels, c->arguments.places, c->arguments.neighbours, c->arguments.blocks, c->arguments.fault);
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
int cuModuleLoadDataEx(void **module, const char *ptx, unsigned int count, int *options, void **values)
{
    Dl_info self;
    dladdr((void *)cuInit, &self);
    *module = dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD);
    return strstr(ptx, required_line) != NULL ? 0 : UNSUPPORTED_PTX_VERSION;
}
int cuModuleUnload(void *module) { dlclose(module); return 0; }
int cuModuleGetFunction(void **function, void *module, const char *name)
{
    *function = dlsym(module, name);
    return *function == NULL ? NOT_FOUND : 0;
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
int cuLaunchKernel(kernel function, unsigned int x, unsigned int y, unsigned int z, unsigned int threads,
    unsigned int ty, unsigned int tz, unsigned int shared, stream *s, void **a, void **extra)
{
    command *c = append(s);
    c->function = function;
    c->items = x * threads;
    memcpy(&c->arguments.source, a[0], 8);
    memcpy(&c->arguments.source_type, a[1], 4);
    memcpy(&c->arguments.importance, a[2], 8);
    memcpy(&c->arguments.weighted, a[3], 4);
    memcpy(&c->arguments.row_length, a[4], 4);
    memcpy(&c->arguments.count, a[5], 4);
    memcpy(&c->arguments.stride, a[6], 4);
    memcpy(&c->arguments.squares, a[7], 8);
    memcpy(&c->arguments.fits, a[8], 8);
    memcpy(&c->arguments.levels, a[9], 8);
    memcpy(&c->arguments.places, a[10], 8);
    memcpy(&c->arguments.neighbours, a[11], 8);
    memcpy(&c->arguments.blocks, a[12], 8);
    memcpy(&c->arguments.fault, a[13], 8);
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
