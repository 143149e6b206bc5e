namespace GgufQuant.Evaluation.Reports;

/// <summary>Finds room for the names of points, so that no name covers another one, a point or a line.</summary>
/// <param name="area">Where names may be.</param>
internal sealed class LabelPlacement(Box area)
{
    private const double Height = 16;
    private const double Gap = 4;
    private const double FarthestRing = 130;
    private const double Step = 4;
    private const int Directions = 24;

    private readonly List<Box> _taken = [];
    private readonly List<Box> _names = [];

    /// <summary>Keeps names off a point.</summary>
    public void AddPoint(double x, double y, double radius) => _taken.Add(Box.Around(x, y, radius));

    /// <summary>Keeps names off a line.</summary>
    public void AddLine((double X, double Y) from, (double X, double Y) to) => _taken.AddRange(Along(from, to));

    /// <summary>Finds room for a name close to its point, or farther away with a line between them.</summary>
    /// <param name="width">The name's width.</param>
    /// <param name="x">The point.</param>
    /// <param name="y">The point.</param>
    /// <param name="radius">The point's radius.</param>
    /// <returns>The name's box; null if there is no room.</returns>
    public Box? Place(double width, double x, double y, double radius)
    {
        foreach (Box box in Beside(width, x, y, radius + Gap))
        {
            if (IsFree(box))
                return Take(box);
        }
        for (double ring = 24; ring <= FarthestRing; ring += 8)
        {
            for (int i = 0; i < Directions; i++)
            {
                Box box = OnRing(width, x, y, ring, i);
                Box[] leader = [.. Leader(box, x, y, radius) is { } end ? Along((x, y), end) : []];
                if (!IsFree(box) || _names.Exists(name => leader.Any(name.Overlaps)))
                    continue;
                _taken.AddRange(leader);
                return Take(box);
            }
        }
        return null;
    }

    /// <summary>Where the line from a point to its name ends; null if the name is beside the point.</summary>
    public static (double X, double Y)? Leader(Box name, double x, double y, double radius)
    {
        (double X, double Y) end = name.Closest(x, y);
        return Math.Max(Math.Abs(end.X - x), Math.Abs(end.Y - y)) > radius + (2 * Gap) ? end : null;
    }

    // Right, left, above, below, and the corners between them.
    private static IEnumerable<Box> Beside(double width, double x, double y, double gap)
    {
        double right = x + gap, left = x - gap - width, middle = x - (width / 2), above = y - gap - Height, below = y + gap;
        (double X, double Y)[] corners =
        [
            (right, y - 10), (left, y - 10), (middle, above), (middle, below),
            (right - 4, above), (right - 4, below), (left + 4, above), (left + 4, below),
        ];
        return corners.Select(corner => new Box(corner.X, corner.Y, width, Height));
    }

    // From the right upwards and downwards in turn: names above and right of a falling front are clear of it.
    private static Box OnRing(double width, double x, double y, double radius, int direction)
    {
        double angle = -Math.PI / 4 + ((direction + 1) / 2 * (direction % 2 == 0 ? 1 : -1) * 2 * Math.PI / Directions);
        double centreX = x + (radius * Math.Cos(angle)), centreY = y + (radius * Math.Sin(angle));
        return new(Math.Cos(angle) >= 0 ? centreX : centreX - width, centreY - (Height / 2), width, Height);
    }

    private static IEnumerable<Box> Along((double X, double Y) from, (double X, double Y) to)
    {
        int steps = Math.Max(1, (int)(Math.Max(Math.Abs(to.X - from.X), Math.Abs(to.Y - from.Y)) / Step));
        for (int i = 0; i <= steps; i++)
            yield return Box.Around(from.X + ((to.X - from.X) * i / steps), from.Y + ((to.Y - from.Y) * i / steps), 1);
    }

    private bool IsFree(Box box) => area.Contains(box) && !_taken.Exists(box.Overlaps);

    private Box Take(Box box)
    {
        _taken.Add(box);
        _names.Add(box);
        return box;
    }
}
