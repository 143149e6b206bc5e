# What the objects of all cmdlets have in common: they keep their meaning as JSON, as CSV, and in other sessions, and they
# show as the formatter that was asked for shows them.
BeforeDiscovery {
    # Kinds of objects, and whether they have the type of a file or of a tensor.
    $kinds = @(
        @{ Kind = 'GgufInfo'; Enum = 'FileType' }
        @{ Kind = 'QuantizedFile'; Enum = 'FileType' }
        @{ Kind = 'PlannedFile'; Enum = 'FileType' }
        @{ Kind = 'QuantTypeInfo'; Enum = 'FileType' }
        @{ Kind = 'QuantTypeFit'; Enum = 'FileType' }
        @{ Kind = 'QuantComparison'; Enum = 'FileType' }
        @{ Kind = 'QuantQuality'; Enum = 'FileType' }
        @{ Kind = 'GgufGeneration'; Enum = 'FileType' }
        @{ Kind = 'TaskMeasurement'; Enum = 'FileType' }
        @{ Kind = 'TaskAnswer'; Enum = 'FileType' }
        @{ Kind = 'SpeedMeasurement'; Enum = 'FileType' }
        @{ Kind = 'TensorInfo'; Enum = 'TensorType' }
        @{ Kind = 'MeasuredTensor'; Enum = 'TensorType' }
        @{ Kind = 'TensorComparison'; Enum = 'TensorType' }
        @{ Kind = 'TensorTypeShare'; Enum = 'TensorType' }
        @{ Kind = 'TensorPlan'; Enum = 'TensorType' }
        @{ Kind = 'PlannedShard' }
        @{ Kind = 'MatrixFile' }
        @{ Kind = 'MatrixEntry' }
        @{ Kind = 'MetadataEntry' }
        @{ Kind = 'MetadataChange' }
        @{ Kind = 'GgufTest' }
        @{ Kind = 'CheckFinding' }
        @{ Kind = 'QuantCalibration' }
        @{ Kind = 'QuantRecipe' }
        @{ Kind = 'HubModel' }
        @{ Kind = 'SavedModel' }
        @{ Kind = 'ComputeDevice' }
        @{ Kind = 'InstalledEngine' }
    )
}

BeforeAll {
    Push-Location (New-TestFolder)
    $made = ConvertTo-Quantized $Samples.Model Q4_K_M -Destination .
    $questions = Join-Path $Samples.Root samples continuations.txt
    $plan = Get-QuantPlan $Samples.Model Q4_K_M -SplitMaxSize 2MB
    $matrix = New-TestImatrix m.dat -Entry ([ordered] @{ 'blk.0.attn_q.weight' = 1..4; 'blk.1.attn_q.weight' = 1..4 }) -Dataset a.txt
    $broken = New-TestGguf broken.gguf
    $calibration = New-QuantCalibration $Samples.Model $Samples.Calibration -ChunkCount 2 -CovarianceWidth 256 -Destination . -WarningAction Ignore
    $hubFolder = New-TestFolder
    $repository = New-Item (Join-Path $hubFolder owner model) -ItemType Directory
    Copy-Item $made.Path $repository
    $hub = New-LoopbackHub $hubFolder
    $endpoint = $env:HF_ENDPOINT
    $env:HF_ENDPOINT = $hub.Endpoint
    $objects = @{
        GgufInfo         = Get-GgufInfo $made
        QuantizedFile    = $made
        PlannedFile      = $plan
        QuantTypeInfo    = Get-QuantType Q4_K_M
        QuantTypeFit     = Find-QuantType $Samples.Model 9152KB | Where-Object IsRecommended
        QuantComparison  = ($made | Compare-Quant)[1]
        QuantQuality     = ($made | Compare-Quant -Corpus $Samples.HeldOut -Chunks 2 -Prompt 'It was')[1]
        GgufGeneration   = $made | Compare-GgufGeneration -Prompt 'It was' -MaxToken 4
        TaskMeasurement  = ($made | Measure-GgufTask -DataPath $questions -Count 4 -ThreadCount 1)[1]
        TaskAnswer       = Measure-GgufTask $made $questions -Count 1 -ThreadCount 1 -Detailed
        SpeedMeasurement = $made | Measure-GgufSpeed -PromptToken 4 -GeneratedToken 2 -Repeat 2 -ThreadCount 1
        TensorInfo       = Get-GgufTensor $made blk.0.ffn_up.weight
        MeasuredTensor   = Get-GgufTensor $made blk.0.ffn_up.weight -Statistics
        TensorComparison = ($made | Compare-Quant -Detailed)[4]
        TensorTypeShare  = $made.Shares[0]
        TensorPlan       = $plan.Tensors[0]
        PlannedShard     = $plan.Shards[0]
        MatrixFile       = $matrix | ConvertTo-ImportanceMatrix -Format Gguf
        MatrixEntry      = ($matrix | Get-ImportanceMatrix)[1]
        MetadataEntry    = Get-GgufMetadata $made general.architecture
        MetadataChange   = Copy-Item $made.Path edited.gguf -PassThru | Set-GgufMetadata -Metadata @{ 'general.name' = 'edited' } -PassThru
        GgufTest         = Test-Gguf $broken -Detailed
        CheckFinding     = (Test-Gguf $broken -Detailed).Findings[0]
        QuantCalibration = $calibration
        QuantRecipe      = New-QuantRecipe $Samples.Model 4MB -Calibration $calibration -DefaultCoefficient -Destination . -WarningAction Ignore
        HubModel         = Find-GgufModel owner/model
        SavedModel       = Find-GgufModel owner/model | Save-GgufModel -Destination saved
        ComputeDevice    = Get-QuantDevice | Select-Object -First 1
        InstalledEngine  = Get-QuantEngine | Select-Object -First 1
    }

    # As jobs and remote sessions return it, and as Import-Clixml does.
    function Convert-Serialized([object] $Object, [int] $Depth) {
        [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($Object, $Depth))
    }

    # The errors of views go nowhere but into $Error.
    function Show-Object([object] $Object, [string] $Formatter = '') {
        $run = Invoke-Streams "`$Error.Clear(); `$object $Formatter | Out-String -Width 120; `$Error.Count" @{ Object = $Object }
        [pscustomobject] @{ Text = $run.Output[0]; Errors = $run.Output[-1] }
    }
}

AfterAll {
    Pop-Location
    $env:HF_ENDPOINT = $endpoint
    $hub.Dispose()
}

Describe '<Kind>' -ForEach $kinds {
    BeforeAll { $object = $objects[$kind] }

    It 'is what the cmdlet returns' {
        $object | Should -HaveCount 1
        $object.GetType().Name | Should -Be $kind
    }

    It 'names its type in a string, beside the enumeration' -Skip:(-not $enum) {
        $object.Type | Should -BeOfType string
        $object.$enum | Should -BeOfType enum
        $object.Type | Should -BeExactly "$($object.$enum)"
    }

    It 'keeps its type as JSON, as CSV and in other sessions' -Skip:(-not $enum) {
        ($object | ConvertTo-Json -Depth 1 -WarningAction Ignore | ConvertFrom-Json).Type | Should -BeExactly $object.Type
        ($object | ConvertTo-Csv | ConvertFrom-Csv).Type | Should -BeExactly $object.Type
        foreach ($depth in 1, 2) { (Convert-Serialized $object $depth).Type | Should -BeExactly $object.Type }
    }

    It 'has plain columns as CSV' {
        $row = $object | ConvertTo-Csv | ConvertFrom-Csv
        foreach ($property in $row.PSObject.Properties) {
            $property.Value | Should -Not -Match '^(System|GgufQuant)\.|`\d|^\w+ \{' -Because "$($property.Name) should be plain"
        }
    }

    It 'is short as JSON' -Skip:($kind -in 'PlannedFile', 'PlannedShard') {
        $json = $object | ConvertTo-Json -Depth 3 -WarningVariable warnings
        $warnings | Should -BeNullOrEmpty
        @($json -split "`n").Count | Should -BeLessThan 80
    }

    It 'obeys Format-Table and Format-List' {
        $names = @($object.PSObject.Properties.Name)
        $table = (Show-Object $object "| Format-Table $($names[0]), $($names[1])").Text.Trim() -split '\r?\n'
        $table[0].TrimEnd() | Should -Match "^ *$($names[0]) +$($names[1])$"
        $list = (Show-Object $object '| Format-List *').Text
        foreach ($name in $names) { $list | Should -Match "(?m)^$name +:" }
    }

    It 'shows in the same view when it comes from a file or a job' {
        $expected = Show-Object $object
        $expected.Errors | Should -Be 0
        foreach ($depth in 1, 2) {
            $shown = Show-Object (Convert-Serialized $object $depth)
            $shown.Text | Should -BeExactly $expected.Text
            $shown.Errors | Should -Be 0
        }
    }

    # A finding is a sentence, which takes several lines.
    It 'has a table that nothing is broken in at <_> columns' -Skip:($kind -eq 'CheckFinding') -ForEach 79, 80, 99, 119, 131, 200 {
        $width = $_
        $text = (Invoke-Streams "`$object | Format-Table | Out-String -Width $width" @{ Object = $object }).Output[0]
        $lines = @([Management.Automation.Internal.StringDecorated]::new($text).ToString('PlainText') -split '\r?\n' -match '\S' -notmatch '^   \w+: ')
        # What a type is good for continues on further lines of the last column.
        if ($kind -eq 'QuantTypeInfo') { $lines = @($lines -notmatch '^ {40}\S') }
        # Above the table, a sentence says which type to take.
        if ($kind -eq 'QuantTypeFit') { $lines = @($lines | Select-Object -Last 3) }
        # A label of two lines would be a column that was squeezed, and an ellipsis in front a number.
        $lines | Should -HaveCount 3
        $lines[1] | Should -Match '^[- ]+$'
        $lines[2] | Should -Not -Match '(^| )…\S'
        $lines.TrimEnd() | Where-Object Length -gt $width | Should -BeNullOrEmpty
        $lines[2].Trim() | Should -Not -Match '\S {40,}\S'
        if ($object.PSObject.Properties['Path'] -and $object.Path -eq $made.Path -and -not $object.PSObject.Properties['TensorType'] -and $kind -notin 'MetadataEntry', 'TaskAnswer') {
            $lines[2] | Should -Match 'novels-6m-Q4_K_M\.gguf' -Because 'the name of the file stays'
        }
    }

    It 'has no property that means two things' {
        $names = $object.PSObject.Properties.Name
        'Weights', 'Parameters', 'Bytes', 'ByteCount', 'TensorBytes', 'ElementCount' | Where-Object { $_ -in $names } | Should -BeNullOrEmpty
        foreach ($property in $object.PSObject.Properties -match 'Share$|^Relative|Match$') {
            if ($property.Value -is [double]) { $property.Value | Should -BeLessOrEqual 1 }
        }
    }
}

Describe 'The figure that matters most' {
    It 'of <Kind> stays within 80 columns: <Label>' -ForEach @(
        @{ Kind = 'QuantComparison'; Label = 'Error'; Value = '4\.94%' }
        @{ Kind = 'QuantizedFile'; Label = 'Of source'; Value = '30\.8%' }
        @{ Kind = 'GgufInfo'; Label = 'Memory'; Value = '7.54 MiB' }
        @{ Kind = 'MeasuredTensor'; Label = 'NaN'; Value = ' 0 ' }
        @{ Kind = 'MatrixEntry'; Label = 'Active'; Value = '100\.0%' }
    ) {
        $text = (Invoke-Streams '$item | Format-Table | Out-String -Width 80' @{ Item = $objects[$kind] }).Output[0]
        $text | Should -Match $label
        $text | Should -Match $value
    }

    It 'of a comparison on a text is the same token, the divergence and the paired difference' {
        $lines = $made | Compare-Quant -Corpus $Samples.HeldOut -Chunks 4 | Format-Lines -Width 80
        $lines -match '^Type +File +Size +Same top +KL div\. +Perplexity$' | Should -HaveCount 1
        $lines -match '^F16 .* \d\d\.\d\d ± \d\.\d\d$' | Should -HaveCount 1
        $lines -match '^Q4_K_M .* [+-]0\.\d+ ± 0\.\d+$' | Should -HaveCount 1
    }
}

Describe 'A former name' {
    It 'of <Kind> still works: <Name>' -ForEach @(
        @{ Kind = 'GgufInfo'; Name = 'Parameters'; Now = 'WeightCount' }
        @{ Kind = 'GgufInfo'; Name = 'TensorBytes'; Now = 'TensorSize' }
        @{ Kind = 'QuantizedFile'; Name = 'Weights'; Now = 'WeightCount' }
        @{ Kind = 'TensorInfo'; Name = 'Weights'; Now = 'WeightCount' }
        @{ Kind = 'MeasuredTensor'; Name = 'Weights'; Now = 'WeightCount' }
        @{ Kind = 'TensorComparison'; Name = 'Weights'; Now = 'WeightCount' }
        @{ Kind = 'TensorTypeShare'; Name = 'Weights'; Now = 'WeightCount' }
        @{ Kind = 'TensorTypeShare'; Name = 'Bytes'; Now = 'Size' }
        @{ Kind = 'TensorPlan'; Name = 'Target'; Now = 'TensorType' }
        @{ Kind = 'QuantTypeFit'; Name = 'Source'; Now = 'Path' }
        @{ Kind = 'QuantTypeInfo'; Name = 'Mix'; Now = 'TypeSelection' }
    ) {
        $objects[$kind].$name | Should -Not -BeNullOrEmpty
        $objects[$kind].$name | Should -Be $objects[$kind].$now
    }

    It 'of what is in detail still works: <Kind>.<Name>' -ForEach @(
        @{ Kind = 'QuantComparison'; Name = 'Weights' }
        @{ Kind = 'QuantQuality'; Name = 'Predictions' }
        @{ Kind = 'QuantQuality'; Name = 'Generations' }
        @{ Kind = 'QuantTypeFit'; Name = 'MemoryEstimate' }
        @{ Kind = 'GgufInfo'; Name = 'MemoryEstimate' }
        @{ Kind = 'GgufInfo'; Name = 'Shape' }
        @{ Kind = 'QuantTypeInfo'; Name = 'Published' }
        @{ Kind = 'QuantTypeInfo'; Name = 'NameParts' }
        @{ Kind = 'GgufGeneration'; Name = 'Comparison' }
    ) {
        $objects[$kind].$name | Should -Not -BeNullOrEmpty
    }
}

Describe 'Rows of Compare-Quant from other sessions' {
    BeforeAll {
        $rows = $made | Compare-Quant -Corpus $Samples.HeldOut -Chunks 2
        $rows | Export-Clixml rows.xml
        $null = $rows | Export-QuantReport direct.html
    }

    It 'make the same report' {
        $null = Import-Clixml rows.xml | Export-QuantReport imported.html
        Get-Content imported.html | Should -Be (Get-Content direct.html)
    }

    It 'make the same report where nothing has loaded the module yet' {
        $result = Invoke-PowerShell "Set-Location '$PWD'; Import-Clixml rows.xml | Export-QuantReport elsewhere.html | ForEach-Object Name"
        $result.Error | Should -BeNullOrEmpty
        Get-Content elsewhere.html | Should -Be (Get-Content direct.html)
    }

    It 'are taken by Find-QuantType' {
        $fits = Find-QuantType $Samples.Model 9152KB -Comparison (Import-Clixml rows.xml)
        ($fits | Where-Object Type -eq Q4_K_M).KlDivergence | Should -Be $rows[1].KlDivergence
    }

    It 'come from jobs' {
        $job = Start-Job {
            Set-Location $using:PWD
            Compare-Quant $using:made.Path -Reference $using:Samples.Model
        }
        $returned = $job | Receive-Job -Wait -AutoRemoveJob
        $returned.Type | Should -Be F16, Q4_K_M
        (Show-Object $returned).Errors | Should -Be 0
        $null = $returned | Export-QuantReport job.html
        $null = $made | Compare-Quant | Export-QuantReport here.html
        Get-Content job.html | Should -Be (Get-Content here.html)
    }

    It 'are rows again, in the same view' {
        $imported = Import-Clixml rows.xml
        $imported[1] | Should -BeOfType GgufQuant.Commands.QuantQuality
        $imported[1].GetPredictions() | Should -Be $rows[1].GetPredictions()
        $imported[1].GetWeightError().Tensors.Count | Should -Be $rows[1].GetWeightError().Tensors.Count
        foreach ($kind in 'QuantComparison', 'QuantQuality') {
            $objects[$kind] | Export-Clixml row.xml
            $row = Import-Clixml row.xml
            $row.GetType().Name | Should -Be $kind
            $row.PSTypeNames | Should -Be $objects[$kind].PSTypeNames
            (Show-Object $row).Text | Should -BeExactly (Show-Object $objects[$kind]).Text
        }
        Start-Job { Import-Module $using:Samples.Manifest; Import-Clixml $using:PWD/rows.xml } | Receive-Job -Wait -AutoRemoveJob |
            Should -BeOfType GgufQuant.Commands.QuantQuality
    }

    It 'are left as they are where <Problem>' -ForEach @(
        @{ Problem = 'a size is negative'; From = '"Size":\d+'; To = '"Size":-1' }
        @{ Problem = 'there is no such type'; From = '"FileType":\d+'; To = '"FileType":12345' }
        @{ Problem = 'no file is named'; From = '"Path":"[^"]*"'; To = '"Path":""' }
        @{ Problem = 'nothing was predicted'; From = '"ScoredTokens":\d+'; To = '"ScoredTokens":-5' }
        @{ Problem = 'a number is missing'; From = '"BitsPerWeight":[^,]*,'; To = '' }
        @{ Problem = 'nothing is JSON'; From = '^.*$'; To = 'no' }
    ) {
        $xml = [xml] (Get-Content rows.xml -Raw)
        $node = $xml.SelectNodes("//*[@N='SerializedData']")[1]
        $node.InnerText = [regex]::new($from).Replace($node.InnerText, $to, 1)
        $xml.Save((Join-Path $PWD changed.xml))
        $changed = (Import-Clixml changed.xml)[1]
        $changed.PSTypeNames[0] | Should -Be Deserialized.GgufQuant.Commands.QuantQuality
        ($changed | Export-QuantReport none.html -ErrorAction Continue 2>&1)[0].FullyQualifiedErrorId | Should -BeLike 'InputObjectNotBound,*'
    }

    It 'are rejected without what was measured' {
        $selected = Import-Clixml rows.xml | Select-Object Path, Type
        $failure = $selected | Export-QuantReport none.html -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Select-Object -First 1 | Should -BeLike 'InputObjectNotBound,*'
        { Find-QuantType $Samples.Model 9152KB -Comparison ($made | Compare-Quant) } | Should -Throw -ErrorId 'CannotConvertArgument*'
    }
}

Describe 'From a file, <Kind>' -ForEach @(
    @{ Kind = 'GgufInfo'; Cmdlet = 'Get-GgufInfo' }
    @{ Kind = 'QuantizedFile'; Cmdlet = 'Compare-Quant' }
    @{ Kind = 'QuantTypeInfo'; Cmdlet = 'Get-QuantType' }
    @{ Kind = 'QuantTypeFit'; Cmdlet = 'Get-QuantPlan' }
    @{ Kind = 'GgufTest'; Cmdlet = 'Test-Gguf' }
    @{ Kind = 'TensorInfo'; Cmdlet = 'Get-GgufTensor' }
    @{ Kind = 'MatrixFile'; Cmdlet = 'Get-ImportanceMatrix' }
    @{ Kind = 'HubModel'; Cmdlet = 'Find-GgufModel' }
    @{ Kind = 'SavedModel'; Cmdlet = 'Get-GgufInfo' }
) {
    It 'is taken by <Cmdlet> as the object itself is' {
        $objects[$kind] | Export-Clixml object.xml
        $expected = $objects[$kind] | & $cmdlet
        $expected | Should -Not -BeNullOrEmpty
        "$(Import-Clixml object.xml | & $cmdlet)" | Should -Be "$expected"
    }
}
