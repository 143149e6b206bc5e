using GgufQuant.Reference;

namespace GgufQuant.TestKit;

/// <summary>The checkout that the tests were built in.</summary>
public static class Repository
{
    /// <summary>The path of a file or folder.</summary>
    /// <param name="names">The names on the way to it.</param>
    public static string PathOf(params string[] names) => Path.Combine([ReferenceLibrary.RepositoryRoot, .. names]);
}
