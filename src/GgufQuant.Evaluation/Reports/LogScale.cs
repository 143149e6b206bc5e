namespace GgufQuant.Evaluation.Reports;

/// <summary>Maps positive values to positions on an axis, equal ratios to equal lengths.</summary>
internal sealed class LogScale
{
    private readonly double _low;
    private readonly double _high;
    private readonly double _start;
    private readonly double _end;

    /// <summary>An axis from <paramref name="start"/> to <paramref name="end"/> that covers all values, rounded outwards to 1, 2 or 5 times a power of ten.</summary>
    public LogScale(IEnumerable<double> values, double start, double end)
    {
        double[] positive = [.. values.Where(value => value > 0 && double.IsFinite(value)).DefaultIfEmpty(1)];
        _low = Round(positive.Min(), up: false);
        _high = Round(positive.Max(), up: true);
        if (_low == _high)
            _high = Round(_high * 1.01, up: true);
        _start = start;
        _end = end;
    }

    /// <summary>A value's position; a value below the axis is at its start.</summary>
    public double this[double value] =>
        _start + ((_end - _start) * Math.Clamp(Math.Log(Math.Max(value, _low) / _low) / Math.Log(_high / _low), 0, 1));

    /// <summary>Values to mark: powers of ten, with 2 and 5 between them on a short axis.</summary>
    public IEnumerable<double> Ticks
    {
        get
        {
            double[] steps = _high / _low > 200 ? [1] : [1, 2, 5];
            for (int exponent = (int)Math.Floor(Math.Log10(_low) + 1e-9); exponent <= Math.Log10(_high) + 1e-9; exponent++)
            {
                foreach (double step in steps)
                {
                    double tick = step * Math.Pow(10, exponent);
                    if (tick >= _low * 0.999 && tick <= _high * 1.001)
                        yield return tick;
                }
            }
        }
    }

    private static double Round(double value, bool up)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(value)));
        double[] steps = [1, 2, 5, 10];
        double mantissa = value / power;
        return power * (up ? steps.First(step => step >= mantissa * 0.9999) : steps.Last(step => step <= mantissa * 1.0001));
    }
}
