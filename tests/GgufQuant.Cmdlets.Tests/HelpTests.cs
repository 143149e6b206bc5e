using System.Management.Automation;
using System.Management.Automation.Language;

namespace GgufQuant.Cmdlets.Tests;

/// <summary>The help, as Get-Help gives it, against the cmdlets, as Get-Command gives them.</summary>
public class HelpTests
{
    public static TheoryData<string> Commands => [.. ModuleTests.Names];

    [Theory]
    [MemberData(nameof(Commands))]
    public void A_cmdlet_is_explained(string command)
    {
        using PowerShellSession session = PowerShellSession.Start();
        PSObject help = session.Help(command);
        Assert.EndsWith(".", Text(help, "Synopsis"));
        Assert.NotEmpty(Items(help.Properties["description"].Value));
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void Every_parameter_is_explained_and_nothing_else(string command)
    {
        using PowerShellSession session = PowerShellSession.Start();
        CommandInfo info = session.InvokeOne<CommandInfo>($"Get-Command {command}");
        PSObject[] documented = [.. Items(Property(session.Help(command), "parameters", "parameter"))];
        Assert.Equal(
            info.Parameters.Keys.Except(Cmdlet.CommonParameters).Order(),
            documented.Select(parameter => Text(parameter, "name")).Order());
        Assert.All(documented, parameter =>
        {
            Assert.EndsWith(".", Text(Items(parameter.Properties["description"].Value).First(), "Text"));
            ParameterMetadata actual = info.Parameters[Text(parameter, "name")];
            bool isMandatory = actual.ParameterSets.Values.Any(set => set.IsMandatory);
            Assert.Equal(isMandatory ? "true" : "false", Text(parameter, "required"));
            Assert.Equal(actual.Aliases.Count == 0 ? "none" : string.Join(", ", actual.Aliases), Text(parameter, "aliases"));
        });
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void Examples_use_only_what_there_is(string command)
    {
        using PowerShellSession session = PowerShellSession.Start();
        string[] examples = [.. Items(Property(session.Help(command), "examples", "example")).Select(example => Text(example, "code"))];
        Assert.True(examples.Length >= 2);
        foreach (string example in examples)
        {
            ScriptBlockAst script = Parser.ParseInput(example, out _, out ParseError[] errors);
            Assert.Empty(errors);
            CommandAst[] uses = [.. script.FindAll(node => node is CommandAst use && ModuleTests.Names.Contains(use.GetCommandName()), true).Cast<CommandAst>()];
            Assert.Contains(uses, use => use.GetCommandName() == command);
            foreach (CommandAst use in uses)
                AssertBinds(session, use);
        }
    }

    private static void AssertBinds(PowerShellSession session, CommandAst use)
    {
        CommandInfo info = session.InvokeOne<CommandInfo>($"Get-Command {use.GetCommandName()}");
        foreach (CommandParameterAst parameter in use.CommandElements.OfType<CommandParameterAst>())
        {
            Assert.True(
                info.Parameters.ContainsKey(parameter.ParameterName),
                $"{use.GetCommandName()} has no -{parameter.ParameterName}: {use}");
        }
        int positions = info.Parameters.Values.Max(parameter => parameter.ParameterSets.Values.Max(set => set.Position));
        StaticBindingResult binding = StaticParameterBinder.BindCommand(use);
        Assert.True(binding.BindingExceptions.Count == 0, string.Join('\n', binding.BindingExceptions.Values.Select(failure => failure.BindingException.Message)));
        Assert.InRange(binding.BoundParameters.Keys.Count(name => int.TryParse(name, out _)), 0, Math.Max(0, positions + 1));
    }

    private static object? Property(PSObject from, string name, string inner) =>
        (from.Properties[name].Value as PSObject)?.Properties[inner]?.Value;

    private static IEnumerable<PSObject> Items(object? value) => value switch
    {
        null => [],
        PSObject { BaseObject: object[] items } => items.Select(PSObject.AsPSObject),
        object[] items => items.Select(PSObject.AsPSObject),
        _ => [PSObject.AsPSObject(value)],
    };

    private static string Text(PSObject from, string name) => $"{from.Properties[name].Value}".Trim();
}
