using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace GgufQuant.Evaluation.Reports;

/// <summary>Writes an inline SVG figure with a title and a description for screen readers.</summary>
internal sealed class SvgBuilder
{
    private const double UsualWidth = 760;

    private readonly StringBuilder _text = new();

    public SvgBuilder(string id, string title, string description, double width, double height)
    {
        string size = width > UsualWidth ? "large" : "usual";
        Add($"""<svg class="{size}" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-labelledby="{id}-title {id}-description">""");
        Add($"""<title id="{id}-title">{ReportText.Html(title)}</title><desc id="{id}-description">{ReportText.Html(description)}</desc>""");
    }

    /// <summary>Adds markup; numbers use a decimal point in any culture.</summary>
    public void Add(ref Markup markup) => _text.Append(markup.ToString()).Append('\n');

    /// <inheritdoc/>
    public override string ToString() => _text + "</svg>\n";

    /// <summary>An interpolated string with culture-invariant numbers of at most two decimals.</summary>
    [InterpolatedStringHandler]
    public ref struct Markup(int literalLength, int formattedCount)
    {
        private readonly StringBuilder _text = new(literalLength + (formattedCount * 8));

        public readonly void AppendLiteral(string value) => _text.Append(value);

        public readonly void AppendFormatted(string value) => _text.Append(value);

        public readonly void AppendFormatted(double value) => _text.Append(value.ToString("0.##", CultureInfo.InvariantCulture));

        public override readonly string ToString() => _text.ToString();
    }
}
