using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;
using GgufQuant.Gguf;

namespace GgufQuant.Catalog;

/// <summary>Parses the names of quantizations and of GGUF files.</summary>
public static partial class QuantName
{
    /// <summary>Finds the quantization in a file name that follows the usual convention: <c>model-Q4_K_M.gguf</c>.</summary>
    /// <param name="fileName">A file name or a path.</param>
    /// <param name="name">The quantization's name as the file name spells it.</param>
    public static bool TryFindInFileName(string fileName, [NotNullWhen(true)] out string? name)
    {
        // A publisher's prefix or a parameter count may look like a name too: the last match is the quantization.
        MatchCollection matches = Token().Matches(Stem(fileName));
        name = matches.Count > 0 ? $"{matches[^1].Groups["dynamic"].Value}{matches[^1].Groups["name"].Value.Replace('-', '_')}" : null;
        return name is not null;
    }

    /// <summary>The file name without folder, extension, shard number and quantization: the model's name.</summary>
    public static string WithoutQuantization(string fileName)
    {
        string stem = Stem(fileName);
        Match trailing = TrailingToken().Match(stem);
        return trailing.Success && trailing.Index > 0 ? stem[..trailing.Index] : stem;
    }

    /// <summary>The meaning of each piece of a name; empty if it is not a quantization's name.</summary>
    public static IReadOnlyList<NamePart> Explain(string name)
    {
        if (Plain(name) is string plain)
            return [new(name, plain)];
        Match match = Pieces().Match(name);
        if (!match.Success)
            return [];
        List<NamePart> parts = [];
        if (match.Groups["dynamic"].Success)
            parts.Add(new(match.Groups["dynamic"].Value, "Unsloth's dynamic quantization: tensor types that differ from layer to layer and from those llama.cpp selects under that name"));
        string family = match.Groups["family"].Value.ToUpperInvariant();
        int bits = match.Groups["bits"].Value[0] - '0';
        parts.Add(new(match.Groups["family"].Value + bits, Family(family, bits)));
        if (match.Groups["style"].Success)
            parts.Add(new("_" + match.Groups["style"].Value, Style(match.Groups["style"].Value.ToUpperInvariant())));
        if (match.Groups["size"].Success)
            parts.Add(new("_" + match.Groups["size"].Value, Size(family, match.Groups["size"].Value.ToUpperInvariant())));
        if (match.Groups["variant"].Success)
            parts.Add(new(match.Groups["variant"].Value, Variant(match.Groups["variant"].Value)));
        return parts;
    }

    private static string Stem(string fileName)
    {
        string stem = fileName[(fileName.LastIndexOfAny(['/', '\\']) + 1)..];
        if (stem.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase))
            stem = stem[..^".gguf".Length];
        return ShardNames.WithoutNumber(stem);
    }

    private static string? Plain(string name) => name.ToUpperInvariant() switch
    {
        "F32" or "FP32" => "32-bit floating point, not quantized",
        "F16" or "FP16" => "16-bit floating point (IEEE half precision), not quantized",
        "BF16" => "16-bit floating point with the range of 32-bit (bfloat16), not quantized",
        "MXFP4" or "MXFP4_MOE" => "4-bit floating point with a power-of-two scale per 32 weights (OCP microscaling), for the experts of MoE models",
        "NVFP4" => "4-bit floating point with an 8-bit scale per 16 weights (NVIDIA)",
        _ => null,
    };

    private static string Family(string family, int bits) => family switch
    {
        "IQ" => $"an \"i-quant\" of about {Bits(bits)} per weight: groups of weights are looked up in a table of good patterns",
        "TQ" => bits == 1
            ? "ternary weights (-1, 0, 1), five of them packed into a byte: 1.6 bits per weight"
            : "ternary weights (-1, 0, 1), four of them packed into a byte: 2 bits per weight",
        _ => $"about {Bits(bits)} per weight",
    };

    private static string Bits(int bits) => bits == 1 ? "1 bit" : $"{bits} bits";

    private static string Style(string style) => style switch
    {
        "K" => "K-quantization: super-blocks of 256 weights, whose sub-blocks have their own quantized scales",
        "0" => "a scale per block of weights, which are centred on zero",
        "1" => "a scale and a minimum per block of weights",
        "KS" or "KSS" or "KL" or "KT" or "KV" => "a format of the fork ik_llama.cpp, which llama.cpp does not read",
        _ => "levels that are not evenly spaced (non-linear)",
    };

    private static string Variant(string variant) => char.ToUpperInvariant(variant[1]) == 'R'
        ? "rows interleaved for the fork ik_llama.cpp, which llama.cpp does not read"
        : "rows interleaved for some processors; llama.cpp has removed it and interleaves Q4_0 while it loads";

    private static string Size(string family, string size) => (family, size) switch
    {
        ("IQ", "XXS") => "extra extra small: the fewest bits of this family",
        ("IQ", "XS") => "extra small",
        ("IQ", "S") => "small",
        ("IQ", "M") => "medium: more tensors with more bits",
        (_, "S") => "small: hardly any tensor gets more bits than the rest",
        (_, "M") => "medium: the most sensitive tensors get more bits",
        (_, "L") => "large: the sensitive tensors get still more bits",
        _ => "a publisher's own selection of tensor types, not one of llama.cpp's",
    };

    private const string Name =
        @"(?<name>(?:I|T)?Q\d(?:[_-](?:KSS|KS|KL|KT|KV|K|NL|[01]))?(?:[_-](?:XXS|XXL|XS|XL|S|M|L))?(?:_R\d+|_\d_\d)?|B?F16|FP16|F32|FP32|MXFP4(?:_MOE)?|NVFP4)";

    // Unsloth's publications are named UD-Q4_K_XL.
    private const string Dynamic = @"(?<dynamic>UD[-_])?";

    [GeneratedRegex($@"(?<![A-Za-z0-9]){Dynamic}{Name}(?![A-Za-z0-9])", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Token();

    [GeneratedRegex($@"[-._]{Dynamic}{Name}$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex TrailingToken();

    [GeneratedRegex(
        @"^(?<dynamic>UD[-_])?(?<family>IQ|TQ|Q)(?<bits>\d)(?:_(?<style>KSS|KS|KL|KT|KV|K|NL|[01]))?(?:_(?<size>XXS|XXL|XS|XL|S|M|L))?(?<variant>_R\d+|_\d_\d)?$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Pieces();
}
