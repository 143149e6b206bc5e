BeforeAll {
    $class = 'GgufQuant.Commands.ConvertToQuantizedCommand'

    # The plan with its warnings; an error ends the test.
    function Get-Plan([object] $Type, [hashtable] $Arguments = @{}) {
        $result = Invoke-Streams 'Get-QuantPlan $model $type -Destination . @arguments' @{
            Model = $Samples.Model; Type = $Type; Arguments = $Arguments
        }
        $result.Error | Should -BeNullOrEmpty
        $result.Output | Add-Member Warning $result.Warning -PassThru
    }

    # The error of a conversion that makes nothing.
    function Get-Failure([object] $Model = $Samples.Model, [hashtable] $Arguments) {
        $before = Get-ChildItem -Name
        $failure = { ConvertTo-Quantized $Model @Arguments -ErrorAction Stop } | Should -Throw -PassThru
        Get-ChildItem -Name | Should -Be $before
        $failure
    }

    function Get-Bytes([string] $Path) { [IO.File]::ReadAllBytes((Join-Path $PWD $Path)) }
}

Describe 'ConvertTo-Quantized' {
    BeforeEach { Push-Location (New-TestFolder) }
    AfterEach { Pop-Location }

    Context 'Files' {
        It 'writes a file for each type beside the source' {
            Copy-Item $Samples.Model novels-f16.gguf
            $files = Get-GgufInfo novels-f16.gguf | ConvertTo-Quantized -Type Q8_0, Q4_K_M
            $files.Path | Should -Be (Join-Path $PWD novels-Q8_0.gguf), (Join-Path $PWD novels-Q4_K_M.gguf)
            $files.Type | Should -Be Q8_0, Q4_K_M
            foreach ($file in $files) {
                $file.Source | Should -Be (Join-Path $PWD novels-f16.gguf)
                $file.Size | Should -Be (Get-Item $file.Path).Length
                $file.SourceSize | Should -Be (Get-Item $file.Source).Length
                $file.RelativeSize | Should -Be ($file.Size / $file.SourceSize)
                $file.Duration | Should -BeGreaterThan ([timespan]::Zero)
                $file.Duration | Should -BeLessThan ([timespan] '00:01:00')
                $file.Hash | Should -BeNullOrEmpty
                [Math]::Round(($file.Shares | Measure-Object Share -Sum).Sum, 9) | Should -Be 1
            }
            $files[1].BitsPerWeight | Should -BeGreaterThan 4.5
            $files[1].BitsPerWeight | Should -BeLessThan 5.5
        }

        It 'writes each type once however often it is named' {
            ConvertTo-Quantized $Samples.Model Q8_0, q8_0 -Destination . | Should -HaveCount 1
        }

        It 'takes types from Get-QuantType' {
            (ConvertTo-Quantized $Samples.Model (Get-QuantType Q8_0) -Destination .).Type | Should -Be Q8_0
        }

        It 'computes the hash of the file with -Hash' {
            $file = ConvertTo-Quantized $Samples.Model Q4_0 -Destination . -Hash
            $file.Hash | Should -Be (Get-FileHash $file.Path).Hash
        }

        It 'writes the same bytes with any number of threads and any budget of memory' {
            $file = ConvertTo-Quantized $Samples.Model Q4_K_M -Destination a.gguf -Hash
            $again = ConvertTo-Quantized $Samples.Model Q4_K_M -Destination b.gguf -Hash -Threads 1 -MemoryBudget 64MB
            $again.Hash | Should -Be $file.Hash
        }

        It 'has the kernels of the types it is given compiled, and no others, while it looks for the model' -Skip:([Environment]::ProcessorCount -eq 1) {
            $result = Invoke-PowerShell @'
ConvertTo-Quantized missing.gguf IQ4_XS -ErrorAction Ignore
$method = [GgufQuant.Formats.BlockFormat].GetMethod('IsPrepared', [Reflection.BindingFlags] 'Instance, NonPublic')
$isPrepared = { param($type) $method.Invoke([GgufQuant.Formats.BlockFormat]::Of($type), @($false)) }
for ($i = 0; $i -lt 300 -and -not (& $isPrepared Q6_K); $i++) { Start-Sleep -Milliseconds 100 }
'IQ4_XS', 'Q6_K', 'Q4_K', 'IQ3_S' | Where-Object { & $isPrepared $_ }
'@
            $result.Error | Should -BeNullOrEmpty
            $result.Output -split '\r?\n' | Should -Be IQ4_XS, Q6_K
        }

        It 'continues with the other types after one that cannot be made' {
            $files = ConvertTo-Quantized $Samples.Model IQ2_XXS, Q8_0 -Destination . -ErrorVariable failure -ErrorAction SilentlyContinue
            $files.Type | Should -Be Q8_0
            Get-ChildItem -Name | Should -Be novels-6m-Q8_0.gguf
            $failure | Should -HaveCount 1
            $failure[0].FullyQualifiedErrorId | Should -Be "ImportanceMatrixNeeded,$class"
            $failure[0].CategoryInfo.Category | Should -Be InvalidOperation
            $failure[0].TargetObject | Should -Be $Samples.Model
            "$($failure[0])" | Should -BeLike '*New-ImportanceMatrix computes one for -ImportanceMatrix.'
        }

        It 'makes the files of one pass as it makes them one by one' {
            $types = 'Q2_K', 'F16', 'Q4_K_M', 'Q4_K_S', 'Q8_0'
            $files = ConvertTo-Quantized $Samples.Model $types -Destination together/ -Hash
            $files.Type | Should -Be $types
            foreach ($file in $files) {
                (ConvertTo-Quantized $Samples.Model $file.Type -Destination alone/ -Hash).Hash | Should -Be $file.Hash
            }
        }

        It 'reads the source once for all types' -Skip:(-not $IsLinux) {
            function Get-ReadByteCount { [long] (Get-Content /proc/self/io | Select-String '^rchar: (\d+)').Matches.Groups[1].Value }
            $before = Get-ReadByteCount
            ConvertTo-Quantized $Samples.Model Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 -Destination . | Should -HaveCount 5
            (Get-ReadByteCount) - $before | Should -BeLessThan (2 * (Get-Item $Samples.Model).Length)
        }

        It 'continues with the other types after one whose file exists' {
            $null = New-Item novels-6m-Q5_0.gguf
            $files = ConvertTo-Quantized $Samples.Model Q4_0, Q5_0, Q8_0 -Destination . -ErrorVariable failure -ErrorAction SilentlyContinue
            $files.Type | Should -Be Q4_0, Q8_0
            $failure.FullyQualifiedErrorId | Should -Be "DestinationExists,$class"
            (Get-Item novels-6m-Q5_0.gguf).Length | Should -Be 0
            Get-ChildItem | Should -HaveCount 3
        }

        It 'returns what is kept and what is made in the order of the types' {
            $null = ConvertTo-Quantized $Samples.Model Q5_0 -Destination .
            $files = ConvertTo-Quantized $Samples.Model Q4_0, Q5_0, Q8_0 -Destination . -SkipExisting
            $files.Type | Should -Be Q4_0, Q5_0, Q8_0
            $files.KeptPaths | Should -Be $files[1].Path
        }

        It 'takes a quantized source only with -AllowRequantize' {
            $null = ConvertTo-Quantized $Samples.Model Q8_0 -Destination x-Q8_0.gguf
            $failure = Get-Failure x-Q8_0.gguf @{ Type = 'Q4_0' }
            $failure.FullyQualifiedErrorId | Should -Be "AlreadyQuantized,$class"
            $failure.CategoryInfo.Category | Should -Be InvalidOperation
            $failure.TargetObject | Should -Be (Join-Path $PWD x-Q8_0.gguf)
            "$failure" | Should -BeLike '*-AllowRequantize allows it.'
            (ConvertTo-Quantized x-Q8_0.gguf Q4_0 -AllowRequantize).Path | Should -Be (Join-Path $PWD x-Q4_0.gguf)
        }
    }

    Context 'The pipeline' {
        BeforeAll {
            function Get-Csv([string[]] $Line) { 'Path,Type', $Line | ForEach-Object { $_ } | ConvertFrom-Csv }
        }

        It 'may say what to make of each model' {
            $model = $Samples.Model
            $files = Get-Csv "$model,Q8_0", "$model,q4_0" | ConvertTo-Quantized -Destination .
            $files.Type | Should -Be Q8_0, Q4_0
            ([pscustomobject] @{ FullName = $model; QuantType = 'Q5_0' } | ConvertTo-Quantized -Destination .).Type | Should -Be Q5_0
        }

        It 'may be what Find-QuantType recommends' {
            (Find-QuantType $Samples.Model 9152KB | Where-Object IsRecommended | ConvertTo-Quantized -Destination .).Type | Should -Be Q4_K_M
            Find-QuantType $Samples.Model 9152KB | Where-Object IsRecommended | Export-Clixml fit.xml
            (Import-Clixml fit.xml | ConvertTo-Quantized -Destination . -Force).Type | Should -Be Q4_K_M
        }

        It 'does not say it with what a file is' {
            $made = ConvertTo-Quantized $Samples.Model F16 -Destination made-F16.gguf
            foreach ($item in @($made; Get-GgufInfo made-F16.gguf; Get-GgufTensor made-F16.gguf output.weight; Start-Job { Get-GgufInfo $using:made.Path } | Receive-Job -Wait -AutoRemoveJob)) {
                $failure = { $item | ConvertTo-Quantized -Destination out } | Should -Throw -ErrorId "TypeOrCopy,$class" -PassThru
                $failure.TargetObject | Should -Be $made.Path
                ($item | ConvertTo-Quantized -Type Q8_0 -Destination out -Force).Type | Should -Be Q8_0
            }
        }

        It 'gives way to -Type and -Copy' {
            $rows = Get-Csv "$($Samples.Model),Q8_0"
            ($rows | ConvertTo-Quantized -Type Q4_0 -Destination .).Type | Should -Be Q4_0
            ($rows | ConvertTo-Quantized -Copy -Destination .).Type | Should -Be F16
        }

        It 'may say it wrong, and then says the next' {
            $model = $Samples.Model
            $files = Get-Csv "$model,Q9", "$model,", "$model,Q8_0" | ConvertTo-Quantized -Destination . -ErrorVariable failure -ErrorAction SilentlyContinue
            $files.Type | Should -Be Q8_0
            $failure.FullyQualifiedErrorId | Should -Be "ParameterArgumentTransformationError,$class", "TypeOrCopy,$class"
            $failure[0].Exception.Message | Should -BeLike "*'Q9' is not one of llama.cpp's types*"
        }
    }

    Context 'Destination' {
        It 'is a file or a folder: <destination>' -ForEach @(
            @{ Destination = 'made'; Expected = 'made/novels-6m-Q8_0.gguf' }
            @{ Destination = 'made/'; Expected = 'made/novels-6m-Q8_0.gguf' }
            @{ Destination = 'other.gguf'; Expected = 'other.gguf' }
            @{ Destination = './other.GGUF'; Expected = 'other.GGUF' }
            @{ Destination = 'a/b'; Expected = 'a/b/novels-6m-Q8_0.gguf' }
            @{ Destination = 'made [1]'; Expected = 'made [1]/novels-6m-Q8_0.gguf' }
            @{ Destination = '[1]*.gguf'; Expected = '[1]*.gguf' }
            @{ Destination = 'TestDrive:/drive'; Expected = '../drive/novels-6m-Q8_0.gguf' }
        ) {
            $file = ConvertTo-Quantized $Samples.Model Q8_0 -Destination $destination
            $file.Path | Should -Be ([IO.Path]::GetFullPath((Join-Path $PWD $expected)))
            Test-Path -LiteralPath $file.Path | Should -BeTrue
        }

        It 'is replaced only with -Force' {
            Set-Content x.gguf precious
            $failure = Get-Failure -Arguments @{ Type = 'Q8_0'; Destination = 'x.gguf' }
            $failure.FullyQualifiedErrorId | Should -Be "DestinationExists,$class"
            $failure.CategoryInfo.Category | Should -Be ResourceExists
            $failure.TargetObject | Should -Be (Join-Path $PWD x.gguf)
            $failure.Exception.Message | Should -BeLike '*-Force*'
            Get-Content x.gguf | Should -Be precious
            (ConvertTo-Quantized $Samples.Model Q8_0 -Destination x.gguf -Force).Size | Should -Be (Get-Item x.gguf).Length
        }

        It 'cannot be in a folder that does not exist' {
            $failure = Get-Failure -Arguments @{ Type = 'Q8_0'; Destination = 'none/x.gguf' }
            $failure.FullyQualifiedErrorId | Should -Be "FolderNotFound,$class"
            $failure.CategoryInfo.Category | Should -Be ObjectNotFound
            $failure.TargetObject | Should -Be (Join-Path $PWD none x.gguf)
        }

        It 'cannot be the source' {
            Copy-Item $Samples.Model m-Q8_0.gguf
            foreach ($more in @{}, @{ Force = $true }) {
                $failure = Get-Failure m-Q8_0.gguf (@{ Type = 'Q8_0' } + $more)
                $failure.FullyQualifiedErrorId | Should -Be "DestinationIsSource,$class"
                $failure.CategoryInfo.Category | Should -Be InvalidArgument
                $failure.TargetObject | Should -Be (Join-Path $PWD m-Q8_0.gguf)
            }
        }

        It 'needs room on its disk' -Skip:(-not $IsLinux) {
            $large = New-TestGguf large.gguf -Tensor ([ordered] @{ 'blk.0.ffn_up.weight' = 1MB, 2MB }) -Sparse
            $failure = Get-Failure large.gguf @{ Type = 'BF16'; Destination = 'x.gguf' }
            $failure.FullyQualifiedErrorId | Should -Be "DiskFull,$class"
            $failure.CategoryInfo.Category | Should -Be WriteError
            $failure.TargetObject | Should -Be (Join-Path $PWD x.gguf)
        }

        It 'cannot be one file for several types' {
            $failure = Get-Failure -Arguments @{ Type = 'Q8_0', 'Q4_0'; Destination = 'x.gguf' }
            $failure.FullyQualifiedErrorId | Should -Be "DestinationIsFile,$class"
            $failure.CategoryInfo.Category | Should -Be InvalidArgument
            $failure.TargetObject | Should -Be x.gguf
        }

        It 'cannot be one file for several models' {
            foreach ($name in 'a.gguf', 'b.gguf') { Copy-Item $Samples.Model $name }
            $files = ConvertTo-Quantized ?.gguf Q8_0 -Destination out.gguf -Force -ErrorVariable failure -ErrorAction SilentlyContinue
            $files.Source | Should -Be (Join-Path $PWD a.gguf)
            $failure | Should -HaveCount 1
            $failure[0].FullyQualifiedErrorId | Should -Be "DestinationUsedTwice,$class"
            $failure[0].CategoryInfo.Category | Should -Be ResourceExists
            $failure[0].Exception.Message | Should -BeLike '*from another file*'
        }

        It 'is written once for a model whose tensors come from the pipeline' {
            $files = Get-GgufTensor $Samples.Model *attn_q* | ConvertTo-Quantized -Type Q8_0 -Destination . -ErrorVariable failure
            $files | Should -HaveCount 1
            $failure | Should -BeNullOrEmpty
        }

        It 'is left to the next model by one that cannot be converted' {
            $broken = [IO.File]::ReadAllBytes($Samples.Model)
            $broken[-1] = 0x7f
            $broken[-2] = 0xff
            [IO.File]::WriteAllBytes("$PWD/m-f16.gguf", $broken)
            Copy-Item $Samples.Model m-f32.gguf
            $file = ConvertTo-Quantized m-f16.gguf, m-f32.gguf -Type Q8_0 -ErrorVariable failure -ErrorAction SilentlyContinue
            $file.Source | Should -Be (Join-Path $PWD m-f32.gguf)
            $file.Path | Should -Be (Join-Path $PWD m-Q8_0.gguf)
            $failure | Should -HaveCount 1
            $failure[0].FullyQualifiedErrorId | Should -Be "CannotQuantize,$class"
            $failure[0].TargetObject | Should -Be (Join-Path $PWD m-f16.gguf)
        }

        It 'may differ from another in case alone' -Skip:(-not $IsLinux) {
            foreach ($name in 'm.gguf', 'M.gguf') { Copy-Item $Samples.Model $name }
            ConvertTo-Quantized m.gguf, M.gguf Q8_0 | Should -HaveCount 2
        }
    }

    Context 'WhatIf and Confirm' {
        It 'writes and returns nothing with -WhatIf' {
            ConvertTo-Quantized $Samples.Model Q2_K, Q8_0 -Destination . -WhatIf | Should -BeNullOrEmpty
            $WhatIfPreference = $true
            ConvertTo-Quantized $Samples.Model Q8_0 -Destination . | Compare-Quant | Should -BeNullOrEmpty
            Get-ChildItem | Should -BeNullOrEmpty
        }

        It 'says with -WhatIf what it would do' {
            $result = Invoke-PowerShell "ConvertTo-Quantized '$($Samples.Model)' Q4_K_M -WhatIf -Destination '$PWD'"
            $result.Error | Should -BeNullOrEmpty
            $result.Output |
                Should -Be "What if: Quantize 'novels-6m-f16.gguf' to Q4_K_M and write 3.41 MiB to '$(Join-Path $PWD novels-6m-Q4_K_M.gguf)'."
        }

        It 'asks with -Confirm before each file' {
            $result = Invoke-PowerShell "ConvertTo-Quantized '$($Samples.Model)' Q8_0, Q4_0 -Destination '$PWD' -Confirm | % Path" -InputText "n`ny`n"
            $result.Error | Should -BeNullOrEmpty
            $result.Output | Should -BeLike "*Quantize 'novels-6m-f16.gguf' to Q8_0 and write*Quantize 'novels-6m-f16.gguf' to Q4_0 and write*"
            Get-ChildItem -Name | Should -Be novels-6m-Q4_0.gguf
        }
    }

    Context 'Options' {
        It 'plans <target> for <tensor> with <arguments.Keys>' -ForEach @(
            @{ Tensor = 'blk.0.attn_v.weight'; Target = 'Q4_K'; Arguments = @{ Pure = $true } }
            @{ Tensor = 'output.weight'; Target = 'Q8_0'; Arguments = @{ OutputTensorType = 'q8_0' } }
            @{ Tensor = 'token_embd.weight'; Target = 'Q5_K'; Arguments = @{ TokenEmbeddingType = 'Q5_K' } }
            @{ Tensor = 'output.weight'; Target = 'F16'; Arguments = @{ LeaveOutputTensor = $true } }
            @{ Tensor = 'blk.0.attn_q.weight'; Target = 'Q6_K'; Arguments = @{ TensorType = 'blk\.0\.attn_q=q6_K', 'attn_q=Q5_K' } }
            @{ Tensor = 'blk.1.attn_q.weight'; Target = 'Q5_K'; Arguments = @{ TensorType = 'blk\.0\.attn_q=q6_K', 'attn_q=Q5_K' } }
            @{ Tensor = 'blk.1.attn_q.weight'; Target = 'Q8_0'; Arguments = @{ TensorType = [ordered] @{ attn_q = 'q8_0'; attn = 'q5_K' } } }
        ) {
            ((Get-Plan Q4_K_M $arguments).Tensors | Where-Object Name -eq $tensor).Target | Should -Be $target
        }

        It 'warns of a rule that matches no tensor' {
            $plan = Get-Plan Q4_K_M @{ TensorType = 'atn_q=q6_K', 'attn_v=q6_K' }
            $plan.Warning | Should -HaveCount 1
            $plan.Warning | Should -BeLike "*'atn_q=q6_K' matches no tensor*"
        }

        It 'warns of rules for a type that takes none' {
            $plan = Get-Plan BF16 @{ TensorType = 'attn_v=q8_0' }
            $plan.Warning | Should -HaveCount 1
            $plan.Warning | Should -BeLike 'BF16 has no tensor type selection*'
        }

        It 'gives up a pattern that takes too long' {
            $failure = Get-Failure -Arguments @{ Type = 'Q4_K_M'; Destination = '.'; TensorType = '^(((\w+)+\.?)+)+[^t]$=q6_K' }
            $failure.Exception.Message | Should -BeLike '*simplify the pattern*'
        }

        It 'contradicts nothing with a switch that is off' {
            Get-Plan Q4_0 @{ KeepSplit = $false; SplitMaxSize = 1MB; Copy = $false; Pure = $true } | Should -HaveCount 1
        }

        It 'prunes layers and replaces metadata' {
            $info = ConvertTo-Quantized $Samples.Model Q4_0 -PruneLayer 1, 2 -Metadata @{ 'general.name' = 'Small' } -Destination . | Get-GgufInfo
            $info.Layers | Should -Be 4
            $info.Name | Should -Be Small
        }
    }

    Context 'Arguments' {
        It 'answers -<name> <value> with what to write' -ForEach @(
            @{ Name = 'TensorType'; Value = 'attn_q'; Expected = "'attn_q' is not a tensor rule. Write rules as" }
            @{ Name = 'TensorType'; Value = 'attn_q=q9_K'; Expected = "'q9_K' is not a tensor type" }
            @{ Name = 'TensorType'; Value = '(=q4_K'; Expected = 'is not a regular expression' }
            @{ Name = 'TensorType'; Value = 'attn_v=q5'; Expected = "'q5' is not a tensor type. Did you mean 'q5_0', 'q5_1' or 'q5_K'?" }
            @{ Name = 'TensorType'; Value = 'attn_v=huge'; Expected = "'huge' is not a tensor type. Write rules as" }
            @{ Name = 'OutputTensorType'; Value = 'Q9'; Expected = "'Q9' is not a tensor type" }
            @{ Name = 'OutputTensorType'; Value = 'q6k'; Expected = "'q6k' is not a tensor type. Did you mean 'q6_K'?" }
            @{ Name = 'TokenEmbeddingType'; Value = 'q6k'; Expected = "'q6k' is not a tensor type. Did you mean 'q6_K'?" }
            @{ Name = 'Type'; Value = 'Q9'; Expected = "'Q9'" }
            @{ Name = 'Type'; Value = 'Q4KM'; Expected = "'Q4KM' is not a quantization. Did you mean 'Q4_K_M'?" }
            @{ Name = 'Type'; Value = 'Q4_KM'; Expected = "'Q4_KM' is not a quantization. Did you mean 'Q4_K_M'?" }
            @{
                Name     = 'Type'
                Value    = 'Q5_M'
                Expected = "'Q5_M' is not one of llama.cpp's types (Q5: about 5 bits per weight; _M: medium: the most sensitive tensors get more bits). Did you mean 'Q5_K_M'?"
            }
            @{ Name = 'Type'; Value = 'Q8'; Expected = "Did you mean 'Q8_0'?" }
            @{ Name = 'Type'; Value = 'small'; Expected = "'small' is not a quantization. Get-QuantType lists them all." }
        ) {
            $arguments = @{ Type = 'Q4_0'; Destination = '.' }
            $arguments[$name] = $value
            $failure = Get-Failure -Arguments $arguments
            $failure.FullyQualifiedErrorId | Should -Be "ParameterArgumentTransformationError,$class"
            $failure.CategoryInfo.Category | Should -Be InvalidData
            $failure.Exception.Message | Should -BeLike "*$([wildcardpattern]::Escape($expected))*"
        }

        It 'rejects -<name> <value>' -ForEach @(
            @{ Name = 'Threads'; Value = 0 }
            @{ Name = 'MemoryBudget'; Value = 1MB }
            @{ Name = 'SplitMaxSize'; Value = 0 }
            @{ Name = 'SplitMaxTensor'; Value = 0 }
            @{ Name = 'PruneLayer'; Value = -1 }
            @{ Name = 'Destination'; Value = '' }
        ) {
            $arguments = @{ Type = 'Q4_0'; Destination = '.' }
            $arguments[$name] = $value
            (Get-Failure -Arguments $arguments).FullyQualifiedErrorId | Should -Be "ParameterArgumentValidationError,$class"
        }

        It 'rejects -<first> beside -<second>' -ForEach @(
            foreach ($second in 'TensorType', 'Recipe', 'Pure', 'OutputTensorType', 'TokenEmbeddingType', 'LeaveOutputTensor', 'ImportanceMatrix') {
                @{ First = 'Copy'; Second = $second }
            }
            @{ First = 'LeaveOutputTensor'; Second = 'OutputTensorType' }
            @{ First = 'KeepSplit'; Second = 'SplitMaxSize' }
            @{ First = 'KeepSplit'; Second = 'SplitMaxTensor' }
            @{ First = 'SplitMaxSize'; Second = 'SplitMaxTensor' }
        ) {
            $values = @{
                Copy = $true; Pure = $true; LeaveOutputTensor = $true; KeepSplit = $true; SplitMaxSize = 1MB; SplitMaxTensor = 3
                TensorType = 'attn_v=q8_0'; OutputTensorType = 'q8_0'; TokenEmbeddingType = 'q8_0'
                Recipe = 'none.psd1'; ImportanceMatrix = 'none.gguf'
            }
            $arguments = @{ Destination = '.'; $first = $values[$first]; $second = $values[$second] }
            if ($first -ne 'Copy') { $arguments.Type = 'Q4_0' }
            $failure = Get-Failure -Arguments $arguments
            $failure.FullyQualifiedErrorId | Should -Be "ParametersExclusive,$class"
            $failure.CategoryInfo.Category | Should -Be InvalidArgument
            $failure.Exception.Message | Should -BeLike "-$first and -$second *"
        }

        It 'rejects -<_> without -ImportanceMatrix' -ForEach 'IncludeWeight', 'ExcludeWeight' {
            $failure = Get-Failure -Arguments @{ Type = 'Q4_0'; Destination = '.'; $_ = 'attn_v' }
            $failure.FullyQualifiedErrorId | Should -Be "ParameterMissing,$class"
            $failure.Exception.Message | Should -BeLike '*Give -ImportanceMatrix too*'
        }

        It 'wants either types or -Copy: <arguments.Keys>' -ForEach @(
            @{ Arguments = @{ Destination = '.' }; Expected = '*-Copy to keep*' }
            @{ Arguments = @{ Destination = '.'; Type = 'Q4_0'; Copy = $true }; Expected = '*not two of them.' }
        ) {
            $failure = Get-Failure -Arguments $arguments
            $failure.FullyQualifiedErrorId | Should -Be "TypeOrCopy,$class"
            $failure.Exception.Message | Should -BeLike $expected
        }

        It 'names the file that -<name> misses' -ForEach @(
            @{ Name = 'Recipe'; Value = 'none.psd1' }
            @{ Name = 'ImportanceMatrix'; Value = 'none.gguf' }
            @{ Name = 'Reuse'; Value = 'none.gguf' }
        ) {
            $failure = Get-Failure -Arguments @{ Type = 'Q4_0'; Destination = '.'; $name = $value }
            $failure.FullyQualifiedErrorId | Should -Be "FileNotFound,$class"
            $failure.TargetObject | Should -Be (Join-Path $PWD $value)
            $failure.Exception.Message | Should -Be "The file '$(Join-Path $PWD $value)' does not exist."
        }

        It 'takes no folder for -<_>' -ForEach 'Recipe', 'ImportanceMatrix', 'Reuse' {
            $failure = Get-Failure -Arguments @{ Type = 'Q4_0'; $_ = '.' }
            $failure.FullyQualifiedErrorId | Should -Be "PathIsFolder,$class"
            $failure.Exception.Message | Should -BeLike '*is a folder, not a file.'
        }

        It 'takes no other file for a matrix' {
            Set-Content m.dat 'no matrix'
            $failure = Get-Failure -Arguments @{ Type = 'Q4_0'; ImportanceMatrix = 'm.dat'; Destination = '.' }
            $failure.FullyQualifiedErrorId | Should -Be "InvalidImportanceMatrix,$class"
            $failure.CategoryInfo.Category | Should -Be InvalidData
            $failure.TargetObject | Should -Be (Join-Path $PWD m.dat)
        }
    }

    Context 'Metadata' {
        It 'rejects a value of another type than the model has' {
            (Get-Failure -Arguments @{ Type = 'Q4_0'; Metadata = @{ 'llama.block_count' = 'x' }; Destination = '.' }).FullyQualifiedErrorId |
                Should -Be "CannotQuantize,$class"
        }

        It 'rejects metadata that no file may have: <expected>' -ForEach @(
            @{ Metadata = @{ 'general.alignment' = 3 }; Expected = '*a power of two*' }
            @{ Metadata = @{ 'split.no' = [uint16] 1 }; Split = 30; Expected = "*'split.no' describes how the model is split*" }
            @{ Metadata = @{ 'split.count' = [uint16] 5 }; Expected = "*'split.count' describes how the model is split*" }
            @{ Metadata = @{ 'my.key' = 1; [uri] 'my.key' = 2 }; Expected = "*'my.key' is given twice*" }
        ) {
            foreach ($work in @{ Type = 'Q8_0' }, @{ Copy = $true }) {
                $work += @{ Metadata = $metadata; Destination = '.' }
                if ($split) { $work.SplitMaxTensor = $split }
                $failure = Get-Failure -Arguments $work
                $failure.FullyQualifiedErrorId | Should -Be "CannotQuantize,$class"
                $failure.Exception.Message | Should -BeLike $expected
            }
        }
    }

    Context 'Copy' {
        It 'keeps the tensors as they are' {
            $null = ConvertTo-Quantized $Samples.Model Q4_K_M -Destination x-Q4_K_M.gguf
            $copy = ConvertTo-Quantized x-Q4_K_M.gguf -Copy -PruneLayer 1, 2 -Destination short.gguf
            $copy.Type | Should -Be Q4_K_M
            $copy.Path | Should -Be (Join-Path $PWD short.gguf)
            (Get-GgufInfo short.gguf).Layers | Should -Be 4
            (Get-GgufTensor short.gguf blk.3.attn_q.weight).Type | Should -Be Q4_K
            (Get-Failure x-Q4_K_M.gguf @{ Copy = $true; Force = $true }).Exception.Message | Should -BeLike '*choose another name*'
        }

        It 'is named by what it holds: <made> with <what>' -ForEach @(
            @{ Made = 'Q8_0'; What = 'no file type'; Edit = @{ Remove = 'general.file_type' } }
            @{ Made = 'Q4_K_M'; What = 'no file type'; Edit = @{ Remove = 'general.file_type' } }
            @{ Made = 'Q4_K_M'; What = 'a guessed file type'; Edit = @{ Metadata = @{ 'general.file_type' = 15 -bor 1024 } } }
        ) {
            $file = ConvertTo-Quantized $Samples.Model $made -Destination "m-$made.gguf"
            Set-GgufMetadata $file.Path @edit
            $copy = ConvertTo-Quantized $file.Path -Copy -Destination copies/
            $copy.Type | Should -Be $made
            $copy.Path | Should -Be (Join-Path $PWD copies "m-$made.gguf")
        }
    }

    Context 'Recipe' {
        It 'gives tensors of some layers other types' {
            Set-Content r.psd1 @'
@{
    Rules = @(
        @{ Tensor = 'attn_q'; Layer = '0-1,4'; Type = 'q8_0' }
        @{ Tensor = 'attn_q'; Type = 'q5_K' }
        @{ Tensor = 'ffn_up'; Layer = 3, 5; Type = 'Q6_K' }
    )
}
'@
            $tensors = (Get-Plan Q4_0 @{ Recipe = 'r.psd1'; TensorType = 'blk.4.attn_q=q4_1' }).Tensors | Sort-Object Name
            ($tensors | Where-Object Name -like *attn_q*).Target | Should -Be Q8_0, Q8_0, Q5_K, Q5_K, Q4_1, Q5_K
            ($tensors | Where-Object Name -like *ffn_up*).Target | Should -Be Q4_0, Q4_0, Q4_0, Q6_K, Q4_0, Q6_K
        }

        It 'is warned of with its layers if it matches no tensor' {
            Set-Content r.psd1 "@{ Rules = @(@{ Tensor = 'ffn_down'; Layer = '80,77-78'; Type = 'q8_0' }) }"
            $plan = Get-Plan Q4_0 @{ Recipe = 'r.psd1' }
            $plan.Warning | Should -HaveCount 1
            $plan.Warning | Should -BeLike "'ffn_down=q8_0 (layer 77-78,80)' matches no tensor of*"
        }

        It 'is rejected: <text>' -ForEach @(
            @{ Text = "@{ Rules = @(@{ Tensor = 'a' }) }"; Expected = "rule 1 needs a 'Tensor' and a 'Type'" }
            @{ Text = "@{ Rules = @(@{ Tensor = 'a'; Type = 'q9' }) }"; Expected = "'q9' is not a tensor type" }
            @{ Text = "@{ Rules = @(@{ Tensor = 'a'; Type = 'q4_0'; Layer = '3-1' }) }"; Expected = "'3-1' is not a range of layers" }
            @{
                Text     = "@{ Rules = @(@{ Tensor = 'a'; Type = 'q4_0' }, @{ Tensor = 'a'; Type = 'q4_0'; Layers = 0 }) }"
                Expected = "rule 2 has 'Layers', which is not a key of recipes. Did you mean 'Layer'? Write"
            }
            @{ Text = "@{ Rules = @(@{ Tensor = 'a'; Type = 'q4_0'; Why = 'x' }) }"; Expected = "rule 1 has 'Why', which is not a key of recipes. Write" }
            @{ Text = "@{ Rule = @(@{ Tensor = 'a'; Type = 'q4_0' }) }"; Expected = "it has 'Rule', which is not a key of recipes. Did you mean 'Rules'?" }
            @{ Text = '@{ Rules = @(); Pure = 1 }'; Expected = "it has 'Pure', which is not a key of recipes." }
            @{ Text = '@{ Rules = @(Get-Command) }'; Expected = 'is not a recipe' }
            @{ Text = '@{ '; Expected = 'line 1' }
            @{ Text = "'text'"; Expected = 'it is not a table' }
        ) {
            Set-Content r.psd1 $text
            $failure = Get-Failure -Arguments @{ Type = 'Q4_0'; Recipe = 'r.psd1'; Destination = '.' }
            $failure.FullyQualifiedErrorId | Should -Be "CannotQuantize,$class"
            $failure.Exception.Message | Should -BeLike "*$([wildcardpattern]::Escape($expected))*"
        }
    }

    Context 'Shards' {
        It 'splits a file as it is written' {
            $file = ConvertTo-Quantized $Samples.Model Q8_0 -SplitMaxSize 2MB -Hash -Destination .
            $file.Paths.Count | Should -BeGreaterThan 2
            (Get-ChildItem).FullName | Should -Be $file.Paths
            $file.Path | Should -Be $file.Paths[0]
            $file.Hash -split ' ' | Should -Be (Get-FileHash $file.Paths).Hash
            $file.Size | Should -Be (Get-ChildItem | Measure-Object Length -Sum).Sum
            $info = Get-GgufInfo *.gguf
            $info | Should -HaveCount 1
            $info.Shards | Should -Be $file.Paths.Count
            $info.Type | Should -Be Q8_0
            $kept = ConvertTo-Quantized *1-of*.gguf Q4_0 -AllowRequantize -KeepSplit -Destination kept
            $kept.Paths | Should -HaveCount $file.Paths.Count
        }

        It 'splits by the number of tensors' {
            $file = ConvertTo-Quantized $Samples.Model Q8_0 -SplitMaxTensor 30 -Destination .
            $file.Paths | ForEach-Object { [IO.Path]::GetFileName($_) } |
                Should -Be novels-6m-Q8_0-00001-of-00002.gguf, novels-6m-Q8_0-00002-of-00002.gguf
        }
    }

    Context 'One shard at a time' {
        BeforeAll {
            $whole = ConvertTo-Quantized $Samples.Model Q4_K_M -SplitMaxSize 1MB -Destination (New-TestFolder) -Hash
            $split = @{ Type = 'Q4_K_M'; SplitMaxSize = 1MB; Destination = '.' }
        }

        It 'makes the same shards' {
            $parts = foreach ($number in 1..$whole.Paths.Count) { ConvertTo-Quantized $Samples.Model @split -Shard $number -Hash }
            $parts.Hash | Should -Be ($whole.Hash -split ' ')
            ($parts | Measure-Object Size -Sum).Sum | Should -Be $whole.Size
            ($parts | Measure-Object WeightCount -Sum).Sum | Should -Be $whole.WeightCount
            $shards = (Get-QuantPlan $Samples.Model @split).Shards
            $parts.Path | Should -Be $shards.Path
            $parts.SourceSize | Should -Be $shards.SourceSize
            $parts[0].KeptPaths | Should -BeNullOrEmpty
            Get-ChildItem -Name | Should -Be ($whole.Paths | Split-Path -Leaf)
            Test-Gguf $parts[0] | Should -BeTrue
        }

        It 'makes several, and no others' {
            $part = ConvertTo-Quantized $Samples.Model @split -Shard 3, 1, 3 -Hash
            $part.Hash -split ' ' | Should -Be ($whole.Hash -split ' ')[0, 2]
            $part.Paths | Should -Be (Get-ChildItem).FullName
            (Invoke-Streams 'ConvertTo-Quantized $model @split -Shard 2 -WhatIf' @{ Model = $Samples.Model; Split = $split }).Output | Should -BeNullOrEmpty
            $part.Paths | Should -HaveCount 2
        }

        It 'keeps what is finished with -SkipExisting, and completes the rest' {
            $null = ConvertTo-Quantized $Samples.Model @split -Shard 2, 3
            $before = Get-ChildItem
            $file = ConvertTo-Quantized $Samples.Model @split -SkipExisting -Hash
            $file.KeptPaths | Should -Be $before.FullName
            $file.Hash | Should -Be $whole.Hash
            $file.Size | Should -Be $whole.Size
            $file.SourceSize | Should -Be $whole.SourceSize
            (Get-Item $before.FullName).LastWriteTimeUtc | Should -Be $before.LastWriteTimeUtc
            $files = Get-ChildItem
            $again = ConvertTo-Quantized $Samples.Model @split -Shard 4 -SkipExisting -Verbose 4>&1
            "$($again[0])" | Should -Be "'$($whole.Paths[3].Replace((Split-Path $whole.Path), $PWD.ProviderPath))' is kept."
            $again[1].KeptPaths | Should -Be $again[1].Paths
            $again[1].Duration | Should -Be ([timespan]::Zero)
            ($again[1] | Format-Lines) -join '' | Should -Match ' kept'
            (Get-ChildItem).LastWriteTimeUtc | Should -Be $files.LastWriteTimeUtc
        }

        It 'keeps a whole file too' {
            $file = ConvertTo-Quantized $Samples.Model Q8_0 -Destination . -SkipExisting
            $file.KeptPaths | Should -BeNullOrEmpty
            (ConvertTo-Quantized $Samples.Model Q8_0 -Destination . -SkipExisting).KeptPaths | Should -Be $file.Path
        }

        It 'replaces what is not the planned shard only with -Force' {
            $part = ConvertTo-Quantized $Samples.Model @split -Shard 2
            [IO.File]::AppendAllText($part.Path, 'x')
            $failure = { ConvertTo-Quantized $Samples.Model @split -Shard 2 -SkipExisting -ErrorAction Stop } | Should -Throw -ErrorId "DestinationDiffers,$class" -PassThru
            "$failure" | Should -Be "'$($part.Path)' exists but has $(($part.Size + 1).ToString('N0')) bytes instead of $($part.Size.ToString('N0')). Use -Force to replace it."
            $failure.CategoryInfo.Category | Should -Be ResourceExists
            (ConvertTo-Quantized $Samples.Model @split -Shard 2 -SkipExisting -Force -Hash).Hash | Should -Be ($whole.Hash -split ' ')[1]
            (Get-Item $part.Path).LastWriteTime = (Get-Item $Samples.Model).LastWriteTime.AddDays(-1)
            { ConvertTo-Quantized $Samples.Model @split -Shard 2 -SkipExisting -ErrorAction Stop } | Should -Throw '*is older than*'
        }

        It 'says how many there are' {
            $failure = { ConvertTo-Quantized $Samples.Model @split -Shard 1, 99 -ErrorAction Stop } | Should -Throw -ErrorId "NoSuchShard,$class" -PassThru
            "$failure" | Should -Be "There is no shard 99 of 'novels-6m-Q4_K_M.gguf': it has $($whole.Paths.Count) shards."
            $failure.CategoryInfo.Category | Should -Be InvalidArgument
            { ConvertTo-Quantized $Samples.Model Q8_0 -KeepSplit -Shard 2 -Destination . -ErrorAction Stop } | Should -Throw '*it has one file.'
            Get-ChildItem | Should -BeNullOrEmpty
        }

        It 'needs a split, and a plan that does not depend on the machine: <Arguments.Keys>' -ForEach @(
            @{ Arguments = @{ Type = 'Q8_0' }; Message = '-Shard only applies with -KeepSplit, -SplitMaxSize or -SplitMaxTensor. Give one of them too.' }
            @{ Arguments = @{ TargetSize = 5MB; Calibration = 'c.gguf'; SplitMaxSize = 1MB }; Message = '-Shard cannot be used with -TargetSize, *New-QuantRecipe*-Recipe*' }
            @{ Arguments = @{ TargetBitsPerWeight = 4; Calibration = 'c.gguf'; SplitMaxSize = 1MB }; Message = '-Shard cannot be used with -TargetBitsPerWeight, *' }
            @{ Arguments = @{ TargetMemory = 1GB; Calibration = 'c.gguf'; SplitMaxSize = 1MB }; Message = '-Shard cannot be used with -TargetMemory, *' }
            @{ Arguments = @{ Type = 'Q8_0'; Corpus = 'c.txt'; SplitMaxSize = 1MB }; Message = '-Shard cannot be used with -Corpus, *New-QuantCalibration*' }
            @{ Arguments = @{ Type = 'Q8_0'; KeepReuseRecord = $true; SplitMaxSize = 1MB }; Message = '-Shard and -KeepReuseRecord cannot be used together.*' }
        ) {
            $failure = { ConvertTo-Quantized $Samples.Model -Shard 1 @arguments } | Should -Throw -PassThru
            "$failure" | Should -BeLike $message
            $failure.CategoryInfo.Category | Should -Be InvalidArgument
        }

        It 'may be made twice at once, also where locks do nothing' -Skip:$IsWindows {
            # A file system without locks across machines, as .NET sees it.
            $environment = @{ DOTNET_SYSTEM_IO_DISABLEFILELOCKING = '1' }
            $command = "ConvertTo-Quantized '$($Samples.Model)' IQ4_XS -SplitMaxTensor 1000 -Shard 1 -SkipExisting -ThreadCount 1 -Device Cpu -Destination m.gguf | ForEach-Object Path"
            $first = Start-PowerShell -ArgumentList '-Command', $command -Environment $environment
            Wait-Until { $first.HasExited -or (Test-Path m.gguf.*.partial) }
            /bin/kill -s STOP $first.Id
            $begun = Get-ChildItem m.gguf.*.partial
            $begun | Should -HaveCount 1
            (Invoke-PowerShell $command -Environment $environment).Output | Should -Be (Join-Path $PWD m.gguf)
            $hash = (Get-FileHash m.gguf).Hash
            (Get-ChildItem m.gguf.*.partial).Name | Should -Be $begun.Name
            /bin/kill -s CONT $first.Id
            $result = $first | Wait-PowerShell
            $result.Output | Should -Be (Join-Path $PWD m.gguf)
            $result.Error | Should -BeNullOrEmpty
            (Get-FileHash m.gguf).Hash | Should -Be $hash
            (ConvertTo-Quantized $Samples.Model IQ4_XS -Destination whole.gguf -Hash).Hash | Should -Be $hash
            Get-ChildItem -Name | Should -Be m.gguf, whole.gguf
        }

        It 'plans the same with a recipe' {
            Set-Content r.psd1 "@{ Rules = @(@{ Tensor = 'ffn_down'; Type = 'q6_K' }) }"
            $all = ConvertTo-Quantized $Samples.Model Q4_K_M -Recipe r.psd1 -SplitMaxTensor 10 -Destination all.gguf -Hash
            $second = ConvertTo-Quantized $Samples.Model Q4_K_M -Recipe r.psd1 -SplitMaxTensor 10 -Destination part.gguf -Shard 2 -Hash
            $second.Hash | Should -Be ($all.Hash -split ' ')[1]
        }
    }

    Context 'Reuse' {
        It 'takes the tensors that stay the same from an earlier file' {
            $null = ConvertTo-Quantized $Samples.Model Q4_0 -Destination a.gguf -KeepReuseRecord
            'a.gguf.reuse' | Should -Exist
            $again = ConvertTo-Quantized $Samples.Model Q4_0 -TensorType attn_v=q8_0 -Reuse a.gguf -Destination b.gguf -Hash
            $again.TensorsReused | Should -BeGreaterOrEqual 30
            $again.TensorsReused | Should -BeLessOrEqual 50
            $whole = ConvertTo-Quantized $Samples.Model Q4_0 -TensorType attn_v=q8_0 -Destination c.gguf -Hash
            $whole.TensorsReused | Should -Be 0
            $again.Hash | Should -Be $whole.Hash
        }

        It 'replaces the earlier file, and continues with further types' {
            $null = ConvertTo-Quantized $Samples.Model Q4_0 -Destination earlier.gguf -KeepReuseRecord
            New-Item reused -ItemType Directory
            $null = Copy-Item earlier.gguf reused/novels-6m-Q4_0.gguf
            $null = Copy-Item earlier.gguf.reuse reused/novels-6m-Q4_0.gguf.reuse
            $files = ConvertTo-Quantized $Samples.Model Q4_0, Q4_1 -Reuse reused/novels-6m-Q4_0.gguf -Destination reused/ -KeepReuseRecord -Force -Hash
            $files.Type | Should -Be Q4_0, Q4_1
            $files[0].TensorsReused | Should -BeGreaterThan 30
            $files[0].Hash | Should -Be (Get-FileHash earlier.gguf).Hash
        }

        It 'takes nothing from a file without a record, and warns' {
            $null = ConvertTo-Quantized $Samples.Model Q4_0 -Destination plain.gguf
            $again = ConvertTo-Quantized $Samples.Model Q4_0 -Reuse plain.gguf -Destination again.gguf -WarningVariable warnings -WarningAction SilentlyContinue
            $again.TensorsReused | Should -Be 0
            $warnings | Should -BeLike "*'plain.gguf' has no record*-KeepReuseRecord*"
        }
    }

    Context 'Device' {
        It 'is named in the result' {
            $file = ConvertTo-Quantized $Samples.Model Q8_0 -Destination . -Device cpu
            $file.Device | Should -Match '^CPU, \d+ threads$'
            $file.DeviceShare | Should -Be 1
        }

        It 'is an error where it is not there' {
            $failure = Get-Failure -Arguments @{ Type = 'Q8_0'; Destination = '.'; Device = 'Cuda:99' }
            $failure.FullyQualifiedErrorId | Should -Be "DeviceUnavailable,$class"
            $failure.CategoryInfo.Category | Should -Be DeviceError
            $failure.Exception.Message | Should -BeLike '*Cuda:99*'
        }

        It 'is rejected with an explanation if it is not one' {
            $failure = Get-Failure -Arguments @{ Type = 'Q8_0'; Destination = '.'; Device = 'Vulkan' }
            $failure.FullyQualifiedErrorId | Should -Be "ParameterArgumentValidationError,$class"
            $failure.Exception.Message | Should -BeLike "*'Vulkan' is not a device: use Auto, Cpu, Cuda, Cuda:0, OpenCL or OpenCL:0.*"
        }
    }

    Context 'Progress' {
        It 'is one for all types of a model, and names them' {
            $result = Invoke-Streams 'ConvertTo-Quantized $model Q8_0, IQ3_S -ThreadCount 1 -Device Cpu -Destination .' @{ Model = $Samples.Model }
            $records = $result.Progress | Where-Object Activity -like 'Quantizing *'
            $records.Activity | Select-Object -Unique | Should -Be 'Quantizing novels-6m-f16.gguf to Q8_0, IQ3_S'
            $done = $records[0..($records.Count - 2)].PercentComplete
            $done | Should -Be ($done | Sort-Object)
            $result.Progress[-1].RecordType | Should -Be Completed
        }

        It 'estimates the time left after two seconds, from the last ones' {
            $estimate = [Activator]::CreateInstance((Get-Command ConvertTo-Quantized).ImplementingType.Assembly.GetType('GgufQuant.Commands.RemainingTime'), $true)
            $at = $estimate.GetType().GetMethod('At', [Reflection.BindingFlags] 'NonPublic, Instance')
            # A slow start, 1% in 2 s; then 5% a second.
            $left = foreach ($second in 0..14) {
                $share = $second -lt 2 ? 0.005 * $second : 0.01 + 0.05 * ($second - 2)
                $value = $at.Invoke($estimate, @([timespan]::FromSeconds($second), [double] $share))
                $value ? [Math]::Round($value.TotalSeconds, 1) : -1
            }
            $left[0, 1] | Should -Be -1, -1
            $left[2] | Should -Be 198
            $left[14] | Should -Be 7.8
            # Other work begins.
            $at.Invoke($estimate, @([timespan]::FromSeconds(15), 0.1)) | Should -BeNullOrEmpty
        }

        It 'names the tensor, the speed and the share that is done, and ends' {
            # So large that it is not done before the first record.
            $large = New-TestGguf large.gguf -Tensor ([ordered] @{ 'blk.0.ffn_up.weight' = 4096, 65536 }) -Sparse
            $result = Invoke-Streams 'ConvertTo-Quantized $model Q4_K_M -Threads 1 -Device Cpu -Destination .' @{ Model = $large }
            $result.Error | Should -BeNullOrEmpty
            $records = $result.Progress | Where-Object Activity -eq 'Quantizing large.gguf to Q4_K_M'
            $records.StatusDescription -match '^blk\.0\.ffn_up\.weight, \d.* M/s$' | Should -Not -BeNullOrEmpty
            $done = $records[0..($records.Count - 2)].PercentComplete
            $done | Should -Be ($done | Sort-Object)
            $records[-1].RecordType | Should -Be Completed
            $result.Progress[-1].RecordType | Should -Be Completed
        }
    }

    Context 'Verbose' {
        It 'reports device and why, threads, and where the time went' {
            $verbose = (Invoke-Streams 'ConvertTo-Quantized $model Q8_0 -Device Cpu -ThreadCount 2 -Destination . -Verbose' @{ Model = $Samples.Model }).Verbose
            $verbose | Should -Contain 'CPU, 2 threads: the requested device.'
            $verbose[-1] | Should -Match "Q8_0\.gguf' took [\d.]+ s; over all threads, [\d.]+ s reading, [\d.]+ s quantizing, [\d.]+ s writing\.$"
            (Invoke-Streams 'ConvertTo-Quantized $model Q8_0 -Destination . -Force -Verbose' @{ Model = $Samples.Model }).Verbose |
                Should -Contain "CPU, $([Environment]::ProcessorCount) threads: this conversion would gain too little from a graphics card to look for one."
        }

        It 'reports the coverage of an importance matrix' {
            $matrix = New-TestImatrix m.dat -Entry ([ordered] @{ 'blk.0.attn_q.weight' = @(1) * 256; 'blk.1.attn_q.weight' = @(1) * 256 })
            (Invoke-Streams 'ConvertTo-Quantized $model Q4_K_M -ImportanceMatrix m.dat -Destination . -Verbose -WarningAction Ignore' @{ Model = $Samples.Model }).Verbose |
                Should -Contain "'$matrix' has entries for 2 of the 42 tensors that gain from one."
        }
    }

    Context 'Stopping' {
        BeforeAll {
            $large = Join-Path (New-TestFolder) large.gguf
            $null = New-TestGguf $large -Tensor ([ordered] @{ 'blk.0.ffn_up.weight' = 4096, 262144 }) -Sparse
        }

        It 'ends within a second on <_>, leaving finished files alone' -Skip:$IsWindows -ForEach 'INT', 'TERM' {
            $command = "ConvertTo-Quantized '$($Samples.Model)', '$large' Q4_K_M -Threads 1 -Device Cpu -Destination ."
            $result = Invoke-Interrupted $command -When { Test-Path large-Q4_K_M.gguf.*.partial } -Signal $_ -Retry { Remove-Item * }
            $result.Duration.TotalSeconds | Should -BeLessThan 1
            if ($_ -eq 'TERM') { $result.ExitCode | Should -Be 143 }
            Get-ChildItem -Name | Should -Be novels-6m-Q4_K_M.gguf
        }

        It 'resumes with -Resume where it was interrupted' -Skip:$IsWindows {
            $arguments = "'$($Samples.Model)' IQ3_S -Threads 1 -Device Cpu -Destination r.gguf -Resume"
            $null = Invoke-Interrupted "ConvertTo-Quantized $arguments" -When { Test-Path r.gguf.partial }
            Get-ChildItem -Name | Should -Be r.gguf.partial, r.gguf.partial.journal
            $resumed = Invoke-Expression "ConvertTo-Quantized $arguments -Hash"
            $whole = ConvertTo-Quantized $Samples.Model IQ3_S -Destination whole.gguf -Hash
            $resumed.Hash | Should -Be $whole.Hash
            Get-ChildItem -Name | Should -Be r.gguf, whole.gguf
        }
    }

    Context 'Memory' -Skip:(-not $IsLinux) {
        BeforeAll {
            $budget = 64MB

            # The most memory that a PowerShell has had which converts a model within the budget.
            function Measure-Peak([string] $Model) {
                $result = Invoke-PowerShell @"
                    `$null = ConvertTo-Quantized '$Model' Q4_0 -Destination '$(Join-Path $PWD made.gguf)' -Force -Device Cpu -MemoryBudget $budget
                    [Diagnostics.Process]::GetCurrentProcess().PeakWorkingSet64
"@
                $result.Error | Should -BeNullOrEmpty
                [long] $result.Output
            }

            # What PowerShell and the module take is the same for each model.
            Push-Location (New-TestFolder)
            $small = Measure-Peak $Samples.Model
            Pop-Location
        }

        It 'stays within the budget for <rows> rows of <rowLength> weights' -ForEach @(
            @{ Rows = 32768; RowLength = 4096 }
            @{ Rows = 1; RowLength = 134217728 }
        ) {
            $model = New-TestGguf large.gguf -Tensor ([ordered] @{ 'blk.0.ffn_up.weight' = $rowLength, $rows }) -Sparse
            $model.Length | Should -BeGreaterThan (8 * $budget)
            Measure-Peak $model | Should -BeLessThan ($small + $budget)
            (Get-Item made.gguf).Length | Should -BeGreaterThan (134217728 / 32 * 18)
        }
    }

    Context 'View' {
        It 'shows files as a table' {
            $lines = ConvertTo-Quantized $Samples.Model Q8_0, Q4_0 -Destination . | Format-Lines
            $lines -match '^Q\w+ +novels-6m-Q\w+\.gguf +\d\.\d\d MiB ' | Should -HaveCount 2
        }
    }

    Context 'Completion' {
        It 'offers types with what they are good for' {
            $offered = Complete-Line 'ConvertTo-Quantized model.gguf -Type Q8_0, Q4_K'
            $offered.CompletionText | Should -Be Q4_K_M, Q4_K_S
            $offered[0].ToolTip | Should -BeLike '4.89 bits per weight. The usual choice*'
        }

        It 'offers for -<_> the types of tensors with their blocks' -ForEach 'OutputTensorType', 'TokenEmbeddingType' {
            $offered = Complete-Line "ConvertTo-Quantized model.gguf -$_ q6"
            $offered.CompletionText | Should -Be q6_K
            $offered.ToolTip | Should -Be '6.56 bits per weight, 256 weights in 210 bytes'
        }

        It 'offers devices' {
            (Complete-Line 'ConvertTo-Quantized model.gguf Q8_0 -Device A').CompletionText | Should -Be Auto
            (Complete-Line 'ConvertTo-Quantized model.gguf Q8_0 -Device c').CompletionText | Should -Contain Cpu
        }
    }
}
