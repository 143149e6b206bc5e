using System.Management.Automation.Host;

namespace GgufQuant.Shell;

/// <summary>The screen as the engine measures it. Cells of the screen can be neither read nor placed.</summary>
internal sealed class GgufHostRawUserInterface(ShellTerminal terminal) : PSHostRawUserInterface
{
    public override ConsoleColor ForegroundColor { get; set; } = ConsoleColor.Gray;

    public override ConsoleColor BackgroundColor { get; set; } = ConsoleColor.Black;

    public override Size BufferSize
    {
        get => new(terminal.Width, terminal.Height);
        set => throw Unsupported("resize the buffer");
    }

    public override Size WindowSize
    {
        get => BufferSize;
        set => throw Unsupported("resize the window");
    }

    public override Size MaxWindowSize => BufferSize;

    public override Size MaxPhysicalWindowSize => BufferSize;

    public override Coordinates CursorPosition
    {
        get => default;
        set => throw Unsupported("place the cursor");
    }

    public override Coordinates WindowPosition
    {
        get => default;
        set => throw Unsupported("move the window");
    }

    public override int CursorSize
    {
        get => 25;
        set => throw Unsupported("shape the cursor");
    }

    public override string WindowTitle { get; set; } = "GgufQuant";

    public override bool KeyAvailable => !Console.IsInputRedirected && Console.KeyAvailable;

    public override KeyInfo ReadKey(ReadKeyOptions options)
    {
        if (Console.IsInputRedirected)
            throw Unsupported("read a key, as standard input is redirected");
        ConsoleKeyInfo key = Console.ReadKey(intercept: options.HasFlag(ReadKeyOptions.NoEcho));
        return new KeyInfo((int)key.Key, key.KeyChar, default, keyDown: true);
    }

    public override void FlushInputBuffer()
    {
        while (KeyAvailable)
            Console.ReadKey(intercept: true);
    }

    public override BufferCell[,] GetBufferContents(Rectangle rectangle) => throw Unsupported("read the screen");

    public override void ScrollBufferContents(Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill) =>
        throw Unsupported("scroll a part of the screen");

    public override void SetBufferContents(Coordinates origin, BufferCell[,] contents) => throw Unsupported("draw on the screen");

    public override void SetBufferContents(Rectangle rectangle, BufferCell fill) => throw Unsupported("draw on the screen");

    private static HostException Unsupported(string what) => new($"GgufQuant.Shell cannot {what}.");
}
