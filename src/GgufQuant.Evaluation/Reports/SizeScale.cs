using GgufQuant.IO;
using static GgufQuant.Evaluation.Reports.ReportText;

namespace GgufQuant.Evaluation.Reports;

/// <summary>Maps sizes in bytes to positions on an axis, with room at both ends.</summary>
internal sealed class SizeScale
{
    private const double Margin = 0.06;
    private const double MostTicks = 8;

    private readonly double _low;
    private readonly double _high;
    private readonly double _start;
    private readonly double _end;
    private readonly double _unit;
    private readonly string _unitName;

    /// <summary>An axis from <paramref name="start"/> to <paramref name="end"/> that covers all sizes.</summary>
    public SizeScale(double smallest, double largest, double start, double end)
    {
        double range = largest > smallest ? largest - smallest : Math.Max(1, largest);
        _low = Math.Max(0, smallest - (Margin * range));
        _high = largest + (Margin * range);
        _start = start;
        _end = end;
        (double value, _unitName) = NumberText.InBinaryUnit(_high);
        _unit = _high / value;
    }

    /// <summary>A size's position.</summary>
    public double this[double value] => _start + ((value - _low) / (_high - _low) * (_end - _start));

    /// <summary>Sizes to mark: round numbers of the largest one's binary unit.</summary>
    public IEnumerable<double> Ticks
    {
        get
        {
            double rough = (_high - _low) / _unit / MostTicks;
            double power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
            double[] steps = [1, 2, 5, 10];
            double step = _unit * power * steps.First(step => step >= rough / power * 0.9999);
            for (double tick = Math.Ceiling(_low / step) * step; tick <= _high; tick += step)
                yield return tick;
        }
    }

    /// <summary>The label of a tick, in the largest size's unit.</summary>
    public string Label(double tick) => $"{Tick(Math.Round(tick / _unit, 3))} {_unitName}";
}
