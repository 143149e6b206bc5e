using System.ComponentModel;
using System.Globalization;
using System.Management.Automation.Host;
using System.Text;
using GgufQuant.Catalog;
using GgufQuant.Formats;
using GgufQuant.IO;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>How the format file shows sizes, shares, times and names. Not meant to be called from scripts.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class Formatting
{
    private const int DefaultWidth = 120;

    /// <summary>Where values start in the module's list views: the longest label and the colon after it.</summary>
    private const int ListIndent = 20;

    /// <summary>A size in bytes with three digits that count: <c>4.58 GiB</c>.</summary>
    public static string Size(long bytes) => NumberText.Size(bytes);

    /// <summary>A size that may be missing.</summary>
    public static string? Size(long? bytes) => bytes is long known ? Size(known) : null;

    /// <summary>A count with three digits that count: <c>8.03 B</c>.</summary>
    public static string Count(long count) => NumberText.Count(count);

    /// <summary>A number with its thousands apart.</summary>
    public static string? Number(long? number) => number?.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A share of 0 to 1 in per cent with one digit after the point.</summary>
    public static string? Percent(double? share) =>
        share?.ToString("0.0%", CultureInfo.InvariantCulture);

    /// <summary>Bits a weight takes, with two digits after the point.</summary>
    public static string? Bits(double? bits) => bits?.ToString("0.00", CultureInfo.InvariantCulture);

    /// <summary>A measurement with three digits that count: <c>0.0313</c>.</summary>
    public static string? Measure(double? value) => value is double known ? NumberText.Significant(known) : null;

    /// <summary>A duration as one reads a clock: <c>0.42 s</c>, <c>12.3 s</c>, <c>3:05</c>, <c>1:02:03</c>.</summary>
    public static string Duration(TimeSpan duration)
    {
        if (duration < TimeSpan.FromMinutes(1))
            return $"{NumberText.ThreeDigits(duration.TotalSeconds)} s";
        string format = duration < TimeSpan.FromHours(1) ? @"m\:ss" : $@"'{(int)duration.TotalHours}'\:mm\:ss";
        return duration.ToString(format, CultureInfo.InvariantCulture);
    }

    /// <summary>A rate in millions of weights a second.</summary>
    public static string Rate(double weightsPerSecond) => NumberText.Rate(weightsPerSecond);

    /// <summary>A tensor type as llama.cpp prints it: <c>q4_K</c>.</summary>
    public static string TypeName(GgmlType type) => BlockFormat.Of(type).Name;

    /// <summary>The dimensions of a tensor: <c>4096 x 32000</c>.</summary>
    public static string Shape(IEnumerable<long> shape) => string.Join(" x ", shape);

    /// <summary>A metadata value on one line: control characters as spaces, an array by its first elements.</summary>
    public static string MetadataValue(MetadataEntry entry)
    {
        const int MostCharacters = 200;
        const int MostElements = 8;
        string text = entry.Value is Array { Length: > 0 } array
            ? string.Join(", ", array.Cast<object>().Take(MostElements).Select(Scalar)) + (array.Length > MostElements ? ", ..." : "")
            : Scalar(entry.Value);
        string line = new([.. text.Take(MostCharacters).Select(character => char.IsControl(character) ? ' ' : character)]);
        return Text(text.Length > MostCharacters ? line + "..." : line);
    }

    private static string Scalar(object value) => value is Array ? "" : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";

    /// <summary>A small share of 0 to 1 in per cent with three digits that count.</summary>
    public static string? FinePercent(double share) => $"{Measure(100 * share)}%";

    /// <summary>The error of a quantization; a dash for the reference.</summary>
    public static string? Error(QuantComparison row) => row.IsReference ? "-" : FinePercent(row.RelativeRmsError);

    /// <summary>A ratio in decibels.</summary>
    public static string Decibels(double ratio) =>
        double.IsPositiveInfinity(ratio) ? "-" : ratio.ToString("0.0", CultureInfo.InvariantCulture);

    /// <summary>A cosine close to 1.</summary>
    public static string Cosine(double cosine) => cosine.ToString("0.00000", CultureInfo.InvariantCulture);

    /// <summary>The tensor with the largest error.</summary>
    public static string? WorstTensor(QuantComparison row)
    {
        if (row.WorstTensor is not { RelativeRmsError: not 0 } worst)
            return null;
        string name = worst.Name.EndsWith(".weight", StringComparison.Ordinal) ? worst.Name[..^".weight".Length] : worst.Name;
        return $"{name} {FinePercent(worst.RelativeRmsError)}";
    }

    /// <summary>The perplexity with its standard error.</summary>
    public static string Perplexity(QuantQuality row) =>
        string.Create(CultureInfo.InvariantCulture, $"{row.Perplexity:0.00} ± {row.PerplexityError:0.00}");

    /// <summary>The divergence of a quantization; a dash for the reference.</summary>
    public static string? Divergence(QuantQuality row) => row.IsReference ? "-" : Measure(row.KlDivergence);

    /// <summary>Why a type is the one to take, or what it is good for.</summary>
    public static string? Advice(QuantTypeFit fit, PSHost host) =>
        Wrap(fit.IsRecommended ? $"RECOMMENDED. {fit.Reason}" : fit.Summary, host, indent: 73);

    /// <summary>With how many tokens the continuations of all prompts begin as the reference's do.</summary>
    public static string SameTokens(QuantComparison row) => row.IsReference
        ? "-"
        : $"{row.Generations.Sum(text => text.AgreeingTokens)} of {row.Generations.Sum(text => text.Candidate.Tokens.Count)}";

    /// <summary>The first prompt's continuation, in a line.</summary>
    public static string Continuation(QuantComparison row) =>
        string.Join(' ', row.Generations[0].Candidate.Text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    /// <summary>How far two continuations agree.</summary>
    public static string Agreement(GenerationTest test)
    {
        if (test.IsIdentical)
            return $"identical, {test.Tokens} tokens";
        string loop = test.IsDegenerate ? "; it ends in a loop where the reference does not" : "";
        return $"{test.AgreeingTokens} of {test.Tokens} tokens{loop}";
    }

    /// <summary>How fast the model reads and writes.</summary>
    public static string Speeds(GenerationTest test) =>
        string.Create(CultureInfo.InvariantCulture, $"{test.TokensPerSecond:0.0} generated, {test.PromptTokensPerSecond:0.0} of the prompt");

    /// <summary>The two files whose tensors are compared.</summary>
    public static string Pair(TensorComparison row) => $"{FileName(row.Path)} with {FileName(row.Reference)}";

    /// <summary>What would become of a model.</summary>
    public static string Plan(PlannedFile plan, PSHost host) => PlanText.Render(plan, host);

    /// <summary>The file's name alone.</summary>
    public static string FileName(string path) => Text(Path.GetFileName(path));

    /// <summary>A name from a file, with nothing left for a terminal to obey.</summary>
    public static string Text(string text) => PrintableText.Escape(text);

    /// <summary>Which blocks a type is made of.</summary>
    public static string Block(QuantType type) =>
        type.BlockSize == 1
            ? "1 weight"
            : $"{type.BlockSize} weights in {type.BlockBytes} bytes ({type.Format.Name}, {Bits(type.Format.BitsPerWeight)} bits a weight)";

    /// <summary>Everything published about a type, each with its source.</summary>
    public static string Published(QuantType type, PSHost host) =>
        string.Join('\n', type.Published.Select(row => Wrap($"{Published(row)} [{row.Source}]", host, ListIndent, hanging: 2)));

    /// <summary>What the pieces of a name stand for, a line each.</summary>
    public static string NameParts(QuantType type, PSHost host)
    {
        int width = type.NameParts.Max(part => part.Text.Length) + 2;
        return string.Join(
            '\n', type.NameParts.Select(part => Wrap(part.Text.PadRight(width) + part.Meaning, host, ListIndent, hanging: width)));
    }

    /// <summary>The types in a file, a line each.</summary>
    public static string Shares(IReadOnlyList<TypeShare> shares) => string.Join('\n', shares.Select(share =>
        $"{BlockFormat.Of(share.Type).Name,-8}{Percent(share.Share),6}  {Size(share.Bytes),9} in {share.Tensors} tensor{(share.Tensors == 1 ? "" : "s")}"));

    /// <summary>The types in a file, in a line.</summary>
    public static string ShareLine(IReadOnlyList<TypeShare> shares) => string.Join(
        ", ", shares.Where(share => share.Share >= 0.0005).Select(share => $"{BlockFormat.Of(share.Type).Name} {Percent(share.Share)}"));

    /// <summary>The attention heads of a model.</summary>
    public static string Heads(ModelInfo info) =>
        info.Heads == info.KeyValueHeads ? $"{info.Heads}" : $"{info.Heads} over {info.KeyValueHeads} key-value heads";

    /// <summary>The experts of a model.</summary>
    public static string Experts(ModelInfo info) => $"{info.Experts}, of which {info.Shape.ExpertsUsed} work on a token";

    /// <summary>What memory is needed for, and what that assumes.</summary>
    public static string Memory(MemoryEstimate memory, PSHost host)
    {
        string sum = $"{Size(memory.Total)} = {Size(memory.Weights)} weights + {Size(memory.Cache)} cache + {Size(memory.Compute)} buffers";
        return string.Join('\n', memory.Assumptions.Select(line => Wrap("- " + line, host, ListIndent, hanging: 2)).Prepend(sum));
    }

    /// <summary>All metadata, a line a key, long values cut.</summary>
    public static string Metadata(ModelInfo info, PSHost host)
    {
        int width = Math.Max(LineWidth(host) - ListIndent, 20);
        return string.Join('\n', info.Metadata!.Select(entry => Cut(Text($"{entry.Key} = {Value(entry.Value)}"), width)));
    }

    /// <summary>A text in lines that end between words.</summary>
    /// <param name="text">The text.</param>
    /// <param name="host">The console it goes to.</param>
    /// <param name="indent">Characters that stand before every line.</param>
    /// <param name="hanging">Spaces to set before the second line and those that follow.</param>
    public static string? Wrap(string? text, PSHost host, int indent, int hanging = 0)
    {
        if (text is null)
            return null;
        text = string.Join('\n', text.Split('\n').Select(Text));
        int width = Math.Max(LineWidth(host) - indent, 20);
        StringBuilder lines = new();
        int used = 0;
        foreach (string word in text.Split(' '))
        {
            if (used > 0 && used + 1 + word.Length > width)
            {
                lines.Append('\n').Append(' ', hanging);
                used = hanging;
            }
            else if (lines.Length > 0)
            {
                lines.Append(' ');
                used++;
            }
            lines.Append(word);
            used += word.Length;
        }
        return lines.ToString();
    }

    private static int LineWidth(PSHost host)
    {
        try
        {
            // The last column stays free: some consoles break the line after it.
            return host.UI.RawUI.BufferSize.Width - 1;
        }
        catch (Exception exception) when (exception is HostException or NotImplementedException or NullReferenceException)
        {
            return DefaultWidth;
        }
    }

    private static string Value(object value) => value switch
    {
        string text => text.ReplaceLineEndings("\\n"),
        Array array => $"{array.Length} of {array.GetType().GetElementType()!.Name}: "
            + string.Join(", ", array.Cast<object>().Take(8).Select(Value)) + (array.Length > 8 ? ", ..." : ""),
        _ => string.Create(CultureInfo.InvariantCulture, $"{value}"),
    };

    private static string Cut(string text, int width) => text.Length <= width ? text : text[..(width - 3)] + "...";

    private static string Published(PublishedQuality row)
    {
        List<string> facts = [];
        if (row.Size is long size)
            facts.Add(Size(size));
        if (row.PerplexityIncrease is double increase)
            facts.Add($"perplexity +{Measure(increase)}");
        if (row.KlDivergence is double divergence)
            facts.Add($"KL divergence {Measure(divergence)}");
        if (row.TopTokenMatch is double match)
            facts.Add($"same top token {Percent(match)}");
        if (row.RelativeQuality is double quality)
            facts.Add($"quality {Percent(quality)}");
        string imatrix = row.Imatrix ? " with importance matrix" : "";
        return $"{row.Model}{imatrix}: {string.Join(", ", facts)}";
    }
}
