using GgufQuant.Gguf;

namespace GgufQuant.Comparison;

/// <summary>Whether two files hold the same model, possibly in different types.</summary>
internal static class ModelIdentity
{
    private const int NamesShown = 3;

    /// <summary>The candidate's tensors in the order of the reference's.</summary>
    /// <exception cref="ModelMismatchException">Architecture, vocabulary, tensors or shapes differ.</exception>
    public static GgufTensor[] Match(GgufFile reference, GgufFile candidate)
    {
        CheckArchitecture(reference, candidate);
        CheckVocabulary(reference, candidate);
        CheckNames(reference, candidate, "lacks", reference.Tensors.Where(tensor => candidate.FindTensor(tensor.Name) is null));
        CheckNames(reference, candidate, "also has", candidate.Tensors.Where(tensor => reference.FindTensor(tensor.Name) is null));

        GgufTensor[] matches = [.. reference.Tensors.Select(tensor => candidate.FindTensor(tensor.Name)!)];
        foreach ((GgufTensor expected, GgufTensor actual) in reference.Tensors.Zip(matches))
        {
            if (!Dimensions(expected).SequenceEqual(Dimensions(actual)))
                throw Mismatch(reference, candidate, $"The tensor '{expected.Name}' is [{string.Join(", ", actual.Shape)}] instead of [{string.Join(", ", expected.Shape)}].");
        }
        return matches;
    }

    private static void CheckArchitecture(GgufFile reference, GgufFile candidate)
    {
        string expected = Architecture(reference);
        string actual = Architecture(candidate);
        if (expected != actual)
            throw Mismatch(reference, candidate, $"The architecture is '{actual}' instead of '{expected}'.");
    }

    private static void CheckVocabulary(GgufFile reference, GgufFile candidate)
    {
        long? expected = reference.Metadata.Find(GgufKeys.Tokens)?.Count;
        long? actual = candidate.Metadata.Find(GgufKeys.Tokens)?.Count;
        if (expected is not null && actual is not null && expected != actual)
            throw Mismatch(reference, candidate, $"The vocabulary has {actual} tokens instead of {expected}.");
    }

    private static void CheckNames(GgufFile reference, GgufFile candidate, string verb, IEnumerable<GgufTensor> tensors)
    {
        string[] names = [.. tensors.Select(tensor => $"'{tensor.Name}'")];
        if (names.Length == 0)
            return;
        string shown = string.Join(", ", names.Take(NamesShown));
        string more = names.Length > NamesShown ? $" and {names.Length - NamesShown} more" : "";
        throw Mismatch(reference, candidate, $"It {verb} {(names.Length == 1 ? "the tensor" : "the tensors")} {shown}{more}.");
    }

    private static string Architecture(GgufFile file) =>
        file.Metadata.TryGetString(GgufKeys.Architecture, out string? architecture) ? architecture : "";

    // Files may state the same shape with or without trailing dimensions of 1.
    private static IEnumerable<long> Dimensions(GgufTensor tensor) =>
        tensor.Shape.Concat(Enumerable.Repeat(1L, GgufHeaderReader.MaxDimensions - tensor.Shape.Length));

    private static ModelMismatchException Mismatch(GgufFile reference, GgufFile candidate, string difference) =>
        new(reference.Path, candidate.Path, difference);
}
