using System.Collections;
using System.ComponentModel;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Text;
using GgufQuant.Allocation;
using GgufQuant.Catalog;
using GgufQuant.Evaluation.Engines;
using GgufQuant.IO;

namespace GgufQuant.Commands;

/// <summary>Formats sizes, shares, times and names for the format file. Not meant to be called from scripts.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class Formatting
{
    private const int DefaultWidth = 120;

    /// <summary>Column at which values start in the module's list views: the longest label plus the colon.</summary>
    private const int ListIndent = 20;

    /// <summary>A size in bytes with three significant digits: <c>4.58 GiB</c>.</summary>
    public static string Size(long bytes) => NumberText.Size(bytes);

    /// <summary>A size that may be missing.</summary>
    public static string? Size(long? bytes) => bytes is long known ? Size(known) : null;

    /// <summary>A target as file names have it: <c>4.25bpw</c>, <c>4.2GB</c>, and <c>8GBmem</c> for memory.</summary>
    internal static string SizeInName(SizeTarget target)
    {
        if (target.BitsPerWeight is { } bits)
            return string.Create(CultureInfo.InvariantCulture, $"{bits:0.####}bpw");
        long bytes = (target.Bytes ?? target.Memory)!.Value;
        (long unit, string name) = bytes switch
        {
            >= 1L << 30 => (1L << 30, "GB"),
            >= 1L << 20 => (1L << 20, "MB"),
            _ => (1L << 10, "KB"),
        };
        return string.Create(CultureInfo.InvariantCulture, $"{(double)bytes / unit:0.###}{name}{(target.Memory is null ? "" : "mem")}");
    }

    /// <summary>A count with three significant digits: <c>8.03 B</c>.</summary>
    public static string Count(long count) => NumberText.Count(count);

    /// <summary>A number with thousands separators.</summary>
    public static string? Number(long? number) => number?.ToString("N0", CultureInfo.CurrentCulture);

    /// <summary>A share from 0 to 1 in per cent with one decimal.</summary>
    public static string? Percent(double? share) =>
        share?.ToString("0.0%", CultureInfo.CurrentCulture);

    /// <summary>Bits per weight, with two decimals.</summary>
    public static string? Bits(double? bits) => bits?.ToString("0.00", CultureInfo.CurrentCulture);

    /// <summary>A measurement with three significant digits: <c>0.0313</c>; one that would take many zeros as <c>1.29E-05</c>.</summary>
    public static string? Measure(double? value) => value switch
    {
        null => null,
        double known when known != 0 && Math.Abs(known) < 1e-4 => known.ToString("0.00E-00", CultureInfo.CurrentCulture),
        double known => NumberText.Significant(known),
    };

    /// <summary>A duration in clock notation: <c>0.42 s</c>, <c>12.3 s</c>, <c>3:05</c>, <c>1:02:03</c>.</summary>
    public static string Duration(TimeSpan duration)
    {
        if (duration < TimeSpan.FromMinutes(1))
            return $"{NumberText.ThreeDigits(duration.TotalSeconds)} s";
        string format = duration < TimeSpan.FromHours(1) ? @"m\:ss" : $@"'{(int)duration.TotalHours}'\:mm\:ss";
        return duration.ToString(format, CultureInfo.InvariantCulture);
    }

    /// <summary>A rate in millions of weights per second.</summary>
    public static string Rate(double weightsPerSecond) => NumberText.Rate(weightsPerSecond);

    /// <summary>A metadata value on one line: control characters as spaces, an array as its first elements.</summary>
    public static string MetadataValue(object value)
    {
        const int MostCharacters = 200;
        const int MostElements = 8;
        string text = value is IList { Count: > 0 } list
            ? string.Join(", ", list.Cast<object>().Take(MostElements).Select(Scalar)) + (list.Count > MostElements ? ", ..." : "")
            : Scalar(value);
        string line = new([.. text.Take(MostCharacters).Select(character => char.IsControl(character) ? ' ' : character)]);
        return Text(text.Length > MostCharacters ? line + "..." : line);
    }

    private static string Scalar(object value) => value is IList ? "" : Convert.ToString(value, CultureInfo.CurrentCulture) ?? "";

    /// <summary>A small share from 0 to 1 in per cent with three significant digits.</summary>
    public static string? FinePercent(double share) => $"{Measure(100 * share)}%";

    /// <summary>The error of a quantization; a dash for the reference.</summary>
    public static string? Error(bool isReference, double? error) => isReference || error is null ? "-" : FinePercent(error.Value);

    /// <summary>A ratio in decibels.</summary>
    public static string Decibels(double? ratio) =>
        ratio is not { } known || double.IsPositiveInfinity(known) ? "-" : known.ToString("0.0", CultureInfo.CurrentCulture);

    /// <summary>A cosine close to 1.</summary>
    public static string Cosine(double? cosine) => cosine?.ToString("0.00000", CultureInfo.CurrentCulture) ?? "-";

    /// <summary>The name of a tensor of weights, without its usual ending.</summary>
    public static string? WorstTensor(string? name) =>
        name is null ? null : Text(name.EndsWith(".weight", StringComparison.Ordinal) ? name[..^".weight".Length] : name);

    /// <summary>The perplexity of the reference, and how far another's is from it, each with its standard error.</summary>
    /// <remarks>The errors of two perplexities over the same text are mostly the same, so they would hide the difference.</remarks>
    public static string Perplexity(bool isReference, double value, double error, double difference, double differenceError) => isReference
        ? $"{value:0.00} ± {error:0.00}"
        : Difference(difference, differenceError);

    // To the error's first digit, or its second where the first is a 1, and to thousandths at most.
    private static string Difference(double value, double error)
    {
        int decimals = NumberText.DecimalsOf(error, most: 3);
        string digits = decimals == 0 ? "0" : "0." + new string('0', decimals);
        return $"{value.ToString($"+{digits};-{digits}", CultureInfo.CurrentCulture)} ± {error.ToString(digits, CultureInfo.CurrentCulture)}";
    }

    /// <summary>The divergence of a quantization; a dash for the reference.</summary>
    public static string? Divergence(bool isReference, double divergence) => isReference ? "-" : Measure(divergence);

    /// <summary>With how many tokens continuations start like the reference's.</summary>
    public static string SameTokens(bool isReference, int? agreeing, int? generated) => isReference ? "-" : $"{agreeing} of {generated}";

    /// <summary>The questions that models were asked.</summary>
    public static string Questions(string task, string path, int count, double chance) =>
        $"{task}, {Number(count)} question{(count == 1 ? "" : "s")} of {FileName(path)}; guessing answers {Percent(chance)}";

    /// <summary>A repository, and its revision unless it is the usual one.</summary>
    public static string Revision(string repository, string revision) => revision == "main" ? repository : $"{repository}@{Text(revision)}";

    /// <summary>How speeds were measured.</summary>
    public static string SpeedTest(int prompt, int generated, int repeat, int threads) =>
        $"{Number(prompt)} tokens of prompt, {Number(generated)} generated; {repeat} run{(repeat == 1 ? "" : "s")}, {threads} thread{(threads == 1 ? "" : "s")}";

    /// <summary>A speed with its standard deviation.</summary>
    public static string Speed(double? mean, double? deviation) => mean is null ? "-" : $"{mean:0.0} ± {deviation:0.0}";

    /// <summary>A speed alone.</summary>
    public static string Speed(double? mean) => mean is null ? "-" : $"{mean:0.0}";

    /// <summary>An interval of shares in per cent.</summary>
    public static string Interval(double low, double high) => $"{100 * low:0.0} - {100 * high:0.0}%";

    /// <summary>The probability of a difference by chance alone.</summary>
    public static string? PValue(double? probability) => probability switch
    {
        null => "-",
        < 0.001 => $"<{0.001:0.000}",
        _ => $"{probability:0.000}",
    };

    /// <summary>A count that the reference does not have.</summary>
    public static string Change(int? count) => count is null ? "-" : Number(count)!;

    /// <summary>A text on one line.</summary>
    public static string? Line(string? text) =>
        text is null ? null : string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    /// <summary>How far two continuations agree.</summary>
    public static string Agreement(bool isIdentical, int agreeing, int tokens, bool isDegenerate)
    {
        if (isIdentical)
            return $"identical, {tokens} tokens";
        string loop = isDegenerate ? "; it ends in a loop, but the reference does not" : "";
        return $"{agreeing} of {tokens} tokens{loop}";
    }

    /// <summary>The model's speeds with prompt and continuation.</summary>
    public static string Speeds(double generated, double prompt) => $"{generated:0.0} generated, {prompt:0.0} of the prompt";

    /// <summary>The two files whose tensors are compared.</summary>
    public static string Pair(string path, string reference) => $"{FileName(path)} with {FileName(reference)}";

    /// <summary>How a model would be quantized.</summary>
    public static string Plan(PSObject plan, PSHost host) => PlanText.Render(plan, host);

    /// <summary>A model, and below it which type is recommended for it.</summary>
    public static string Recommendation(string path, string? recommendation, PSHost host) =>
        $"   Model: {FileName(path)}\n   {Wrap(recommendation, host, indent: 3, hanging: 3)}";

    /// <summary>The file name alone.</summary>
    public static string FileName(string path) => Text(Path.GetFileName(path));

    /// <summary>A name from a file, with nothing left for a terminal to obey.</summary>
    public static string Text(string text) => PrintableText.Escape(text);

    /// <summary>The file's name alone, shortened to a column.</summary>
    public static string FileName(string path, int width) => Shorten(Path.GetFileName(path), width);

    /// <summary>A name shortened in the middle to fit a column; its beginning and its end distinguish it from others.</summary>
    public static string Shorten(string name, int width)
    {
        string text = Text(name);
        int end = width / 2;
        return text.Length <= width ? text : string.Concat(text.AsSpan(0, width - end - 1), "…", text.AsSpan(text.Length - end));
    }

    /// <summary>Which blocks a type's weights are stored in.</summary>
    public static string Block(string type)
    {
        QuantType known = Known(type);
        return known.BlockSize == 1
            ? "1 weight"
            : $"{known.BlockSize} weights in {known.BlockBytes} bytes ({known.BaseType}, {Bits(known.Format.BitsPerWeight)} bits per weight)";
    }

    /// <summary>Everything published about a type, each with its source.</summary>
    public static string Published(string type, PSHost host) =>
        string.Join('\n', Known(type).Published.Select(row => Wrap($"{Published(row)} [{row.Source}]", host, ListIndent, hanging: 2)));

    /// <summary>What the pieces of a type's name stand for, one line each.</summary>
    public static string NameParts(string type, PSHost host)
    {
        IReadOnlyList<NamePart> parts = Known(type).NameParts;
        int width = parts.Max(part => part.Text.Length) + 2;
        return string.Join('\n', parts.Select(part => Wrap(part.Text.PadRight(width) + part.Meaning, host, ListIndent, hanging: width)));
    }

    private static QuantType Known(string type) =>
        QuantCatalog.TryFind(type, out QuantType? known) ? known : throw new ArgumentException($"'{type}' is not a type.", nameof(type));

    /// <summary>The types in a file, one line each.</summary>
    public static string Shares(IEnumerable shares) => string.Join('\n', shares.Cast<object>().Select(PSObject.AsPSObject).Select(share =>
    {
        // What a job returns may have become text.
        if (share.Properties["Tensors"]?.Value is not int tensors)
            return $"{share}";
        return $"{share.Properties["Type"].Value,-8}{Percent((double)share.Properties["Share"].Value),6}  {Size((long)share.Properties["Size"].Value),9} in {tensors} tensor{(tensors == 1 ? "" : "s")}";
    }));

    /// <summary>The types in a file, on one line.</summary>
    public static string ShareLine(IEnumerable shares) => string.Join(
        ", ", shares.Cast<object>().Select(PSObject.AsPSObject).Where(share => share.Properties["Share"]?.Value is not (double and < 0.0005)).Select(share =>
            share.Properties["Share"]?.Value is double known ? $"{share.Properties["Type"].Value} {Percent(known)}" : $"{share}"));

    /// <summary>The attention heads of a model.</summary>
    public static string Heads(long heads, long keyValueHeads) =>
        heads == keyValueHeads ? $"{heads}" : $"{heads} over {keyValueHeads} key-value heads";

    /// <summary>The experts of a model.</summary>
    public static string Experts(long experts, long used) => $"{experts}, {used} used per token";

    /// <summary>What the memory is needed for, and the assumptions.</summary>
    public static string Memory(long memory, long weights, long cache, long state, long buffers, IEnumerable assumptions, PSHost host)
    {
        IEnumerable<string> lines = assumptions.Cast<object>().Select(line => $"- {line}").Prepend(MemorySum(memory, weights, cache, state, buffers));
        return string.Join('\n', lines.Select(line => Wrap(line, host, ListIndent, hanging: 2)));
    }

    /// <summary>What an engine's library would take memory for.</summary>
    public static string Measured(MeasuredMemory memory) => MemorySum(memory.Total, memory.Weights, memory.Cache, memory.State, memory.Compute);

    private static string MemorySum(long memory, long weights, long cache, long state, long buffers)
    {
        string states = state == 0 ? "" : $" + {Size(state)} state";
        return $"{Size(memory)} = {Size(weights)} weights + {Size(cache)} cache{states} + {Size(buffers)} buffers";
    }

    /// <summary>The layers on a graphics card, the output counted as one: <c>28 of 33</c>.</summary>
    public static string GpuLayers(int layers, int modelLayers) => $"{layers} of {modelLayers + 1}";

    /// <summary>What is on a graphics card: <c>7.1 GiB: 28 of 33 layers, 12 without their experts</c>.</summary>
    public static string OnGpu(long memory, int layers, int modelLayers, int expertLayers)
    {
        int firstLayer = Math.Max(0, modelLayers + 1 - layers);
        string experts = expertLayers > firstLayer ? $", {expertLayers - firstLayer} without their experts" : "";
        return $"{Size(memory)}: {GpuLayers(layers, modelLayers)} layers{experts}";
    }

    /// <summary>All metadata, one line per key, long values cut.</summary>
    public static string Metadata(IDictionary metadata, PSHost host)
    {
        int width = Math.Max(LineWidth(host) - ListIndent, 20);
        List<string> lines = [];
        foreach (DictionaryEntry entry in metadata)
            lines.Add(Cut(Text($"{entry.Key} = {Value(entry.Value!)}"), width));
        return string.Join('\n', lines);
    }

    /// <summary>A text wrapped between words.</summary>
    /// <param name="text">The text.</param>
    /// <param name="host">The console it is written to.</param>
    /// <param name="indent">Number of characters before every line.</param>
    /// <param name="hanging">Number of extra spaces before the second and later lines.</param>
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
        _ => $"{value}",
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
