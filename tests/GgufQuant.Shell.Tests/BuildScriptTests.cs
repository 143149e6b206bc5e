namespace GgufQuant.Shell.Tests;

/// <summary><c>build.ps1</c> and the samples, inside the Shell.</summary>
public sealed class BuildScriptTests
{
    public static TheoryData<string> Scripts => new("build.ps1", "samples/quickstart.ps1", "samples/quality.ps1");

    [Theory]
    [MemberData(nameof(Scripts))]
    public void A_script_uses_nothing_that_the_engine_lacks(string script)
    {
        ShellResult result = ShellProcess.Run("-Command", $$"""
            $errors = $null
            $tree = [Management.Automation.Language.Parser]::ParseFile('{{Repository.PathOf(script)}}', [ref] $null, [ref] $errors)
            foreach ($problem in $errors) { $problem.Message }
            $functions = $tree.FindAll({ $args[0] -is [Management.Automation.Language.FunctionDefinitionAst] }, $true).Name
            foreach ($command in $tree.FindAll({ $args[0] -is [Management.Automation.Language.CommandAst] }, $true))
            {
                $name = $command.GetCommandName()
                if ($name -and $name -notin $functions -and -not (Get-Command $name -ErrorAction Ignore)) { $name }
            }
            """);
        Assert.Equal("", result.Error);
        Assert.Empty(result.Lines);
    }

    [Fact]
    public void The_package_holds_what_the_manifest_lists_and_imports_from_a_module_path()
    {
        ShellResult packaged = ShellProcess.Run("build.ps1", "-Task", "Package", "-Configuration", Repository.Configuration);
        Assert.True(packaged.ExitCode == 0, packaged.Output + packaged.Error);

        ShellResult imported = ShellProcess.RunWith("PSModulePath", Repository.PathOf("out"), "-Command", """
            Remove-Module GgufQuant
            $module = Import-Module GgufQuant -PassThru
            $module.ModuleBase
            foreach ($file in (Test-ModuleManifest $module.Path).FileList) { "listed $file" }
            foreach ($file in [IO.Directory]::GetFiles($module.ModuleBase, '*', 'AllDirectories'))
            {
                if ($file -notmatch '/module/(native|llamasharp)/') { "listed $file" }
            }
            """);
        Assert.Equal("", imported.Error);
        Assert.StartsWith(Repository.PathOf("out", "GgufQuant"), imported.Lines[0], StringComparison.Ordinal);
        Assert.All(imported.Lines.Skip(1).GroupBy(line => line), group => Assert.Equal(2, group.Count()));
    }

    [Fact]
    public void The_Pester_task_says_what_is_missing()
    {
        Assert.SkipWhen(IsOnPath("pwsh"), "PowerShell is installed.");
        ShellResult result = ShellProcess.Run("build.ps1", "-Task", "Pester", "-Configuration", Repository.Configuration);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("no 'pwsh' was found on the PATH", result.Error, StringComparison.Ordinal);
    }

    private static bool IsOnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));
}
