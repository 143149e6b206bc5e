using System.Reflection;

namespace GgufQuant.Cmdlets.Tests;

internal static class RepositoryPaths
{
    internal static string Root { get; } = typeof(RepositoryPaths).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "RepositoryRoot").Value!;

    internal static string Module => Path.Combine(Root, "module");

    internal static string SampleModel => Path.Combine(Root, "samples", "novels-6m-f16.gguf");
}
