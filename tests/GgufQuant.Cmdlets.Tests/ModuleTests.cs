using System.Management.Automation;
using System.Reflection;
using GgufQuant.Catalog;
using GgufQuant.Commands;

namespace GgufQuant.Cmdlets.Tests;

/// <summary>What must hold for every cmdlet.</summary>
public class ModuleTests
{
    private static readonly string[] s_writers = ["ConvertTo", "Export", "Merge", "New", "Set", "Split"];

    public static TheoryData<Type> Commands =>
        [.. typeof(Formatting).Assembly.GetTypes().Where(type => type.GetCustomAttribute<CmdletAttribute>() is not null)];

    /// <summary>The names of the cmdlets.</summary>
    internal static IReadOnlyList<string> Names { get; } = [.. Commands.Select(row => NameOf(row.Data)).Order()];

    [Fact]
    public void The_manifest_exports_exactly_the_cmdlets_there_are()
    {
        using PowerShellSession session = PowerShellSession.Start();
        IEnumerable<string> exported = session.Invoke<CmdletInfo>("Get-Command -Module GgufQuant").Select(command => command.Name);
        Assert.Equal(Names, exported.Order());
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void A_class_is_named_for_its_cmdlet_and_says_what_it_writes(Type command)
    {
        CmdletAttribute attribute = command.GetCustomAttribute<CmdletAttribute>()!;
        Assert.Equal($"{attribute.VerbName}{attribute.NounName}Command", command.Name);
        Assert.True(command.IsSealed);
        Assert.NotEmpty(command.GetCustomAttributes<OutputTypeAttribute>());
        Assert.All(
            from property in command.GetProperties()
            from parameter in property.GetCustomAttributes<ParameterAttribute>()
            select (property.Name, parameter.HelpMessage),
            parameter => Assert.False(string.IsNullOrEmpty(parameter.HelpMessage), parameter.Name));
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void Whatever_writes_files_can_be_asked_what_it_would_do(Type command)
    {
        CmdletAttribute attribute = command.GetCustomAttribute<CmdletAttribute>()!;
        Assert.Equal(s_writers.Contains(attribute.VerbName), attribute.SupportsShouldProcess);
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void Whatever_takes_paths_takes_them_like_every_cmdlet(Type command)
    {
        if (!typeof(PathCommand).IsAssignableFrom(command))
            return;
        ParameterAttribute path = Single(command, nameof(PathCommand.Path));
        Assert.True(path is { Position: 0, ValueFromPipeline: true, ValueFromPipelineByPropertyName: true });
        Assert.True(Single(command, nameof(PathCommand.LiteralPath)).ValueFromPipelineByPropertyName);
        Assert.Equal(["PSPath", "LP"], command.GetProperty(nameof(PathCommand.LiteralPath))!.GetCustomAttribute<AliasAttribute>()!.AliasNames);
    }

    [Theory]
    [InlineData("Get-GgufInfo $sample")]
    [InlineData("Get-GgufTensor $sample output.weight")]
    [InlineData("ConvertTo-Quantized $sample Q8_0 -Destination . -Force")]
    [InlineData("Compare-Quant $sample -Reference $sample")]
    [InlineData("$sample")]
    [InlineData("[IO.FileInfo]::new($sample)")]
    public void Every_output_can_be_piped_into_every_cmdlet(string output)
    {
        using PowerShellSession session = PowerShellSession.Start();
        string[] consumers =
        [
            "Get-GgufInfo", "Get-GgufTensor -Name output.weight", "ConvertTo-Quantized -Type Q4_0 -Destination made -Force -AllowRequantize",
            "Compare-Quant -Reference $sample", "Test-Gguf",
        ];
        foreach (string consumer in consumers)
        {
            Assert.NotEmpty(session.Invoke<object>($"{output} | {consumer}"));
            Assert.True(session.Errors.Count == 0, $"{consumer}: {string.Join(' ', session.Errors)}");
        }
    }

    [Theory]
    [InlineData("Get-GgufInfo $sample")]
    [InlineData("ConvertTo-Quantized $sample F16 -Destination .")]
    public void The_type_of_a_file_can_be_explained(string output)
    {
        using PowerShellSession session = PowerShellSession.Start();
        Assert.Equal("F16", session.InvokeOne<QuantType>($"{output} | Get-QuantType").Name);
    }

    private static ParameterAttribute Single(Type command, string property) =>
        Assert.Single(command.GetProperty(property)!.GetCustomAttributes<ParameterAttribute>());

    private static string NameOf(Type command)
    {
        CmdletAttribute attribute = command.GetCustomAttribute<CmdletAttribute>()!;
        return $"{attribute.VerbName}-{attribute.NounName}";
    }
}
