using System.Globalization;
using System.Text;
using GgufQuant.Catalog;
using GgufQuant.IO;
using static GgufQuant.Evaluation.Reports.ReportText;

namespace GgufQuant.Evaluation.Reports;

/// <summary>The README.md of a repository of quantizations on the Hugging Face hub.</summary>
/// <param name="Title">The model's name.</param>
/// <param name="Reference">The file name of the model that the others were made from.</param>
/// <param name="Files">The quantizations.</param>
public sealed record ModelCard(string Title, string Reference, IReadOnlyList<ModelCardFile> Files)
{
    /// <summary>The repository of the unquantized model, <c>owner/name</c>; null to leave it out.</summary>
    public string? BaseModel { get; init; }

    /// <summary>Who quantized the model; null to leave it out.</summary>
    public string? QuantizedBy { get; init; }

    /// <summary>The file name of the text that predictions were measured on; null if they were not.</summary>
    public string? Corpus { get; init; }

    /// <summary>The chunks of that text; null for all of it.</summary>
    public int? Chunks { get; init; }

    /// <summary>The Markdown, with metadata in YAML in front.</summary>
    public string Write()
    {
        StringBuilder text = new();
        text.Append("---\n");
        if (BaseModel is not null)
            text.Append(CultureInfo.InvariantCulture, $"base_model: {Yaml(BaseModel)}\nbase_model_relation: quantized\n");
        text.Append("pipeline_tag: text-generation\n");
        if (QuantizedBy is not null)
            text.Append(CultureInfo.InvariantCulture, $"quantized_by: {Yaml(QuantizedBy)}\n");
        text.Append("tags:\n- gguf\n- quantized\n---\n\n");
        text.Append(CultureInfo.InvariantCulture, $"# {Escape(Title)} GGUF\n\n");
        text.Append(CultureInfo.InvariantCulture, $"Quantizations of {Escape(BaseModel ?? Title)} for llama.cpp, made by GgufQuant.");
        if (Files.Any(file => file.Divergence is not null))
            text.Append(CultureInfo.InvariantCulture, $" KL divergence is from {Escape(Reference)}, in nats per token{(Corpus is null ? "" : $" on {Escape(Corpus)}")}: how far predictions move.");
        text.Append("\n\n## Files\n\n| File | Type | Size | Bits per weight | KL divergence | Good for | SHA-256 |\n|---|---|--:|--:|--:|---|---|\n");
        foreach (ModelCardFile file in Files.OrderByDescending(file => file.Size))
        {
            string[] cells =
            [
                Escape(file.Name), file.Type?.ToString() ?? "–", Size(file.Size), Fixed(file.BitsPerWeight, 2), file.Divergence is { } divergence ? Estimate(divergence) : "–",
                file.Type is { } type ? Escape(QuantCatalog.Of(type).Summary) : "–", string.Join(' ', file.Hashes.Select(hash => $"`{hash.ToLowerInvariant()}`")),
            ];
            text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");
        }
        WriteCalibration(text);
        WriteCommands(text);
        return text.ToString();
    }

    private void WriteCalibration(StringBuilder text)
    {
        text.Append("\n## Calibration\n\n");
        bool any = false;
        foreach (IGrouping<(string Matrix, string? Dataset), ModelCardFile> group in Files.Where(file => file.Matrix is not null).GroupBy(file => (file.Matrix!, file.Dataset)))
        {
            string dataset = group.Key.Dataset is { } name ? $", collected on {Escape(name)}" : "";
            text.Append(CultureInfo.InvariantCulture, $"- With the importance matrix {Escape(group.Key.Matrix)}{dataset}: {Names(group)}\n");
            any = true;
        }
        if (Files.Where(file => file.IsCalibrated).ToArray() is { Length: > 0 } calibrated)
        {
            text.Append(CultureInfo.InvariantCulture, $"- Rounded with a calibration: {Names(calibrated)}\n");
            any = true;
        }
        if (!any)
            text.Append("The files name no importance matrix and no calibration.\n");
    }

    private static string Names(IEnumerable<ModelCardFile> files) => string.Join(", ", files.Select(file => Escape(file.Name)));

    // Only of files whose command their contents prove.
    private void WriteCommands(StringBuilder text)
    {
        List<string> commands = [];
        foreach (IGrouping<string?, ModelCardFile> group in Files.Where(file => file.IsPlain && !file.IsCalibrated).GroupBy(file => file.Matrix))
        {
            string matrix = group.Key is { } name ? $" -ImportanceMatrix {Argument(name)}" : "";
            commands.Add($"ConvertTo-Quantized {Argument(Reference)} -Type {string.Join(", ", group.Select(file => file.Type).Distinct())}{matrix}");
        }
        string corpus = Corpus is null ? "" : $" -Corpus {Argument(Corpus)}{(Chunks is { } chunks ? $" -ChunkCount {chunks}" : "")}";
        commands.Add($"Compare-Quant {string.Join(", ", Files.Select(file => Argument(file.Name)))} -Reference {Argument(Reference)}{corpus}");
        string fence = new('`', Math.Max(3, commands.Max(LongestFence) + 1));
        text.Append(CultureInfo.InvariantCulture, $"\n## Commands\n\n{fence}powershell\n").AppendJoin('\n', commands).Append(CultureInfo.InvariantCulture, $"\n{fence}\n");
    }

    private static int LongestFence(string line)
    {
        int longest = 0;
        int run = 0;
        foreach (char character in line)
            longest = Math.Max(longest, run = character == '`' ? run + 1 : 0);
        return longest;
    }

    // A single-quoted string; PowerShell takes the typographic quotes for the plain one.
    private static string Argument(string value)
    {
        StringBuilder quoted = new("'");
        foreach (char character in PrintableText.Escape(value))
            quoted.Append(character, character is '\'' or '‘' or '’' or '‚' or '‛' ? 2 : 1);
        return quoted.Append('\'').ToString();
    }

    // A double-quoted scalar, in which every character means itself.
    private static string Yaml(string value)
    {
        StringBuilder quoted = new("\"");
        foreach (char character in PrintableText.Escape(value))
        {
            if (character is '"' or '\\')
                quoted.Append('\\');
            quoted.Append(character);
        }
        return quoted.Append('"').ToString();
    }

    private static string Escape(string text) => MarkdownReport.Escape(PrintableText.Escape(text));
}
