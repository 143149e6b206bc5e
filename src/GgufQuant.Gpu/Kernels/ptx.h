// Stands in for what an OpenCL compiler brings along, where clang makes PTX of the kernels.
typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
#define as_float(value) __builtin_astype((value), float)
#define as_int(value) __builtin_astype((value), int)
#define as_uint(value) __builtin_astype((value), uint)
#define fabs(value) __builtin_fabsf(value)
#define sqrt(value) __builtin_sqrtf(value)
#define get_global_id(dimension) \
    ((uint)__nvvm_read_ptx_sreg_ctaid_x() * (uint)__nvvm_read_ptx_sreg_ntid_x() + (uint)__nvvm_read_ptx_sreg_tid_x())
