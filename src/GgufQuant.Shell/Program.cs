using GgufQuant.Shell;

// The engine reports its use to its makers unless this is set before its first type is touched.
Environment.SetEnvironmentVariable("POWERSHELL_TELEMETRY_OPTOUT", "1");

ShellArguments arguments;
try
{
    arguments = ShellArguments.Parse(args);
}
catch (ArgumentException e)
{
    Console.Error.WriteLine(e.Message);
    Console.Error.WriteLine("'--help' shows what can be given.");
    return ExitCodes.BadArguments;
}

if (arguments.Help)
{
    Console.Out.Write(ShellHelp.Text);
    return ExitCodes.Success;
}

return ShellRun.Start(arguments);
