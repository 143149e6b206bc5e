using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.Models;

namespace GgufQuant.Planning;

/// <summary>How far an importance matrix serves a plan.</summary>
/// <param name="Path">The matrix.</param>
/// <param name="Entries">Entries in it.</param>
/// <param name="Known">Tensors of the model that it has an entry for.</param>
/// <param name="Weighable">Tensors to be quantized to a type that heeds importance, but for the embeddings and the output, which matrices leave out.</param>
/// <param name="Weighed">Those of them that the matrix has an entry for.</param>
/// <param name="Erased">Tensors of which whole blocks of columns have importance 0, so that their weights would be lost.</param>
public sealed record ImatrixCoverage(string Path, int Entries, int Known, int Weighable, int Weighed, IReadOnlyList<string> Erased)
{
    /// <summary>Whether the matrix is this model's, at least in part.</summary>
    public bool IsOfModel => Known > 0;

    /// <summary>What the user should know of it, in sentences; null if the matrix serves the plan as it should.</summary>
    public string? Problem
    {
        get
        {
            List<string> problems = [];
            if (Entries == 0)
                problems.Add($"The importance matrix '{Path}' is empty: it has no effect, and the file does not name it.");
            else if (!IsOfModel)
                problems.Add($"The importance matrix '{Path}' belongs to another model: none of its {Entries} entries is for a tensor of this one. It has no effect, and the file does not name it.");
            else if (Weighed < Weighable)
                problems.Add($"The importance matrix '{Path}' covers {Weighed} of the {Weighable} tensors that need one; the others are quantized as without a matrix.");
            if (Erased.Count > 0)
                problems.Add($"It gives importance 0 to whole blocks of {Erased.Count} {(Erased.Count == 1 ? "tensor" : "tensors")}, '{Erased[0]}' first, whose weights would be lost: make the matrix from more text.");
            return problems.Count == 0 ? null : string.Join(' ', problems);
        }
    }

    internal static ImatrixCoverage? Of(GgufFile source, IReadOnlyList<PlannedTensor> tensors, ImatrixFile? matrix)
    {
        if (matrix is null)
            return null;
        PlannedTensor[] weighable = [.. tensors.Where(IsWeighable)];
        return new ImatrixCoverage(
            matrix.Path,
            matrix.Entries.Count,
            CountKnown(source, matrix),
            weighable.Length,
            weighable.Count(tensor => tensor.Importance is not null),
            [.. tensors.Where(tensor => tensor.Importance is { ErasedColumns: > 0 }).Select(tensor => tensor.Name)]);
    }

    /// <summary>Tensors of a model that a matrix has an entry for.</summary>
    internal static int CountKnown(GgufFile source, ImatrixFile? matrix) =>
        matrix is null ? 0 : source.Tensors.Count(tensor => ImatrixRules.FindEntry(matrix, tensor.Name) is not null);

    /// <summary>Whether a tensor is quantized better with a matrix, and matrices have entries for such tensors.</summary>
    internal static bool IsWeighable(PlannedTensor tensor) =>
        !tensor.IsCopied
        && tensor.Format.Importance != ImatrixSupport.Ignored
        && TensorNames.RoleOf(tensor.Name) is not (TensorRole.TokenEmbedding or TensorRole.Output);
}
