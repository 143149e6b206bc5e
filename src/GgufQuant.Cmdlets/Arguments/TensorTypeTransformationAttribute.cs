using System.Collections;
using System.Management.Automation;
using GgufQuant.Formats;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>Accepts rules for tensors as <c>'regex=type'</c> or as an ordered table of patterns and types.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Field)]
public sealed class TensorTypeTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        Rules(inputData is PSObject wrapped ? wrapped.BaseObject : inputData).ToArray();

    private static IEnumerable<TensorTypeRule> Rules(object value) => value switch
    {
        TensorTypeRule rule => [rule],
        string text => [Parse(text)],
        IDictionary table => table.Cast<DictionaryEntry>().Select(entry => Rule($"{entry.Key}", $"{entry.Value}")),
        IEnumerable several => several.Cast<object>().SelectMany(item => Rules(item is PSObject wrapped ? wrapped.BaseObject : item)),
        _ => throw Invalid($"'{value}' is not a tensor rule."),
    };

    private static TensorTypeRule Parse(string text)
    {
        // A pattern may contain the equals sign; a type never does.
        int split = text.LastIndexOf('=');
        return split > 0 ? Rule(text[..split], text[(split + 1)..]) : throw Invalid($"'{text}' is not a tensor rule.");
    }

    private static TensorTypeRule Rule(string pattern, string type)
    {
        if (!TensorFormatTransformationAttribute.TryFind(type, out BlockFormat? format))
            throw Invalid(TensorFormatTransformationAttribute.Unknown(type));
        try
        {
            return new(pattern.Trim(), format.Type);
        }
        catch (ArgumentException exception)
        {
            throw Invalid($"'{pattern}' is not a regular expression: {exception.Message}");
        }
    }

    private static ArgumentTransformationMetadataException Invalid(string problem) =>
        new($"{problem} Write rules as 'attn_v=q6_K', or as [ordered]@{{ attn_v = 'q6_K'; ffn_down = 'q5_K' }}.");
}
