using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using GgufQuant.Comparison;
using GgufQuant.Evaluation.Reports;

namespace GgufQuant.Evaluation.Tests.Reports;

public sealed class HtmlReportTests
{
    [Fact]
    public void The_page_contains_every_part()
    {
        string page = HtmlReport.Write(ExampleReport.Create());

        Assert.Contains("<h1>novels: what quantizing costs</h1>", page, StringComparison.Ordinal);
        Assert.Contains("Compared with F16 (10.5 MiB) on heldout.txt with llama.cpp, 2026-03-01.", page, StringComparison.Ordinal);
        Assert.Contains("Q4_K_M is the smallest with at least 99% of the reference&#39;s quality: 3.34 MiB, 32% of its size, quality 99.5%.", page, StringComparison.Ordinal);
        Assert.Contains("<td>0.00500 ± 0.00010</td>", page, StringComparison.Ordinal);
        Assert.Contains(" a fine<mark> evening.</mark>", page, StringComparison.Ordinal);
        Assert.Contains("Outside the layers: token_embd.weight in q4_K", page, StringComparison.Ordinal);
        Assert.Equal(4, Pictures(page).Count);
    }

    // Tokens may be parts of a character; what they are on their own is U+FFFD.
    [Fact]
    public void A_difference_within_a_character_is_marked()
    {
        QuantReport report = ExampleReport.Create();
        QuantReportRow row = report.Rows[0] with { Generations = [report.Rows[0].Generations[0] with { AgreeingText = " a fine \uFFFD" }] };

        string page = HtmlReport.Write(report with { Rows = [row] });

        Assert.Contains(" a fine <mark>evening.</mark>", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_figure_has_a_description()
    {
        foreach (XElement picture in Pictures(HtmlReport.Write(ExampleReport.Create())))
        {
            Assert.Equal("img", picture.Attribute("role")!.Value);
            string[] labels = picture.Attribute("aria-labelledby")!.Value.Split(' ');
            Assert.All(labels, label => Assert.NotEmpty(picture.Elements().Single(element => element.Attribute("id")?.Value == label).Value));
        }
    }

    [Fact]
    public void Each_quantization_is_one_point()
    {
        XElement picture = Pictures(HtmlReport.Write(ExampleReport.Create()))[0];

        (double X, double Y)[] points = [.. picture.Elements("circle").Where(circle => circle.Element("title") is not null).OrderByDescending(circle => Number(circle, "cx")).Select(circle => (Number(circle, "cx"), Number(circle, "cy")))];

        // The smaller one is further left and, with more divergence, further up.
        Assert.Equal(2, points.Length);
        Assert.True(points[1].X < points[0].X);
        Assert.True(points[1].Y < points[0].Y);
    }

    [Fact]
    public void Each_tensor_of_a_layer_is_one_cell()
    {
        XElement picture = Pictures(HtmlReport.Write(ExampleReport.Create()))[2];

        double[] shades = [.. picture.Elements("rect").Select(cell => Number(cell, "fill-opacity"))];

        Assert.Equal(3, shades.Length);
        Assert.Equal(1, shades.Max());
        Assert.Equal(shades.Order(), shades);
    }

    [Fact]
    public void The_page_is_self_contained()
    {
        string page = HtmlReport.Write(ExampleReport.Create());

        Assert.DoesNotMatch(@"<script|<link|<img|src=|https?://|@import|url\(", page);
    }

    [Fact]
    public void Text_is_escaped()
    {
        string page = HtmlReport.Write(ExampleReport.Create("<script>alert(1)</script>"));

        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
        Assert.Contains("<blockquote>It was &lt;b&gt;</blockquote>", page, StringComparison.Ordinal);
    }

    [Fact]
    public void No_name_can_be_markup()
    {
        const string Hostile = "</title></style></script><img src=x onerror='alert(1)'>\"&\u0001\uD800";
        QuantReport report = ExampleReport.Create(Hostile);
        report = report with { Title = Hostile, Corpus = Hostile, Engine = Hostile, Reference = report.Reference with { Name = Hostile }, MemoryBudget = 5_400_000 };

        string page = HtmlReport.Write(report);

        Assert.DoesNotMatch("<img|<script|</script|onerror='|[\u0001\uD800]", page[(page.IndexOf("</style>", StringComparison.Ordinal) + 8)..]);
        Assert.Single(Regex.Matches(page, "</title>\\n<style>"));
        Assert.Single(Regex.Matches(page, "</style>"));
        Assert.Contains("<b>Recommended: &lt;/title&gt;", page, StringComparison.Ordinal);
        Assert.Contains("&#39;alert(1)&#39;&gt;&quot;&amp;\uFFFD\uFFFD", page, StringComparison.Ordinal);
        Assert.Equal(4, Pictures(page).Count);
    }

    [Fact]
    public void The_recommended_row_is_marked()
    {
        string page = HtmlReport.Write(ExampleReport.Create());

        Assert.Contains("<p class=\"answer\"><b>Recommended: Q4_K_M.</b> Q4_K_M is the smallest with at least 99%", page, StringComparison.Ordinal);
        Assert.Contains("<tr class=\"pick\"><th scope=\"row\"><span>Q4_K_M</span></th>", page, StringComparison.Ordinal);
        Assert.Single(Regex.Matches(page, "at least 99%"));
    }

    [Fact]
    public void Many_rows_are_in_a_window_and_their_texts_folded()
    {
        string few = HtmlReport.Write(ExampleReport.Create()), many = HtmlReport.Write(ExampleReport.CreateLarge());

        Assert.DoesNotContain("class=\"scroll table window\"", few, StringComparison.Ordinal);
        Assert.Contains("class=\"scroll table window\"", many, StringComparison.Ordinal);
        Assert.DoesNotContain("<summary>2 quantizations", few, StringComparison.Ordinal);
        Assert.Contains("<details><summary>40 quantizations</summary>", many, StringComparison.Ordinal);
        Assert.Equal(42, Pictures(many).Count);
    }

    [Fact]
    public void A_tensors_name_cannot_be_markup()
    {
        QuantReport report = ExampleReport.Create();
        TensorError odd = report.Rows[0].Weights!.Tensors[2];
        TensorError[] tensors = [odd with { Name = "blk.0.<b>&\"x.weight" }, odd with { Name = "<i>outside.weight" }];
        ModelError weights = report.Rows[0].Weights! with { Tensors = tensors, WorstTensor = tensors[0] };
        string page = HtmlReport.Write(report with { Rows = [report.Rows[0] with { Weights = weights }] });

        Assert.DoesNotMatch("<b>&|<i>outside", page);
        Assert.Contains("blk.0.&lt;b&gt;&amp;", page, StringComparison.Ordinal);
        Assert.Contains("&lt;i&gt;outside.weight", page, StringComparison.Ordinal);
        Assert.NotEmpty(Pictures(page));
    }

    [Fact]
    public void The_page_is_the_same_in_every_culture()
    {
        string expected = HtmlReport.Write(ExampleReport.Create());
        CultureInfo culture = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            comma.NumberFormat.NumberDecimalSeparator = ",";
            CultureInfo.CurrentCulture = comma;

            Assert.Equal(expected, HtmlReport.Write(ExampleReport.Create()));
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    [Fact]
    public void Parts_without_measurements_are_omitted()
    {
        QuantReport bare = new("novels", new("F16", 1000), [new("Q8_0", 500)]);

        string page = HtmlReport.Write(bare);

        Assert.Empty(Pictures(page));
        Assert.DoesNotContain("Perplexity", page, StringComparison.Ordinal);
        Assert.Contains("<td>500 B</td>", page, StringComparison.Ordinal);
    }

    private static double Number(XElement element, string attribute) => double.Parse(element.Attribute(attribute)!.Value, CultureInfo.InvariantCulture);

    // Each picture must parse as XML: HTML parsers forgive, viewers of extracted pictures do not.
    private static List<XElement> Pictures(string page) =>
        [.. Regex.Matches(page, "<svg.*?</svg>", RegexOptions.Singleline).Select(match => XElement.Parse(match.Value))];
}
