#Requires -Version 7.6
Set-StrictMode -Version Latest

$root = Join-Path $PSScriptRoot .. .. -Resolve

# The checkout, the sample model and its texts.
$Samples = [pscustomobject] @{
    Root        = $root
    Manifest    = Join-Path $root GgufQuant.psd1
    Model       = Join-Path $root samples novels-6m-f16.gguf
    HeldOut     = Join-Path $root samples heldout.txt
    Calibration = Join-Path $root samples calibration.txt
}

# Writes a GGUF file without the module's help: little-endian, version 3, tensors of F32 with a constant value.
# Metadata values are strings, uint32, single, boolean or arrays of one of these.
# A file that Test-Gguf calls sound, with two tensors: a control vector needs no more.
function New-TestVector {
    [CmdletBinding()]
    [OutputType([IO.FileInfo])]
    param([Parameter(Mandatory)] [string] $Path)

    New-TestGguf $Path -Metadata ([ordered] @{ 'general.architecture' = 'controlvector' }) -Tensor ([ordered] @{ 'direction.1' = 32; 'direction.2' = 32 })
}

function New-TestGguf {
    [CmdletBinding()]
    [OutputType([IO.FileInfo])]
    param(
        [Parameter(Mandatory)] [string] $Path,
        [Collections.Specialized.OrderedDictionary] $Metadata = ([ordered] @{ 'general.architecture' = 'llama' }),
        # Name to dimensions, row length first.
        [Collections.Specialized.OrderedDictionary] $Tensor = ([ordered] @{ 'token_embd.weight' = 256, 4 }),
        [single] $Value = 0.5,
        # Leaves the tensors zero, without writing them: a file of gigabytes takes no time and no disk space.
        [switch] $Sparse
    )

    $full = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path)
    $writer = [IO.BinaryWriter]::new([IO.File]::Create($full))
    $writeText = { param($text) $bytes = [Text.Encoding]::UTF8.GetBytes($text); $writer.Write([uint64] $bytes.Length); $writer.Write($bytes) }
    $typeOf = { param($item) switch ($item) { { $_ -is [string] } { 8 } { $_ -is [bool] } { 7 } { $_ -is [single] } { 6 } default { 4 } } }
    $writeItem = {
        param($item)
        switch (& $typeOf $item) {
            8 { & $writeText $item }
            7 { $writer.Write([bool] $item) }
            6 { $writer.Write([single] $item) }
            4 { $writer.Write([uint32] $item) }
        }
    }
    try {
        $writer.Write([Text.Encoding]::ASCII.GetBytes('GGUF'))
        $writer.Write([uint32] 3)
        $writer.Write([uint64] $Tensor.Count)
        $writer.Write([uint64] $Metadata.Count)
        foreach ($entry in $Metadata.GetEnumerator()) {
            & $writeText $entry.Key
            if ($entry.Value -is [array]) {
                $writer.Write([uint32] 9)
                $writer.Write([uint32] (& $typeOf $entry.Value[0]))
                $writer.Write([uint64] $entry.Value.Count)
                foreach ($item in $entry.Value) { & $writeItem $item }
            }
            else {
                $writer.Write([uint32] (& $typeOf $entry.Value))
                & $writeItem $entry.Value
            }
        }

        $offset = [uint64] 0
        $sizes = foreach ($entry in $Tensor.GetEnumerator()) {
            & $writeText $entry.Key
            $writer.Write([uint32] @($entry.Value).Count)
            $count = [uint64] 1
            foreach ($dimension in $entry.Value) { $writer.Write([uint64] $dimension); $count *= $dimension }
            $writer.Write([uint32] 0)
            $writer.Write($offset)
            $offset += [uint64] ([Math]::Ceiling($count * 4 / 32) * 32)
            $count
        }
        $align = { while ($writer.BaseStream.Position % 32) { $writer.Write([byte] 0) } }
        if ($Sparse) {
            & $align
            $writer.Flush()
            $writer.BaseStream.SetLength($writer.BaseStream.Position + $offset)
            return Get-Item -LiteralPath $full
        }
        foreach ($size in $sizes) {
            & $align
            for ($i = 0; $i -lt $size; $i++) { $writer.Write($Value) }
        }
        & $align
    }
    finally {
        $writer.Dispose()
    }
    Get-Item -LiteralPath $full
}

# Writes an importance matrix in the older format: entries of name, calls and sums, then chunks and the text's name.
function New-TestImatrix {
    [CmdletBinding()]
    [OutputType([IO.FileInfo])]
    param(
        [Parameter(Mandatory)] [string] $Path,
        # Name to one sum per column.
        [Collections.Specialized.OrderedDictionary] $Entry = ([ordered] @{ 'output.weight' = 1, 2 }),
        [int] $Chunks = 1,
        [string] $Dataset = ''
    )

    $full = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path)
    $writer = [IO.BinaryWriter]::new([IO.File]::Create($full))
    $writeText = { param($text) $bytes = [Text.Encoding]::UTF8.GetBytes($text); $writer.Write($bytes.Length); $writer.Write($bytes) }
    try {
        $writer.Write($Entry.Count)
        foreach ($item in $Entry.GetEnumerator()) {
            & $writeText $item.Key
            $writer.Write($Chunks)
            $writer.Write($item.Value.Count)
            foreach ($sum in $item.Value) { $writer.Write([single] $sum) }
        }
        $writer.Write($Chunks)
        & $writeText $Dataset
    }
    finally {
        $writer.Dispose()
    }
    Get-Item -LiteralPath $full
}

# Creates an empty folder, which Pester deletes after the block.
function New-TestFolder {
    [OutputType([IO.DirectoryInfo])]
    param()

    New-Item TestDrive:/$(New-Guid) -ItemType Directory | ForEach-Object { Get-Item $_.FullName }
}

# Copies a file with one ASCII text replaced by another of the same length, once or everywhere.
function Copy-Patched {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory)] [string] $Path,
        [Parameter(Mandatory)] [string] $Destination,
        [Parameter(Mandatory)] [string] $From,
        [Parameter(Mandatory)] [string] $To
    )

    if ($From.Length -ne $To.Length) { throw 'Both texts must have the same length.' }
    $latin1 = [Text.Encoding]::Latin1
    $full = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Destination)
    $text = $latin1.GetString([IO.File]::ReadAllBytes($ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path)))
    if (-not $text.Contains($From)) { throw "'$Path' does not contain '$From'." }
    [IO.File]::WriteAllBytes($full, $latin1.GetBytes($text.Replace($From, $To)))
}

# A server on loopback that behaves like the hub, with the folder's owner/repository/file. The caller disposes of it.
function New-LoopbackHub {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [string] $Path)

    if (-not ('GgufQuant.TestKit.LoopbackHub' -as [type])) {
        $usings = 'System', 'System.Collections.Generic', 'System.IO', 'System.Linq', 'System.Threading', 'System.Threading.Tasks'
        $source = Get-Content (Join-Path $Samples.Root tests GgufQuant.TestKit LoopbackHub.cs) -Raw
        Add-Type -TypeDefinition ("#nullable enable`n" + -join $usings.ForEach{ "using $_;`n" } + $source)
    }
    [GgufQuant.TestKit.LoopbackHub]::new($ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path))
}

# Copies the packaged module without its engine, and returns the path of the copy's manifest.
function Copy-ModuleWithoutEngine {
    [OutputType([string])]
    param()

    $manifest = (Get-Module GgufQuant -ListAvailable)[0].Path
    $copy = Join-Path (New-TestFolder) GgufQuant
    $null = New-Item (Join-Path $copy module) -ItemType Directory
    Get-ChildItem (Join-Path (Split-Path $manifest) module) -Exclude engine | Copy-Item -Destination (Join-Path $copy module) -Recurse
    (Copy-Item $manifest $copy -PassThru).FullName
}

# What Tab offers at the end of a line.
function Complete-Line([Parameter(Mandatory)] [string] $Line) {
    (TabExpansion2 $Line $Line.Length).CompletionMatches
}

# A runspace without a screen, with the packaged module: opened once, since importing takes longer than most commands.
$quietRunspace = [Lazy[Management.Automation.Runspaces.Runspace]]::new([Func[Management.Automation.Runspaces.Runspace]] {
    $state = [initialsessionstate]::CreateDefault2()
    $state.ImportPSModule('GgufQuant')
    $runspace = [runspacefactory]::CreateRunspace($state)
    $runspace.Open()
    $runspace
})

# Runs a script in a runspace without a screen, in the current folder, and returns all its streams.
function Invoke-Streams {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [string] $Script, [hashtable] $Variable = @{})

    $shell = [powershell]::Create($quietRunspace.Value)
    try {
        $shell.Runspace.SessionStateProxy.Path.SetLocation($PWD.ProviderPath) > $null
        foreach ($name in $Variable.Keys) { $shell.Runspace.SessionStateProxy.SetVariable($name, $Variable[$name]) }
        $output = $shell.AddScript($Script, $true).Invoke()
        [pscustomobject] @{
            Output   = @($output)
            Error    = @($shell.Streams.Error)
            Warning  = @($shell.Streams.Warning | ForEach-Object Message)
            Verbose  = @($shell.Streams.Verbose | ForEach-Object Message)
            Progress = @($shell.Streams.Progress)
        }
    }
    finally {
        $shell.Dispose()
    }
}

# Starts the PowerShell that runs the tests once more, with the packaged module on its PSModulePath.
function Start-PowerShell {
    [CmdletBinding()]
    [OutputType([Diagnostics.Process])]
    param([Parameter(Mandatory)] [string[]] $ArgumentList, [hashtable] $Environment = @{}, [string] $WorkingDirectory = $PWD.ProviderPath)

    $program = [Environment]::ProcessPath
    $start = [Diagnostics.ProcessStartInfo]::new($program)
    if ((Split-Path $program -LeafBase) -eq 'dotnet') { $start.ArgumentList.Add((Join-Path $PSHOME pwsh.dll)) }
    foreach ($argument in @('-NoProfile') + $ArgumentList) { $start.ArgumentList.Add($argument) }
    if ($IsLinux) {
        # A test run in the background may ignore Ctrl+C, which its children would inherit.
        foreach ($argument in $start.FileName, '--default-signal=INT,TERM') { $start.ArgumentList.Insert(0, $argument) }
        $start.FileName = 'env'
    }
    foreach ($name in $Environment.Keys) { $start.Environment[$name] = $Environment[$name] }
    $start.WorkingDirectory = $WorkingDirectory
    $start.RedirectStandardInput = $start.RedirectStandardOutput = $start.RedirectStandardError = $true
    [Diagnostics.Process]::Start($start)
}

# Waits for a process from Start-PowerShell, and returns its exit code and what it printed.
function Wait-PowerShell {
    [CmdletBinding()]
    param([Parameter(Mandatory, ValueFromPipeline)] [Diagnostics.Process] $Process, [string] $InputText = '', [int] $TimeoutSeconds = 120)

    process {
        $output = $Process.StandardOutput.ReadToEndAsync()
        $failure = $Process.StandardError.ReadToEndAsync()
        $Process.StandardInput.Write($InputText)
        $Process.StandardInput.Close()
        if (-not $Process.WaitForExit($TimeoutSeconds * 1000)) {
            $Process.Kill($true)
            throw "PowerShell did not end within $TimeoutSeconds s."
        }
        [pscustomobject] @{ ExitCode = $Process.ExitCode; Output = $output.Result.TrimEnd(); Error = $failure.Result.TrimEnd() }
        $Process.Dispose()
    }
}

# Runs a command in another PowerShell to its end.
function Invoke-PowerShell {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [string] $Command, [hashtable] $Environment = @{}, [string] $InputText = '', [int] $TimeoutSeconds = 120)

    Start-PowerShell -ArgumentList '-Command', $Command -Environment $Environment | Wait-PowerShell -InputText $InputText -TimeoutSeconds $TimeoutSeconds
}

# Sends Ctrl+C as a terminal does, or another signal.
function Send-Interrupt([Parameter(Mandatory)] [Diagnostics.Process] $Process, [ValidateSet('INT', 'TERM')] [string] $Signal = 'INT') {
    /bin/kill -s $Signal $Process.Id
}

# Runs a command in another PowerShell, sends Ctrl+C or another signal once a condition holds, and returns what it
# printed by then and how long it took to end.
function Invoke-Interrupted {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory)] [string] $Command,
        [Parameter(Mandatory)] [scriptblock] $When,
        [ValidateSet('INT', 'TERM')] [string] $Signal = 'INT',
        # Prepares another try where the end took more than a second, up to three in all: other programs take their time too.
        [scriptblock] $Retry
    )

    for ($try = 1; ; $try++) {
        $process = Start-PowerShell -ArgumentList '-Command', $Command
        try {
            Wait-Until { $process.HasExited -or (& $When) } -TimeoutSeconds 60
        }
        catch {
            $process.Kill($true)
            throw
        }
        if ($process.HasExited) { throw "PowerShell ended before it was interrupted: $($process | Wait-PowerShell)" }
        $watch = [Diagnostics.Stopwatch]::StartNew()
        Send-Interrupt $process $Signal
        $result = $process | Wait-PowerShell -TimeoutSeconds 30
        $duration = $watch.Elapsed
        if ($duration.TotalSeconds -lt 1 -or -not $Retry -or $try -eq 3) { return $result | Add-Member Duration $duration -PassThru }
        & $Retry
    }
}

# Runs a command that is given a pipe without a writer, and returns its errors. If it waits for the pipe, that is an error.
function Invoke-BesidePipe {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [string] $Pipe, [Parameter(Mandatory)] [string] $Command, [hashtable] $Argument = @{}, [int] $TimeoutSeconds = 5)

    $shell = [powershell]::Create($quietRunspace.Value)
    try {
        $shell.Runspace.SessionStateProxy.Path.SetLocation($PWD.ProviderPath) > $null
        $running = $shell.AddCommand($Command).AddParameters($Argument).BeginInvoke()
        if (-not $running.AsyncWaitHandle.WaitOne([timespan]::FromSeconds($TimeoutSeconds))) {
            # A writer ends the wait, which nothing else can.
            [IO.File]::Open((Join-Path $PWD $Pipe), 'Open', 'ReadWrite').Dispose()
            throw "$Command waits for the pipe."
        }
        try { $null = $shell.EndInvoke($running) } catch { "$_" }
        $shell.Streams.Error | ForEach-Object { "$_" }
    }
    finally {
        $shell.Dispose()
    }
}

# Waits until a condition holds.
function Wait-Until([Parameter(Mandatory)] [scriptblock] $Condition, [int] $TimeoutSeconds = 30) {
    $watch = [Diagnostics.Stopwatch]::StartNew()
    while (-not (& $Condition)) {
        if ($watch.Elapsed.TotalSeconds -gt $TimeoutSeconds) { throw "Within $TimeoutSeconds s this never held: $Condition" }
        Start-Sleep -Milliseconds 20
    }
}

# Lines of what is shown of objects from the pipeline, without colours and trailing blanks.
# Tables have the given width; text that the module wraps has that of an unknown screen, 120.
function Format-Lines {
    [CmdletBinding()]
    [OutputType([string])]
    param(
        [Parameter(ValueFromPipeline)] [object] $InputObject,
        [int] $Width = 120,
        # Shows the objects with Format-List.
        [switch] $List
    )

    begin { $objects = [Collections.Generic.List[object]]::new() }
    process { $objects.Add($InputObject) }
    end {
        $shell = [powershell]::Create($quietRunspace.Value)
        try {
            if ($List) { $null = $shell.AddCommand('Format-List') }
            $text = -join $shell.AddCommand('Out-String').AddParameter('Width', $Width).Invoke($objects)
            [Management.Automation.Internal.StringDecorated]::new($text).ToString('PlainText').Trim("`r", "`n") -split '\r?\n' |
                ForEach-Object TrimEnd
        }
        finally {
            $shell.Dispose()
        }
    }
}

# Holds lines against a file of the folder 'golden'. With GGUFQUANT_UPDATE_GOLDEN=1 the file is written first, to be
# read before it is committed.
function Assert-Golden {
    [CmdletBinding()]
    param([Parameter(Mandatory, Position = 0)] [string] $Name, [Parameter(ValueFromPipeline)] [AllowEmptyString()] [string] $Line)

    begin { $lines = [Collections.Generic.List[string]]::new() }
    process { $lines.Add($Line.Replace((Join-Path $Samples.Root samples), '<samples>').Replace($PWD.ProviderPath, '<here>')) }
    end {
        $path = Join-Path $PSScriptRoot golden "$Name.txt"
        if ($env:GGUFQUANT_UPDATE_GOLDEN -eq '1') { Set-Content -LiteralPath $path $lines }
        $lines -join "`n" | Should -BeExactly ((Get-Content -LiteralPath $path) -join "`n")
    }
}

Export-ModuleMember -Function * -Variable Samples
