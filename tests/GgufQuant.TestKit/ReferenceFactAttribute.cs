using System.Runtime.CompilerServices;

namespace GgufQuant.TestKit;

/// <summary>A test that compares with llama.cpp's libraries; skipped, with the reason, where there are none that decide it.</summary>
public sealed class ReferenceFactAttribute : FactAttribute
{
    public ReferenceFactAttribute(ReferenceKind kind = ReferenceKind.Any, [CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line) => Skip = TestKit.Skip.Reason(kind);
}
