using GgufQuant.Gguf;

namespace GgufQuant.Allocation;

/// <summary>Coefficients for models that have not been measured, from the roles of the sample model's tensors.</summary>
internal static class RoleCoefficients
{
    // The KL divergence per relative error of a role's outputs, all layers together, measured on
    // samples/novels-6m-f16.gguf by RoleCoefficientsTests.
    private static readonly Dictionary<string, double> s_worth = new(StringComparer.Ordinal)
    {
        ["token_embd"] = 0.089,
        ["output"] = 4,
        ["attn_q"] = 0.15,
        ["attn_k"] = 0.33,
        ["attn_v"] = 0.14,
        ["attn_output"] = 0.29,
        ["ffn_gate"] = 0.38,
        ["ffn_up"] = 0.27,
        ["ffn_down"] = 0.64,
    };

    // For a role that the sample does not have: the median of the others.
    private static readonly double s_other = s_worth.Values.Order().ElementAt(s_worth.Count / 2);

    /// <summary>The coefficient of a role; its experts together have that of one matrix.</summary>
    public static double WorthOf(string role)
    {
        string dense = role.Replace("_exps", "", StringComparison.Ordinal).Replace("_shexp", "", StringComparison.Ordinal);
        return s_worth.GetValueOrDefault(dense, s_other);
    }

    /// <summary>The coefficients of groups of tensors.</summary>
    /// <param name="groups">The groups.</param>
    /// <param name="outputs">The sizes of all tensors' outputs, Σ wᵀHw over the rows.</param>
    public static IReadOnlyDictionary<string, double> Of(IReadOnlyList<ProbeGroup> groups, IReadOnlyDictionary<string, double> outputs)
    {
        ILookup<string, GgufTensor> byRole = groups.SelectMany(group => group.Tensors).ToLookup(tensor => TensorGroups.RoleOf(tensor.Name));
        return groups.ToDictionary(group => group.Name, group =>
        {
            string role = TensorGroups.RoleOf(group.Tensors[0].Name);
            double size = group.Tensors.Average(tensor => outputs[tensor.Name]);
            return size > 0 ? WorthOf(role) / byRole[role].Count() / size : 0;
        });
    }
}
