using GgufQuant.Formats;
using GgufQuant.Reference;

namespace GgufQuant.TestKit;

/// <summary>Skips tests that the build of llama.cpp in this process cannot decide.</summary>
public static class Skip
{
    private static ReferenceBuild Build => ReferenceLibrary.Build;

    /// <summary>Why this process has no such build; null if it has one, or one that is wrong.</summary>
    public static string? Reason(ReferenceKind kind)
    {
        try
        {
            return ReferenceLibrary.Missing ?? kind switch
            {
                ReferenceKind.Exact => Build.Deviation,
                ReferenceKind.Npm when Build != ReferenceBuild.Npm => $"This process compares with {Build.Name}. {ReferenceBuild.Npm.UnavailableReason}".TrimEnd(),
                _ => null,
            };
        }
        catch (InvalidOperationException)
        {
            // xUnit drops a test whose attribute throws. So the test runs, and fails with this exception.
            return null;
        }
    }

    /// <summary>Where the blocks of a type that the build makes are not the reference.</summary>
    public static void UnlessExact(GgmlType type) => When(Build.FindDeviation(type));

    /// <summary>Where the files of a type that the build makes are not the reference.</summary>
    public static void UnlessExact(FileType type) => When(Build.FindDeviation(type));

    /// <summary>If the build rejects a file that v0.5.0 writes.</summary>
    public static void UnlessMade(string model, FileType type) => When(
        Build == ReferenceBuild.NuGet && model == "ragged" && ReferenceBuild.TypesWithoutFallback.Contains(type)
            ? $"{Build.Name} has no type to fall back to from {type}."
            : null);

    /// <summary>Unless the build is NuGet's.</summary>
    public static void UnlessNuGet() => When(
        Build == ReferenceBuild.NuGet ? null : $"This process compares with {Build.Name}; with {ReferenceLibrary.Variable}=NuGet it compares with {ReferenceBuild.NuGet.Name}.");

    private static void When(string? reason)
    {
        reason = ReferenceLibrary.Missing ?? reason;
        Assert.SkipWhen(reason is not null, reason ?? "");
    }
}
