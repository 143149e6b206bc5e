using GgufQuant.Formats;

namespace GgufQuant.Planning;

/// <summary>Which tensors llama.cpp does not quantize without importance weights.</summary>
internal static class ImportanceRules
{
    internal static bool IsRequired(string name, BlockFormat target, FileType type)
    {
        if (target.Importance == ImportanceUse.Required)
            return true;
        if (TensorNames.RoleOf(name) is TensorRole.TokenEmbedding or TensorRole.Output)
            return false;
        return target.Type switch
        {
            GgmlType.IQ1_S or GgmlType.IQ1_M or GgmlType.IQ2_XXS or GgmlType.IQ2_XS or GgmlType.IQ2_S or GgmlType.IQ3_XXS => true,
            GgmlType.Q2_K => type == FileType.Q2_K_S,
            _ => false,
        };
    }
}
