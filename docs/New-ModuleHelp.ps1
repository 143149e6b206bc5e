<#
.SYNOPSIS
Generates the module's help from docs/en-US and from the cmdlets themselves.

.DESCRIPTION
docs/en-US/<Verb-Noun>.md has the prose, in PlatyPS's layout without the blocks that only repeat the cmdlet's metadata.
Syntax, types, positions, aliases, pipeline input and default values come from the built module. 'build.ps1' runs this
in a separate PowerShell process, because it loads the module.
#>
#Requires -Version 7.6
[CmdletBinding()]
param(
    [Parameter(Mandatory)] [string] $ManifestPath,
    [Parameter(Mandatory)] [string] $Destination
)

$ErrorActionPreference = 'Stop'
Set-StrictMode -Version Latest
$source = Join-Path $PSScriptRoot en-US
$maml = 'http://schemas.microsoft.com/maml/2004/10'
$commandNamespace = 'http://schemas.microsoft.com/maml/dev/command/2004/10'
$dev = 'http://schemas.microsoft.com/maml/dev/2004/10'

# Headings to their paragraphs, as ordered dictionaries: '## X' holds text, and '### Y' entries with text and code.
function Read-Markdown([string] $Path) {
    $sections = [ordered] @{}
    $section = $entry = $null
    $code = $false
    foreach ($line in [IO.File]::ReadAllLines($Path)) {
        if ($line -match '^```') { $code = -not $code; continue }
        if ($code) { $entry.Code += "$line`n"; continue }
        switch -Regex ($line) {
            '^## (.+)' { $section = [ordered] @{ Text = ''; Entries = [ordered] @{} }; $sections[$Matches[1]] = $section; $entry = $section; break }
            '^### (.+)' { $entry = @{ Text = ''; Code = '' }; $section.Entries[$Matches[1]] = $entry; break }
            default { if ($entry) { $entry.Text += "$line`n" } }
        }
    }
    $sections
}

# Paragraphs of a text: lines are joined, blank lines separate.
function Get-Paragraph([string] $Text) {
    ($Text.Trim() -split '\n\s*\n').ForEach{ ($_ -replace '\s*\n\s*', ' ').Trim() }.Where{ $_ }
}

function Write-Paragraph([string] $Text, [string] $Element = 'description', [string] $Namespace = $maml) {
    $xml.WriteStartElement($Element, $Namespace)
    foreach ($paragraph in Get-Paragraph $Text) { $xml.WriteElementString('para', $maml, $paragraph) }
    $xml.WriteEndElement()
}

# What a parameter is if it is not given: the property's initial value, or what its description calls the default.
function Get-Default($Parameter, [string] $Description, $Instance) {
    if ($Parameter.ParameterType -eq [switch]) { return 'False' }
    if ($Parameter.IsMandatory) { return 'None' }
    if ($Description -match '(?s)\bDefault: (.+?)\.(\s|$)') { return $Matches[1] -replace '\s+', ' ' }
    $property = $Instance.GetType().GetProperty($Parameter.Name)
    $value = if ($property) { $property.GetValue($Instance) }
    if ($value -is [array] -or "$value" -eq '') { 'None' } else { "$value" }
}

function Write-Parameter($Parameter, [string] $Description, [string] $Default, [switch] $Syntax) {
    $type = $Parameter.ParameterType
    $underlying = [Nullable]::GetUnderlyingType($type) ?? $type
    $input = @(if ($Parameter.ValueFromPipeline) { 'ByValue' }; if ($Parameter.ValueFromPipelineByPropertyName) { 'ByPropertyName' })
    $xml.WriteStartElement('parameter', $commandNamespace)
    $xml.WriteAttributeString('required', "$($Parameter.IsMandatory)".ToLowerInvariant())
    $xml.WriteAttributeString('variableLength', "$($type.IsArray)".ToLowerInvariant())
    $xml.WriteAttributeString('globbing', "$([bool] $Parameter.Attributes.Where{ $_ -is [SupportsWildcards] })".ToLowerInvariant())
    $xml.WriteAttributeString('pipelineInput', $(if ($input) { "True ($($input -join ', '))" } else { 'False' }))
    $xml.WriteAttributeString('position', $(if ($Parameter.Position -lt 0) { 'named' } else { "$($Parameter.Position)" }))
    $xml.WriteAttributeString('aliases', $(if ($Parameter.Aliases) { $Parameter.Aliases -join ', ' } else { 'none' }))
    $xml.WriteElementString('name', $maml, $Parameter.Name)
    if (-not $Syntax) { Write-Paragraph $Description }
    if ($type -ne [switch]) {
        $xml.WriteStartElement('parameterValue', $commandNamespace)
        $xml.WriteAttributeString('required', 'true')
        $xml.WriteAttributeString('variableLength', "$($type.IsArray)".ToLowerInvariant())
        $xml.WriteString($underlying.Name)
        $xml.WriteEndElement()
        if ($Syntax -and $underlying.IsEnum) {
            $xml.WriteStartElement('parameterValueGroup', $commandNamespace)
            foreach ($name in [Enum]::GetNames($underlying)) {
                $xml.WriteStartElement('parameterValue', $commandNamespace)
                $xml.WriteAttributeString('required', 'false')
                $xml.WriteAttributeString('variableLength', 'false')
                $xml.WriteString($name)
                $xml.WriteEndElement()
            }
            $xml.WriteEndElement()
        }
    }
    if (-not $Syntax) {
        $xml.WriteStartElement('type', $dev)
        $xml.WriteElementString('name', $maml, "$underlying")
        $xml.WriteEndElement()
        $xml.WriteElementString('defaultValue', $dev, $Default)
    }
    $xml.WriteEndElement()
}

function Write-TypeList([string] $List, [string] $Item, $Entries) {
    $xml.WriteStartElement($List, $commandNamespace)
    foreach ($name in $Entries.Keys) {
        if (-not ($name -as [type])) { throw "docs/en-US names a type that does not exist: $name." }
        $xml.WriteStartElement($Item, $commandNamespace)
        $xml.WriteStartElement('type', $dev)
        $xml.WriteElementString('name', $maml, $name)
        $xml.WriteEndElement()
        Write-Paragraph $Entries[$name].Text
        $xml.WriteEndElement()
    }
    $xml.WriteEndElement()
}

function Write-Command($Command, $Help) {
    $isOwn = { $_.Name -notin [Management.Automation.Cmdlet]::CommonParameters }
    $instance = [Activator]::CreateInstance($Command.ImplementingType)
    $descriptions = $Help.PARAMETERS.Entries

    $xml.WriteStartElement('command', 'command', $commandNamespace)
    $xml.WriteStartElement('details', $commandNamespace)
    $xml.WriteElementString('name', $commandNamespace, $Command.Name)
    $xml.WriteElementString('verb', $commandNamespace, $Command.Verb)
    $xml.WriteElementString('noun', $commandNamespace, $Command.Noun)
    Write-Paragraph $Help.SYNOPSIS.Text
    $xml.WriteEndElement()
    Write-Paragraph $Help.DESCRIPTION.Text

    $xml.WriteStartElement('syntax', $commandNamespace)
    foreach ($set in $Command.ParameterSets) {
        $xml.WriteStartElement('syntaxItem', $commandNamespace)
        $xml.WriteElementString('name', $maml, $Command.Name)
        $positional = $set.Parameters.Where($isOwn) | Sort-Object { $_.Position -lt 0 }, Position -Stable
        foreach ($parameter in $positional) { Write-Parameter $parameter -Syntax }
        $xml.WriteEndElement()
    }
    $xml.WriteEndElement()

    $xml.WriteStartElement('parameters', $commandNamespace)
    $parameters = $Command.ParameterSets.Parameters.Where($isOwn) | Sort-Object Name, { -not $_.IsMandatory } -Stable | Sort-Object Name -Unique -Stable
    foreach ($parameter in $parameters) {
        $text = $descriptions["-$($parameter.Name)"]?.Text
        if (-not $text) { throw "docs/en-US/$($Command.Name).md does not describe -$($parameter.Name)." }
        Write-Parameter $parameter $text (Get-Default $parameter $text $instance)
    }
    foreach ($name in $descriptions.Keys) {
        if ($name.TrimStart('-') -notin $parameters.Name) { throw "docs/en-US/$($Command.Name).md describes $name, which does not exist." }
    }
    $xml.WriteEndElement()

    Write-TypeList inputTypes inputType $Help.INPUTS.Entries
    Write-TypeList returnValues returnValue $Help.OUTPUTS.Entries
    $xml.WriteStartElement('examples', $commandNamespace)
    foreach ($title in $Help.EXAMPLES.Entries.Keys) {
        $xml.WriteStartElement('example', $commandNamespace)
        $xml.WriteElementString('title', $maml, $title)
        $xml.WriteElementString('code', $dev, $Help.EXAMPLES.Entries[$title].Code.TrimEnd())
        Write-Paragraph $Help.EXAMPLES.Entries[$title].Text remarks $dev
        $xml.WriteEndElement()
    }
    $xml.WriteEndElement()
    $xml.WriteStartElement('relatedLinks', $commandNamespace)
    foreach ($link in [regex]::Matches($Help['RELATED LINKS'].Text, '\[(.+?)\]\((.*?)\)')) {
        $xml.WriteStartElement('navigationLink', $maml)
        $xml.WriteElementString('linkText', $maml, $link.Groups[1].Value)
        $xml.WriteElementString('uri', $maml, $link.Groups[2].Value)
        $xml.WriteEndElement()
    }
    $xml.WriteEndElement()
    $xml.WriteEndElement()
}

$module = Import-Module $ManifestPath -PassThru
$commands = $module.ExportedCmdlets.Values | Sort-Object Name
$null = New-Item $Destination -ItemType Directory -Force
$settings = [Xml.XmlWriterSettings] @{ Indent = $true; NewLineChars = "`n"; Encoding = [Text.UTF8Encoding]::new($false) }
$xml = [Xml.XmlWriter]::Create((Join-Path $Destination GgufQuant.Cmdlets.dll-Help.xml), $settings)
try {
    $xml.WriteStartElement('helpItems', 'http://msh')
    $xml.WriteAttributeString('schema', 'maml')
    $xml.WriteAttributeString('xmlns', 'maml', $null, $maml)
    $xml.WriteAttributeString('xmlns', 'command', $null, $commandNamespace)
    $xml.WriteAttributeString('xmlns', 'dev', $null, $dev)
    foreach ($command in $commands) {
        Write-Command (Get-Command $command.Name -Module $module.Name) (Read-Markdown (Join-Path $source "$($command.Name).md"))
    }
    $xml.WriteEndElement()
}
finally {
    $xml.Dispose()
}

# A topic is its Markdown as plain text, under the name that Get-Help looks for.
foreach ($topic in Get-ChildItem $source -Filter about_*.md) {
    Get-Content $topic | Where-Object { $_ -notmatch '^```' } | ForEach-Object { $_ -replace '^#+ ' } |
        Set-Content (Join-Path $Destination "$($topic.BaseName).help.txt")
}
