using System.Runtime.CompilerServices;

namespace GgufQuant.TestKit;

/// <summary><see cref="ReferenceFactAttribute"/> with data.</summary>
public sealed class ReferenceTheoryAttribute : TheoryAttribute
{
    public ReferenceTheoryAttribute(ReferenceKind kind = ReferenceKind.Any, [CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line) => Skip = TestKit.Skip.Reason(kind);
}
