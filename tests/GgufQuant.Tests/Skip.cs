using GgufQuant.Formats;
using GgufQuant.Reference;

namespace GgufQuant.Tests;

/// <summary>Skips tests that the build of llama.cpp in this process cannot decide.</summary>
internal static class Skip
{
    private static ReferenceBuild Build => ReferenceLibrary.Build;

    /// <summary>If no build can be loaded.</summary>
    public static void WithoutReference() => When(null);

    /// <summary>Where the build's arithmetic is not the reference.</summary>
    public static void UnlessExact() => When(Build.Deviation);

    /// <summary>Where the blocks of a type that the build makes are not the reference.</summary>
    public static void UnlessExact(GgmlType type) => When(Build.FindDeviation(type));

    /// <summary>Where the files of a type that the build makes are not the reference.</summary>
    public static void UnlessExact(FileType type) => When(Build.FindDeviation(type));

    /// <summary>If the build rejects a file that v0.5.0 writes.</summary>
    public static void UnlessMade(string model, FileType type) => When(
        Build == ReferenceBuild.NuGet && model == "ragged" && ReferenceDeviationTests.TypesWithoutFallback.Contains(type)
            ? $"{Build.Name} has no type to fall back to from {type}."
            : null);

    /// <summary>Where the build is NuGet's.</summary>
    /// <param name="defect">What it does, in words that follow its name.</param>
    public static void WithNuGet(string defect) => When(Build == ReferenceBuild.NuGet ? $"{Build.Name} {defect}." : null);

    private static void When(string? reason)
    {
        reason = ReferenceLibrary.Missing ?? reason;
        Assert.SkipWhen(reason is not null, reason ?? "");
    }
}
