namespace GgufQuant.Imatrix;

/// <summary>The part of a text that a matrix was collected from, to be merged with the other parts.</summary>
/// <param name="Text">A hash of the text and of its division into chunks, equal for all parts.</param>
/// <param name="Model">A hash of the model, equal for all parts.</param>
/// <param name="Chunks">The chunks.</param>
public sealed record ImatrixPart(string Text, string Model, ChunkRange Chunks)
{
    /// <summary>Orders matrices for merging: the parts of a text by their chunks, at the place of the first of them given.</summary>
    /// <param name="matrices">The matrices, parts or not.</param>
    /// <exception cref="InvalidDataException">The parts of a text have gaps, overlap, or are of different models or tensors.</exception>
    public static IReadOnlyList<ImatrixFile> Order(IReadOnlyList<ImatrixFile> matrices)
    {
        ArgumentNullException.ThrowIfNull(matrices);
        List<ImatrixFile> ordered = [];
        HashSet<string> texts = new(StringComparer.Ordinal);
        foreach (ImatrixFile matrix in matrices)
        {
            if (matrix.Part is not { } part)
                ordered.Add(matrix);
            else if (texts.Add(part.Text))
                ordered.AddRange(PartsOf(part.Text, matrices));
        }
        return ordered;
    }

    private static ImatrixFile[] PartsOf(string text, IReadOnlyList<ImatrixFile> matrices)
    {
        ImatrixFile[] parts = [.. matrices.Where(matrix => matrix.Part?.Text == text).OrderBy(matrix => matrix.Part!.Chunks.First)];
        _ = ChunkRange.Join([.. parts.Select(part => (part.Part!.Chunks, $"'{part.Path}' ({part.Part.Chunks})"))]);
        HashSet<string> names = [.. parts[0].Entries.Select(entry => entry.Name)];
        foreach (ImatrixFile part in parts[1..])
        {
            if (part.Part!.Model != parts[0].Part!.Model)
                throw new InvalidDataException($"'{part.Path}' was collected from another model than '{parts[0].Path}'.");
            if (!names.SetEquals(part.Entries.Select(entry => entry.Name)))
                throw new InvalidDataException($"'{part.Path}' has other tensors than '{parts[0].Path}': one of the two was collected with the output tensor.");
        }
        return parts;
    }
}
