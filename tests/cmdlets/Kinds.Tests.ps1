# Files beside the models that hold something else: wildcards skip them, and naming one gives an error that says what it is.
BeforeDiscovery {
    $kinds = @(
        @{ Name = 'imatrix'; Kind = 'ImportanceMatrix'; Words = 'an importance matrix'; Metadata = [ordered] @{ 'general.type' = 'imatrix' } }
        @{ Name = 'calibration'; Kind = 'Calibration'; Words = 'a calibration'; Metadata = [ordered] @{ 'general.type' = 'calibration'; 'imatrix.chunk_count' = 1 } }
        @{ Name = 'old-imatrix'; Kind = 'ImportanceMatrix'; Words = 'an importance matrix'; Metadata = [ordered] @{ 'imatrix.chunk_count' = 1 } }
        @{ Name = 'mmproj'; Kind = 'Projector'; Words = 'a multimodal projector'; Metadata = [ordered] @{ 'general.architecture' = 'clip'; 'general.type' = 'mmproj' } }
        @{ Name = 'old-mmproj'; Kind = 'Projector'; Words = 'a multimodal projector'; Metadata = [ordered] @{ 'general.architecture' = 'clip' } }
        @{ Name = 'lora'; Kind = 'Adapter'; Words = 'a LoRA adapter'; Metadata = [ordered] @{ 'general.architecture' = 'llama'; 'general.type' = 'adapter' } }
        @{ Name = 'calibration'; Kind = 'Calibration'; Words = 'a calibration'; Metadata = [ordered] @{ 'general.type' = 'calibration' } }
        @{ Name = 'vector'; Kind = 'ControlVector'; Words = 'a control vector'; Metadata = [ordered] @{ 'general.architecture' = 'controlvector' } }
    )
    $cmdlets = @(
        @{ Cmdlet = 'Compare-GgufGeneration'; Arguments = @{ Prompt = 'It was'; MaxToken = 1; Reference = $Samples.Model } }
        @{ Cmdlet = 'Compare-Quant'; Arguments = @{} }
        @{ Cmdlet = 'ConvertTo-Quantized'; Arguments = @{ Type = 'Q8_0'; Destination = 'made' } }
        @{ Cmdlet = 'Find-QuantType'; Arguments = @{ Memory = 1GB } }
        @{ Cmdlet = 'Measure-GgufSpeed'; Arguments = @{ PromptToken = 1; GeneratedToken = 0; Repeat = 1; ThreadCount = 1 } }
        @{ Cmdlet = 'Measure-GgufTask'; Arguments = @{ DataPath = Join-Path $Samples.Root samples continuations.txt; Count = 1; ThreadCount = 1; Reference = $Samples.Model } }
        @{ Cmdlet = 'New-ImportanceMatrix'; Arguments = @{ Corpus = $Samples.Calibration; Chunks = 1; Destination = 'made' } }
        @{ Cmdlet = 'New-QuantCalibration'; Arguments = @{ Corpus = $Samples.Calibration; Chunks = 1; Destination = 'made'; WarningAction = 'Ignore' } }
    )
}

Describe 'A file that is not a model' {
    BeforeAll {
        Push-Location (New-TestFolder)
        Copy-Item $Samples.Model model.gguf
        $null = ConvertTo-Quantized model.gguf Q8_0 -Destination model-Q8_0.gguf
    }

    AfterAll { Pop-Location }

    Context '<Name>' -ForEach $kinds {
        BeforeAll { $file = New-TestGguf "$Name.gguf" -Metadata $Metadata }
        AfterAll { Remove-Item $file }

        It 'is called <Words>' {
            (Get-GgufInfo $file).Kind | Should -Be $Kind
        }

        It 'is passed over by wildcards of Get-GgufInfo' {
            $result = Invoke-Streams 'Get-GgufInfo *.gguf -Verbose'
            $result.Output.Kind | Should -Be Model, Model
            $result.Verbose | Should -Be "'$file' is skipped: it is $Words, not a model."
        }

        It 'is read by wildcards of cmdlets for any GGUF file' {
            (Get-GgufTensor *.gguf | Select-Object Path -Unique).Path | Should -Contain $file.FullName
            (Get-GgufMetadata *.gguf | Select-Object Path -Unique).Path | Should -Contain $file.FullName
        }
    }

    Context 'that <Cmdlet> is given' -ForEach $cmdlets {
        BeforeAll {
            $class = "GgufQuant.Commands.$($Cmdlet.Replace('-', ''))Command"
            $matrix = New-TestGguf model-imatrix.gguf -Metadata ([ordered] @{ 'general.type' = 'imatrix' })
        }
        AfterAll { Remove-Item $matrix, made -Recurse -ErrorAction Ignore }

        It 'is passed over where a wildcard finds it' {
            $result = Invoke-Streams "$Cmdlet model*.gguf -Verbose @a" @{ a = $Arguments }
            $result.Error | Where-Object TargetObject -eq $matrix.FullName | Should -BeNullOrEmpty
            $result.Verbose | Should -Contain "'$matrix' is skipped: it is an importance matrix, not a model."
            $result.Output | Should -Not -BeNullOrEmpty
            foreach ($output in $result.Output) { "$($output.Path) $($output.Source) $($output.Reference)" | Should -Not -BeLike "*$matrix*" }
        }

        It 'is an error where it is named' {
            $failure = & $Cmdlet $matrix @Arguments -ErrorAction Continue 2>&1 3>$null
            $failure.FullyQualifiedErrorId | Should -Be "NotModel,$class"
            $failure.CategoryInfo.Category | Should -Be InvalidArgument
            $failure.TargetObject | Should -Be $matrix.FullName
            $failure.Exception.Message | Should -Be "'$matrix' is an importance matrix, not a model. Get-ImportanceMatrix shows it."
        }
    }

    It 'is never the reference' {
        $matrix = New-TestGguf model-imatrix.gguf -Metadata ([ordered] @{ 'general.type' = 'imatrix' })
        (Compare-Quant *.gguf).Reference | Select-Object -Unique | Should -Be (Join-Path $PWD model.gguf)
        $failure = Compare-Quant model.gguf -Reference $matrix -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be 'NotModel,GgufQuant.Commands.CompareQuantCommand'
        $failure.TargetObject | Should -Be $matrix.FullName
    }
}

Describe 'A model beside importance matrices' {
    BeforeAll {
        Push-Location (New-TestFolder)
        Copy-Item $Samples.Model model.gguf
        $null = New-TestImatrix a.dat | ConvertTo-ImportanceMatrix -Format Gguf -Destination matrix.gguf
    }

    AfterAll { Pop-Location }

    It 'is passed over by wildcards of <Cmdlet>' -ForEach @(
        @{ Cmdlet = 'Get-ImportanceMatrix'; Arguments = @{} }
        @{ Cmdlet = 'ConvertTo-ImportanceMatrix'; Arguments = @{ Format = 'Dat' } }
        @{ Cmdlet = 'Merge-ImportanceMatrix'; Arguments = @{ Destination = 'merged.dat' } }
    ) {
        $result = Invoke-Streams "$Cmdlet m*.gguf -Verbose @a" @{ a = $Arguments }
        $result.Error | Should -BeNullOrEmpty
        $result.Output | Should -HaveCount 1
        $result.Verbose | Should -Contain "'$(Join-Path $PWD model.gguf)' is skipped: it is a model, not an importance matrix."
        $failure = & $Cmdlet model.gguf @Arguments -ErrorAction Continue 2>&1
        $failure[0].FullyQualifiedErrorId | Should -BeLike 'NotImportanceMatrix,*'
        $failure[0].Exception.Message | Should -BeLike "*model.gguf' is a model, not an importance matrix."
    }
}
