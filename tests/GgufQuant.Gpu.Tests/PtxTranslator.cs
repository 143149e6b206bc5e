using System.Text.RegularExpressions;

namespace GgufQuant.Gpu.Tests;

/// <summary>PTX as C, an instruction a statement, so that the committed text itself runs without a graphics card.</summary>
/// <remarks>What an instruction does stands in StandIn/ptx_instructions.h, where one that is missing does not compile.</remarks>
internal static partial class PtxTranslator
{
    /// <summary>A file of kernels as a C file that adds them to the stand-in.</summary>
    internal static string Translate(string ptx)
    {
        string code = Comment.Replace(ptx, "");
        code = Directive.Replace(code, "");
        code = Instruction.Replace(code, Statement);
        code = Constant.Replace(code, match => $"static const u8 {match.Groups["name"]}[] __attribute__((aligned(16)))");
        code = Entry.Replace(code, match => $"static void {match.Groups["name"]}(void **parameters, u32 ctaid_x, u32 ntid_x, u32 tid_x)");
        code = Local.Replace(code, match => $"u8 {match.Groups["name"]}[{match.Groups["size"]}] __attribute__((aligned(16)));");
        code = Register.Replace(code, match => $"{match.Groups["type"].Value.Replace("f32", "float")} {string.Join(", ", Names(match))};");
        code = Label.Replace(code, match => $"{match.Groups["name"]}:;");
        code = FloatLiteral.Replace(code, match => $"as_float(0x{match.Groups["bits"]}u)");

        IEnumerable<string> kernels =
            from Match entry in Entry.Matches(ptx)
            let sizes = from Match size in ParameterSize.Matches(entry.Value) select size.Groups["bits"].Value
            select $"    {{ \"{entry.Groups["name"]}\", {entry.Groups["name"]}, {{ {string.Join(", ", sizes.Select(bits => $"{bits} / 8"))} }} }},";
        return $$"""
            #include "ptx_instructions.h"
            {{code}}
            static module these = { {
            {{string.Join('\n', kernels)}}
            } };
            __attribute__((constructor)) static void add_these(void) { stand_in_add(&these); }
            """;
    }

    // '%r<3>' stands for %r0 to %r2.
    private static IEnumerable<string> Names(Match register) => register.Groups["count"] is { Success: true } count
        ? Enumerable.Range(0, int.Parse(count.Value)).Select(i => $"{register.Groups["name"]}{i}")
        : [register.Groups["name"].Value];

    private static string Statement(Match instruction)
    {
        string predicate = instruction.Groups["predicate"] is { Success: true } guard ? $"if ({guard.Value.Replace("%", "")}) " : "";
        string name = instruction.Groups["name"].Value.Replace('.', '_');
        string operands = Regex.Replace(instruction.Groups["operands"].Value.Trim(), @"[\[\]]", "");
        operands = ParameterName.Replace(operands, match => $"parameters[{match.Groups["index"]}]");
        operands = SpecialRegister.Replace(operands, match => $"{match.Groups["name"]}_x");
        return $"{predicate}{name}({operands.Replace("%", "")});";
    }

    [GeneratedRegex(@"//.*")]
    private static partial Regex Comment { get; }

    [GeneratedRegex(@"(?m)^\s*\.(version|target|address_size|pragma)\b.*$")]
    private static partial Regex Directive { get; }

    [GeneratedRegex(@"\.visible \.const \.align \d+ \.b8 (?<name>\w+)\[\d+\]")]
    private static partial Regex Constant { get; }

    [GeneratedRegex(@"\.visible \.entry (?<name>\w+)\([^)]*\)")]
    private static partial Regex Entry { get; }

    [GeneratedRegex(@"\.param \.u(?<bits>\d+)")]
    private static partial Regex ParameterSize { get; }

    [GeneratedRegex(@"\.local \.align \d+ \.b8\s+(?<name>\w+)\[(?<size>\d+)\];")]
    private static partial Regex Local { get; }

    [GeneratedRegex(@"\.reg \.(?<type>\w+)\s+%(?<name>\w+)(<(?<count>\d+)>)?;")]
    private static partial Regex Register { get; }

    [GeneratedRegex(@"(?m)^(?<name>\w+):")]
    private static partial Regex Label { get; }

    [GeneratedRegex(@"(?m)^\s+(@(?<predicate>!?%p\d+)\s+)?(?<name>[a-z][a-z0-9.]*)(?<operands>[^;\n]*);$")]
    private static partial Regex Instruction { get; }

    [GeneratedRegex(@"\w+_param_(?<index>\d+)")]
    private static partial Regex ParameterName { get; }

    [GeneratedRegex(@"%(?<name>tid|ntid|ctaid)\.x")]
    private static partial Regex SpecialRegister { get; }

    [GeneratedRegex(@"\b0f(?<bits>[0-9A-F]{8})\b")]
    private static partial Regex FloatLiteral { get; }
}
