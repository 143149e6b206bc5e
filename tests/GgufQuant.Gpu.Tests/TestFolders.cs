using System.Reflection;
using GgufQuant.Reference;

namespace GgufQuant.Gpu.Tests;

internal static class TestFolders
{
    /// <summary>The checkout these tests were built in.</summary>
    internal static string Root { get; } = typeof(ReferenceLibrary).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .First(attribute => attribute.Key == "RepositoryRoot").Value!;
}
