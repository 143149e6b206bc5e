// What the stand-in and the translated kernels know of each other.
typedef unsigned int u32;

enum { MOST_KERNELS = 32, MOST_PARAMETERS = 16 };

typedef struct
{
    const char *name;
    void (*run)(void **parameters, u32 ctaid_x, u32 ntid_x, u32 tid_x);
    unsigned char sizes[MOST_PARAMETERS];  // of its parameters, in bytes; 0 after the last
} kernel;

// A file of kernels; the one after the last has no name.
typedef struct module
{
    kernel kernels[MOST_KERNELS];
    struct module *next;
} module;

void stand_in_add(module *translated);
