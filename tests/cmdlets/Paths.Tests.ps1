# What every cmdlet that takes files does with -Path and -LiteralPath. None of the files here is a model, so each is answered
# with an error or a finding that names it.
BeforeDiscovery {
    $cmdlets = @(
        @{ Cmdlet = 'Compare-Quant'; Arguments = @{ Reference = $Samples.Model } }
        @{ Cmdlet = 'ConvertTo-ImportanceMatrix'; Arguments = @{ Format = 'Dat' } }
        @{ Cmdlet = 'ConvertTo-Quantized'; Arguments = @{ Type = 'Q8_0' } }
        @{ Cmdlet = 'Find-QuantType'; Arguments = @{ Memory = 1GB } }
        @{ Cmdlet = 'Get-GgufInfo'; Arguments = @{} }
        @{ Cmdlet = 'Get-GgufMetadata'; Arguments = @{} }
        @{ Cmdlet = 'Get-GgufTensor'; Arguments = @{} }
        @{ Cmdlet = 'Get-ImportanceMatrix'; Arguments = @{} }
        @{ Cmdlet = 'Get-QuantPlan'; Arguments = @{ Type = 'Q8_0' } }
        @{ Cmdlet = 'Measure-GgufTask'; Arguments = @{ DataPath = Join-Path $Samples.Root samples continuations.txt; Reference = $Samples.Model } }
        @{ Cmdlet = 'Merge-Gguf'; Arguments = @{} }
        @{ Cmdlet = 'New-ImportanceMatrix'; Arguments = @{ Corpus = $Samples.Calibration } }
        @{ Cmdlet = 'Set-GgufMetadata'; Arguments = @{ Remove = 'general.name' } }
        @{ Cmdlet = 'Split-Gguf'; Arguments = @{} }
        @{ Cmdlet = 'Test-Gguf'; Arguments = @{ Detailed = $true } }
        @{ Cmdlet = 'Test-GgufGeneration'; Arguments = @{ Prompt = 'It was'; Reference = $Samples.Model } }
    )
}

BeforeAll {
    filter Get-Subject { Split-Path ($_ -is [Management.Automation.ErrorRecord] ? $_.TargetObject : $_.Path) -Leaf }
    filter Get-ErrorText { $_.FullyQualifiedErrorId, $_.CategoryInfo.Category, (Split-Path $_.TargetObject -Leaf) -join ' ' }
}

Describe 'The paths of <Cmdlet>' -ForEach $cmdlets {
    BeforeAll {
        $Arguments.ErrorAction = 'Continue'
        $class = "GgufQuant.Commands.$($Cmdlet.Replace('-', ''))Command"
        Push-Location (New-TestFolder)
        foreach ($name in 'a.gguf', 'b.gguf', 'c [1].gguf', 'c 1.gguf') { Set-Content -LiteralPath $name 'no model' }
        $null = New-Item folder -ItemType Directory
    }

    AfterAll {
        Pop-Location
    }

    It 'may be several' {
        & $Cmdlet a.gguf, b.gguf @Arguments 2>&1 | Get-Subject | Should -Be 'a.gguf', 'b.gguf'
    }

    It 'may be wildcards' {
        & $Cmdlet ?.gguf @Arguments 2>&1 | Get-Subject | Should -Be 'a.gguf', 'b.gguf'
    }

    It 'may be wildcards that match nothing' {
        & $Cmdlet none*.gguf @Arguments 2>&1 | Should -BeNullOrEmpty
    }

    It 'may hold brackets and spaces, where a file has that very name' {
        & $Cmdlet 'c [1].gguf' @Arguments 2>&1 | Get-Subject | Should -Be 'c [1].gguf'
        & $Cmdlet 'c ?1?.gguf' @Arguments 2>&1 | Get-Subject | Should -Be 'c [1].gguf'
        & $Cmdlet 'c [0-9].gguf' @Arguments 2>&1 | Get-Subject | Should -Be 'c 1.gguf'
    }

    It 'may be literal' {
        & $Cmdlet -LiteralPath 'c [1].gguf' @Arguments 2>&1 | Get-Subject | Should -Be 'c [1].gguf'
        & $Cmdlet -LP a*.gguf @Arguments 2>&1 | Get-ErrorText | Should -Be "FileNotFound,$class ObjectNotFound a*.gguf"
    }

    It 'may come as text from the pipeline' {
        'a.gguf', 'b.gguf' | & $Cmdlet @Arguments 2>&1 | Get-Subject | Should -Be 'a.gguf', 'b.gguf'
    }

    It 'may come as files from the pipeline' {
        Get-ChildItem | & $Cmdlet @Arguments 2>&1 | Get-Subject | Should -Be 'folder', 'a.gguf', 'b.gguf', 'c [1].gguf', 'c 1.gguf'
    }

    It 'may come as a property from the pipeline' {
        [pscustomobject] @{ Path = 'a.gguf' } | & $Cmdlet @Arguments 2>&1 | Get-Subject | Should -Be 'a.gguf'
        foreach ($name in 'LiteralPath', 'FullName', 'PSPath') {
            [pscustomobject] @{ $name = 'c [1].gguf' } | & $Cmdlet @Arguments 2>&1 | Get-Subject | Should -Be 'c [1].gguf'
        }
    }

    It 'are taken once however often they are named' {
        'a.gguf', './a.gguf' | & $Cmdlet @Arguments 2>&1 | Get-Subject | Should -Be 'a.gguf'
        & $Cmdlet ?.gguf, b.gguf @Arguments 2>&1 | Get-Subject | Should -Be 'a.gguf', 'b.gguf'
    }

    It 'are never the text of an object that is something else' {
        foreach ($object in [pscustomobject] @{ Name = 'a.gguf' }, @{ Name = 'a.gguf' }, 9MB) {
            $failure = , $object | & $Cmdlet @Arguments 2>&1
            $failure.FullyQualifiedErrorId | Should -Match "^InputObject(NotBound|MissingMandatory),$class"
            { & $Cmdlet $object @Arguments } | Should -Throw -ErrorId "ParameterArgumentTransformationError,$class" -ExpectedMessage '*is not a path*'
        }
    }

    It 'may be on a drive of PowerShell' {
        & $Cmdlet (Join-Path TestDrive: (Split-Path $PWD -Leaf) a.gguf) @Arguments 2>&1 | Get-Subject | Should -Be 'a.gguf'
    }

    It 'cannot be given both ways' {
        { & $Cmdlet -Path a.gguf -LiteralPath b.gguf @Arguments } | Should -Throw -ErrorId "AmbiguousParameterSet,$class"
    }

    It 'cannot be of files that do not exist' {
        $failure = & $Cmdlet none.gguf @Arguments 2>&1
        $failure | Get-ErrorText | Should -Be "FileNotFound,$class ObjectNotFound none.gguf"
        $failure.Exception.Message | Should -Be "The file '$(Join-Path $PWD none.gguf)' does not exist."
        & $Cmdlet nowhere:/a.gguf @Arguments 2>&1 | Get-ErrorText | Should -Be "FileNotFound,$class ObjectNotFound a.gguf"
    }

    It 'cannot be addresses' {
        $failure = & $Cmdlet https://example.org/a.gguf @Arguments 2>&1
        $failure | Get-ErrorText | Should -Be "PathIsAddress,$class InvalidArgument a.gguf"
        $failure.Exception.Message | Should -BeLike "*Invoke-WebRequest 'https://example.org/a.gguf' -OutFile 'a.gguf'"
        $failure = & $Cmdlet hf://owner/name/dir/a.gguf @Arguments 2>&1
        $failure.Exception.Message | Should -BeLike "*Invoke-WebRequest 'https://huggingface.co/owner/name/resolve/main/dir/a.gguf' -OutFile 'a.gguf'"
    }

    It 'cannot be of folders' {
        $failure = & $Cmdlet folder @Arguments 2>&1
        $failure | Get-ErrorText | Should -Be "PathIsFolder,$class InvalidArgument folder"
        $failure.Exception.Message | Should -BeLike '*is a folder, not a file. To take the models in it, write*folder?`*.gguf*'
    }

    It 'cannot be outside of the file system' {
        & $Cmdlet env:PATH @Arguments 2>&1 | Get-ErrorText | Should -Be "NotAFileSystemPath,$class InvalidArgument PATH"
    }
}

Describe 'An argument after a pipe' {
    It 'needs its name: <Cmdlet> <Argument>' -ForEach @(
        @{ Cmdlet = 'ConvertTo-Quantized'; Argument = 'Q4_K_M'; Expected = '-Type Q4_K_M' }
        @{ Cmdlet = 'Get-GgufTensor'; Argument = 'output.weight'; Expected = '-Name output.weight' }
        @{ Cmdlet = 'Get-GgufMetadata'; Argument = 'general.name'; Expected = '-Key general.name' }
        @{ Cmdlet = 'Split-Gguf'; Argument = 'parts'; Expected = '-Destination parts' }
    ) {
        $class = "GgufQuant.Commands.$($Cmdlet.Replace('-', ''))Command"
        $failure = { Get-Item $Samples.Model | & $Cmdlet $Argument } | Should -Throw -ErrorId "PathAndPipeline,$class" -PassThru
        $failure.Exception.Message | Should -BeLike "'$Argument' was bound to -Path, *: write $Expected after a pipe."
    }

    It 'may be a path where nothing else is missing' {
        [powershell]::Create().AddCommand('Get-GgufInfo').AddArgument($Samples.Model).Invoke(@()) | Should -HaveCount 1
    }
}
