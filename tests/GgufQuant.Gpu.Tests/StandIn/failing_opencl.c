// OpenCL for tests: the system's own, whose kernels fail on the device where a test says so. Like a device's own failure
// that shows in nothing but the kernel's event. What is not here is the system's, which this library is linked with.
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>

enum { OUT_OF_RESOURCES = -5, QUEUE_CONTEXT = 0x1090 };

typedef void *handle;

extern int clGetCommandQueueInfo(handle queue, unsigned int property, size_t size, void *value, size_t *length);
extern handle clCreateUserEvent(handle context, int *status);
extern int clSetUserEventStatus(handle event, int status);

// For tests: whether kernels fail.
static atomic_int kernels_fail;
void failing_set(int fail) { kernels_fail = fail; }

// For tests: events that have been given out and not been given back.
static atomic_int events;
int failing_events(void) { return events; }

static void *system_function(const char *name)
{
    static void *library;
    if (library == NULL)
        library = dlopen("libOpenCL.so.1", RTLD_NOW);
    return dlsym(library, name);
}

static int counted(int status, handle *event)
{
    events += status == 0 && event != NULL;
    return status;
}

int clEnqueueWriteBuffer(handle queue, handle buffer, unsigned int blocking, size_t offset, size_t bytes, const void *source,
    unsigned int waits, const handle *wait_list, handle *event)
{
    int (*enqueue)(handle, handle, unsigned int, size_t, size_t, const void *, unsigned int, const handle *, handle *) =
        system_function("clEnqueueWriteBuffer");
    return counted(enqueue(queue, buffer, blocking, offset, bytes, source, waits, wait_list, event), event);
}

int clEnqueueReadBuffer(handle queue, handle buffer, unsigned int blocking, size_t offset, size_t bytes, void *target,
    unsigned int waits, const handle *wait_list, handle *event)
{
    int (*enqueue)(handle, handle, unsigned int, size_t, size_t, void *, unsigned int, const handle *, handle *) =
        system_function("clEnqueueReadBuffer");
    return counted(enqueue(queue, buffer, blocking, offset, bytes, target, waits, wait_list, event), event);
}

static int fail(handle queue, handle *event)
{
    if (event == NULL)
        return 0;
    handle context;
    int status = clGetCommandQueueInfo(queue, QUEUE_CONTEXT, sizeof context, &context, NULL);
    if (status == 0)
        *event = clCreateUserEvent(context, &status);
    return status == 0 ? clSetUserEventStatus(*event, OUT_OF_RESOURCES) : status;
}

int clEnqueueNDRangeKernel(handle queue, handle kernel, unsigned int dimensions, const size_t *offset, const size_t *items,
    const size_t *group, unsigned int waits, const handle *wait_list, handle *event)
{
    int (*enqueue)(handle, handle, unsigned int, const size_t *, const size_t *, const size_t *, unsigned int, const handle *, handle *) =
        system_function("clEnqueueNDRangeKernel");
    return counted(
        kernels_fail ? fail(queue, event) : enqueue(queue, kernel, dimensions, offset, items, group, waits, wait_list, event), event);
}

int clReleaseEvent(handle event)
{
    int (*release)(handle) = system_function("clReleaseEvent");
    events--;
    return release(event);
}
