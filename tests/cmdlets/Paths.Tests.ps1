# What every cmdlet that takes files does with -Path and -LiteralPath. None of the files here is a model, so each is answered
# with an error or a finding that names it.
BeforeDiscovery {
    $cmdlets = @(
        @{ Cmdlet = 'Compare-GgufGeneration'; Arguments = @{ Prompt = 'It was'; Reference = $Samples.Model } }
        @{ Cmdlet = 'Compare-Quant'; Arguments = @{ Reference = $Samples.Model } }
        @{ Cmdlet = 'ConvertTo-ImportanceMatrix'; Arguments = @{ Format = 'Dat' } }
        @{ Cmdlet = 'ConvertTo-Quantized'; Arguments = @{ Type = 'Q8_0' } }
        @{ Cmdlet = 'Find-QuantType'; Arguments = @{ Memory = 1GB }; TakesAddresses = $true }
        @{ Cmdlet = 'Get-GgufInfo'; Arguments = @{}; TakesAddresses = $true }
        @{ Cmdlet = 'Get-GgufMetadata'; Arguments = @{}; TakesAddresses = $true }
        @{ Cmdlet = 'Get-GgufTensor'; Arguments = @{}; TakesAddresses = $true }
        @{ Cmdlet = 'Get-ImportanceMatrix'; Arguments = @{} }
        @{ Cmdlet = 'Get-QuantPlan'; Arguments = @{ Type = 'Q8_0' } }
        @{ Cmdlet = 'Measure-GgufSpeed'; Arguments = @{} }
        @{ Cmdlet = 'Measure-GgufTask'; Arguments = @{ DataPath = Join-Path $Samples.Root samples continuations.txt; Reference = $Samples.Model } }
        @{ Cmdlet = 'Merge-Gguf'; Arguments = @{} }
        @{ Cmdlet = 'New-ImportanceMatrix'; Arguments = @{ Corpus = $Samples.Calibration } }
        @{ Cmdlet = 'Set-GgufMetadata'; Arguments = @{ Remove = 'general.name' } }
        @{ Cmdlet = 'Split-Gguf'; Arguments = @{} }
        @{ Cmdlet = 'Test-Gguf'; Arguments = @{ Detailed = $true } }
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

    It 'cannot be addresses' -Skip:($null -ne $TakesAddresses) {
        $failure = & $Cmdlet https://example.org/a.gguf @Arguments 2>&1
        $failure | Get-ErrorText | Should -Be "PathIsAddress,$class InvalidArgument a.gguf"
        $failure.Exception.Message | Should -BeLike "*Download it first: Save-GgufModel 'https://example.org/a.gguf'"
        $failure = & $Cmdlet hf://owner/name/dir/a.gguf, hf://owner/name @Arguments 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "PathIsAddress,$class", "PathIsAddress,$class"
        $failure[0].Exception.Message | Should -BeLike "*Download it first: Save-GgufModel 'hf://owner/name/dir/a.gguf'"
        $failure[1].Exception.Message | Should -BeLike '*Download a file from https://huggingface.co/owner/name/tree/main first*'
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

Describe 'An address' {
    It 'is answered with how to download it: <Address>' -ForEach @(
        @{ Address = 'hf://o/n@v1/a.gguf'; Expected = "Save-GgufModel 'hf://o/n@v1/a.gguf'" }
        @{ Address = 'hf://datasets/o/n/a.txt'; Expected = "Invoke-WebRequest 'https://huggingface.co/datasets/o/n/resolve/main/a.txt' -OutFile 'a.txt'" }
        @{ Address = 'https://huggingface.co/o/n/blob/main/a.gguf'; Expected = "Save-GgufModel 'https://huggingface.co/o/n/blob/main/a.gguf'" }
        @{ Address = 'hf://o/n/a.txt'; Expected = "Invoke-WebRequest 'https://huggingface.co/o/n/resolve/main/a.txt' -OutFile 'a.txt'" }
        @{ Address = 'https://huggingface.co/o/n'; Expected = 'Download a file from https://huggingface.co/o/n/tree/main first, and name that.' }
        @{ Address = 'HTTPS://example.org/d/a.gguf?download=true'; Expected = "Save-GgufModel 'HTTPS://example.org/d/a.gguf?download=true'" }
        @{ Address = 'https://example.org/'; Expected = 'Download it first, and name the downloaded file.' }
        @{ Address = 's3://bucket/a.gguf'; Expected = 'Download it first, and name the downloaded file.' }
    ) {
        $failure = Split-Gguf $Address -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be 'PathIsAddress,GgufQuant.Commands.SplitGgufCommand'
        $failure.Exception.Message | Should -Be "'$Address' is a URL, not a file. $($Expected -replace '^(Invoke|Save)', 'Download it first: $0')"
    }

    It 'is not a path of another parameter either: <Name>' -ForEach @(
        @{ Name = 'the engine to install'; Work = { Install-QuantEngine https://example.org/a.nupkg } }
        @{ Name = 'the reference'; Work = { Compare-Quant $Samples.Model -Reference hf://o/n/a.gguf } }
        @{ Name = 'the text'; Work = { New-ImportanceMatrix $Samples.Model -Corpus https://example.org/a.txt } }
        @{ Name = 'the report'; Work = { Compare-Quant $Samples.Model -Reference $Samples.Model | Export-QuantReport https://example.org/a.html } }
        @{ Name = 'the destination'; Work = { ConvertTo-Quantized $Samples.Model Q8_0 -Destination hf://o/n/a.gguf } }
        @{ Name = 'the merged matrix'; Work = { New-TestImatrix $TestDrive/m.dat | Merge-ImportanceMatrix -Destination https://example.org/a.dat } }
    ) {
        $Work | Should -Throw -ErrorId 'PathIsAddress,*' -ExpectedMessage '*is a URL*'
    }
}

Describe 'An argument after a pipe' {
    BeforeDiscovery {
        $arguments = @(
            @{ Cmdlet = 'Compare-GgufGeneration'; Argument = 'It was'; Expected = '-Prompt It was' }
            @{ Cmdlet = 'ConvertTo-ImportanceMatrix'; Argument = 'Dat'; Expected = '-Format Dat' }
            @{ Cmdlet = 'Merge-ImportanceMatrix'; Argument = 'merged.gguf'; Expected = '-Destination merged.gguf' }
            @{ Cmdlet = 'New-ImportanceMatrix'; Argument = 'calibration.txt'; Expected = '-Corpus calibration.txt' }
            @{ Cmdlet = 'New-QuantCalibration'; Argument = 'calibration.txt'; Expected = '-Corpus calibration.txt' }
            @{ Cmdlet = 'ConvertTo-Quantized'; Argument = 'Q4_K_M'; Expected = '-Type Q4_K_M' }
            @{ Cmdlet = 'Get-GgufTensor'; Argument = 'output.weight'; Expected = '-Name output.weight' }
            @{ Cmdlet = 'Get-GgufMetadata'; Argument = 'general.name'; Expected = '-Key general.name' }
            @{ Cmdlet = 'Split-Gguf'; Argument = 'parts'; Expected = '-Destination parts' }
            @{ Cmdlet = 'Measure-GgufTask'; Argument = 'questions.txt'; Expected = '-DataPath questions.txt' }
            @{ Cmdlet = 'ConvertTo-Gguf'; Argument = 'Q8_0'; Expected = '-Type Q8_0' }
            @{ Cmdlet = 'Get-ImportanceMatrix'; Argument = 'output.weight'; Expected = '-Name output.weight' }
            @{ Cmdlet = 'Get-QuantPlan'; Argument = 'Q4_K_M'; Expected = '-Type Q4_K_M' }
            @{ Cmdlet = 'Merge-Gguf'; Argument = 'merged.gguf'; Expected = '-Destination merged.gguf' }
            @{ Cmdlet = 'Save-GgufModel'; Argument = 'models'; Expected = '-Destination models' }
        )
    }

    It 'needs its name: <Cmdlet> <Argument>' -ForEach $arguments {
        $class = "GgufQuant.Commands.$($Cmdlet.Replace('-', ''))Command"
        $failure = { Get-Item $Samples.Model | & $Cmdlet $Argument } | Should -Throw -ErrorId "PathAndPipeline,$class" -PassThru
        $failure.Exception.Message | Should -BeLike "'$Argument' was bound to -Path, *: write $Expected after a pipe."
    }

    It 'needs its name in every cmdlet that has a second argument' -ForEach @{ Tried = $arguments.Cmdlet } {
        $cmdlets = Get-Command -Module GgufQuant -CommandType Cmdlet |
            Where-Object { $_.Parameters.Values.ParameterSets.Values.Position -contains 1 }
        # Those of another kind are tried below.
        $cmdlets.Name | Where-Object { $_ -notin $Tried } | Should -Be 'Find-QuantType', 'New-QuantRecipe', 'Set-GgufMetadata'
    }

    It 'is not a path where it is a size or metadata: <Name>' -ForEach @(
        @{ Name = 'New-QuantRecipe'; Work = { Get-Item $Samples.Model | New-QuantRecipe 4MB } }
        @{ Name = 'Set-GgufMetadata'; Work = { Get-Item $Samples.Model | Set-GgufMetadata @{ 'general.name' = 'x' } } }
    ) {
        $Work | Should -Throw -ErrorId "ParameterArgumentTransformationError,GgufQuant.Commands.$($Name.Replace('-', ''))Command" -ExpectedMessage '*not a path*'
    }

    It 'needs its name though a file is called like that' {
        { Get-Item $Samples.Model | New-ImportanceMatrix $Samples.Calibration } |
            Should -Throw -ErrorId 'PathAndPipeline,*' -ExpectedMessage "*write -Corpus $($Samples.Calibration) after a pipe."
    }

    It 'is the memory of Find-QuantType: <Name>' -ForEach @(
        @{ Name = 'a path'; Work = { $Samples.Model | Find-QuantType 10MB } }
        @{ Name = 'a file'; Work = { Get-Item $Samples.Model | Find-QuantType 10MB } }
        @{ Name = 'a model'; Work = { Get-GgufInfo $Samples.Model | Find-QuantType 10MB } }
        @{ Name = 'no pipe, but a literal path'; Work = { Find-QuantType -LiteralPath $Samples.Model 10MB } }
    ) {
        (& $Work).Type | Should -Be (Find-QuantType $Samples.Model 10MB).Type
    }

    It 'is the memory of Find-QuantType: rows' {
        (Compare-Quant $Samples.Model -Reference $Samples.Model -Corpus $Samples.HeldOut -ChunkCount 1 | Find-QuantType 10MB).Type |
            Should -Be (Find-QuantType $Samples.Model 10MB).Type
    }

    It 'may be a path where nothing else is missing' {
        [powershell]::Create().AddCommand('Get-GgufInfo').AddArgument($Samples.Model).Invoke(@()) | Should -HaveCount 1
    }
}

Describe 'Files with several names' {
    BeforeAll { Push-Location (New-TestFolder) }

    AfterAll { Pop-Location }

    It 'are taken once under all their names' -Skip:$IsWindows {
        Copy-Item $Samples.Model one.gguf
        $null = New-Item other.gguf -ItemType SymbolicLink -Target one.gguf
        $null = New-Item third.gguf -ItemType HardLink -Target one.gguf
        (Get-GgufInfo one.gguf, other.gguf, third.gguf).Path | Should -Be (Join-Path $PWD one.gguf)
        Compare-Quant one.gguf -Reference other.gguf | Should -HaveCount 1
        $failure = { ConvertTo-Quantized one.gguf Q8_0 -Destination third.gguf -Force -ErrorAction Stop } | Should -Throw -PassThru
        $failure.FullyQualifiedErrorId | Should -BeLike 'DestinationIsSource,*'
    }
}
