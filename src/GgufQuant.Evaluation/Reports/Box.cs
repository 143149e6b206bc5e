namespace GgufQuant.Evaluation.Reports;

/// <summary>A rectangle of a figure.</summary>
internal readonly record struct Box(double X, double Y, double Width, double Height)
{
    public static Box Around(double x, double y, double radius) => new(x - radius, y - radius, 2 * radius, 2 * radius);

    public bool Overlaps(Box other) =>
        X < other.X + other.Width && other.X < X + Width && Y < other.Y + other.Height && other.Y < Y + Height;

    public bool Contains(Box other) =>
        other.X >= X && other.Y >= Y && other.X + other.Width <= X + Width && other.Y + other.Height <= Y + Height;

    /// <summary>The box's point closest to another one.</summary>
    public (double X, double Y) Closest(double x, double y) => (Math.Clamp(x, X, X + Width), Math.Clamp(y, Y, Y + Height));
}
