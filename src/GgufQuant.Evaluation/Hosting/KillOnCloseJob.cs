using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>A Windows job object: when its last handle closes, however this process ends, the processes in it are terminated.</summary>
[SupportedOSPlatform("windows")]
internal sealed partial class KillOnCloseJob : SafeHandleZeroOrMinusOneIsInvalid
{
    private const int ExtendedLimitInformation = 9;
    private const uint KillOnJobClose = 0x2000;

    public KillOnCloseJob()
        : base(ownsHandle: true)
    {
    }

    /// <summary>Puts a process into a new job; null if Windows does not allow it, in which case the process ends only with its pipe.</summary>
    internal static unsafe KillOnCloseJob? TryCreate(Process process)
    {
        KillOnCloseJob job = CreateJobObject(0, null);
        ExtendedLimits limits = new() { LimitFlags = KillOnJobClose };
        if (!job.IsInvalid
            && SetInformationJobObject(job, ExtendedLimitInformation, &limits, (uint)sizeof(ExtendedLimits)) != 0
            && AssignProcessToJobObject(job, process.Handle) != 0)
        {
            return job;
        }
        job.Dispose();
        return null;
    }

    protected override bool ReleaseHandle() => CloseHandle(handle) != 0;

    [LibraryImport("kernel32", EntryPoint = "CreateJobObjectW", StringMarshalling = StringMarshalling.Utf16)]
    private static partial KillOnCloseJob CreateJobObject(nint attributes, string? name);

    [LibraryImport("kernel32")]
    private static unsafe partial int SetInformationJobObject(KillOnCloseJob job, int kind, void* information, uint length);

    [LibraryImport("kernel32")]
    private static partial int AssignProcessToJobObject(KillOnCloseJob job, nint process);

    [LibraryImport("kernel32")]
    private static partial int CloseHandle(nint handle);

    /// <summary><c>JOBOBJECT_EXTENDED_LIMIT_INFORMATION</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ExtendedLimits
    {
        public long PerProcessUserTimeLimit;
        public long PerJobUserTimeLimit;
        public uint LimitFlags;
        public nuint MinimumWorkingSetSize;
        public nuint MaximumWorkingSetSize;
        public uint ActiveProcessLimit;
        public nuint Affinity;
        public uint PriorityClass;
        public uint SchedulingClass;
        public ulong ReadOperationCount;
        public ulong WriteOperationCount;
        public ulong OtherOperationCount;
        public ulong ReadTransferCount;
        public ulong WriteTransferCount;
        public ulong OtherTransferCount;
        public nuint ProcessMemoryLimit;
        public nuint JobMemoryLimit;
        public nuint PeakProcessMemoryUsed;
        public nuint PeakJobMemoryUsed;
    }
}
