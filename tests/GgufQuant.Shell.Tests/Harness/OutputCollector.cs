using System.Text;

namespace GgufQuant.Shell.Tests;

/// <summary>Reads what a process writes while it runs.</summary>
internal sealed class OutputCollector
{
    private readonly StringBuilder _text = new();
    private readonly Task _reading;

    internal OutputCollector(StreamReader reader) => _reading = Task.Run(() => Read(reader));

    /// <summary>What was written so far.</summary>
    internal string Text
    {
        get
        {
            lock (_text)
                return _text.ToString();
        }
    }

    /// <summary>All that was written, once the process has closed its end.</summary>
    internal string WholeText
    {
        get
        {
            _reading.Wait();
            return Text;
        }
    }

    private async Task Read(StreamReader reader)
    {
        char[] buffer = new char[4096];
        while (await reader.ReadAsync(buffer) is > 0 and int count)
        {
            lock (_text)
                _text.Append(buffer, 0, count);
        }
    }
}
