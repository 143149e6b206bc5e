using System.Text;

namespace GgufQuant.Benchmarks;

/// <summary>Collects a text and echoes it as it grows.</summary>
internal sealed class EchoingWriter : TextWriter
{
    private readonly StringBuilder _text = new();

    public override Encoding Encoding => Encoding.UTF8;

    public override void Write(char value)
    {
        _text.Append(value);
        Console.Out.Write(value);
    }

    /// <summary>The text so far.</summary>
    public override string ToString() => _text.ToString();
}
