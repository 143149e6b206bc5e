using System.Management.Automation;
using System.Security.Cryptography;
using GgufQuant.Commands;
using GgufQuant.Formats;

namespace GgufQuant.Cmdlets.Tests;

public class ConvertToQuantizedTests
{
    [Fact]
    public void A_folder_as_recipe_is_not_taken_for_models()
    {
        using PowerShellSession session = PowerShellSession.Start();
        ErrorRecord error = session.InvokeForError("ConvertTo-Quantized $sample Q4_0 -Recipe .");
        Assert.Equal("PathIsFolder,GgufQuant.Commands.ConvertToQuantizedCommand", error.FullyQualifiedErrorId);
        Assert.EndsWith("is a folder, not a file.", error.Exception.Message);
    }

    [Fact]
    public void Several_types_make_a_file_each_beside_the_source()
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.Folder.CopySample("novels-f16.gguf");
        IReadOnlyList<QuantizedFile> files = session.Invoke<QuantizedFile>("Get-GgufInfo novels-f16.gguf | ConvertTo-Quantized -Type Q8_0, Q4_K_M");
        Assert.Empty(session.Errors);
        Assert.Equal([session.Folder.File("novels-Q8_0.gguf"), session.Folder.File("novels-Q4_K_M.gguf")], files.Select(file => file.Path));
        Assert.Equal([FileType.Q8_0, FileType.Q4_K_M], files.Select(file => file.Type));
        Assert.All(files, file =>
        {
            Assert.Equal(session.Folder.File("novels-f16.gguf"), file.Source);
            Assert.Equal(new FileInfo(file.Path).Length, file.Size);
            Assert.Equal(new FileInfo(file.Source).Length, file.SourceSize);
            Assert.InRange(file.Duration, TimeSpan.FromTicks(1), TimeSpan.FromMinutes(1));
            Assert.Null(file.Hash);
            Assert.Equal(1, file.Shares.Sum(share => share.Share), 9);
        });
        Assert.InRange(files[1].BitsPerWeight, 4.5, 5.5);
    }

    [Theory]
    [InlineData("-Destination made", "made/novels-6m-Q8_0.gguf")]
    [InlineData("-Destination made/", "made/novels-6m-Q8_0.gguf")]
    [InlineData("-Destination other.gguf", "other.gguf")]
    [InlineData("-Destination a/b/other.gguf", "a/b/other.gguf")]
    public void The_destination_is_a_file_or_a_folder(string arguments, string expected)
    {
        using PowerShellSession session = PowerShellSession.Start();
        QuantizedFile file = session.InvokeOne<QuantizedFile>($"ConvertTo-Quantized $sample Q8_0 {arguments}");
        Assert.Equal(session.Folder.File(expected), file.Path);
        Assert.True(File.Exists(file.Path));
    }

    [Fact]
    public void A_file_that_exists_is_replaced_only_with_Force()
    {
        using PowerShellSession session = PowerShellSession.Start();
        File.WriteAllText(session.Folder.File("x.gguf"), "precious");
        ErrorRecord error = session.InvokeForError("ConvertTo-Quantized $sample Q8_0 -Destination x.gguf");
        Assert.Equal("DestinationExists,GgufQuant.Commands.ConvertToQuantizedCommand", error.FullyQualifiedErrorId);
        Assert.Equal(ErrorCategory.ResourceExists, error.CategoryInfo.Category);
        Assert.Contains("-Force", error.Exception.Message);
        Assert.Equal("precious", File.ReadAllText(session.Folder.File("x.gguf")));
        Assert.Equal(session.Folder.File("x.gguf"), session.InvokeOne<QuantizedFile>("ConvertTo-Quantized $sample Q8_0 -Destination x.gguf -Force").Path);
    }

    [Fact]
    public void One_file_cannot_take_several_types()
    {
        using PowerShellSession session = PowerShellSession.Start();
        ErrorRecord error = session.InvokeForError("ConvertTo-Quantized $sample Q8_0, Q4_0 -Destination x.gguf");
        Assert.Equal("DestinationIsFile,GgufQuant.Commands.ConvertToQuantizedCommand", error.FullyQualifiedErrorId);
    }

    [Fact]
    public void One_file_does_not_take_a_second_model()
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.Folder.CopySample("a.gguf");
        session.Folder.CopySample("b.gguf");
        Assert.Single(session.Invoke<QuantizedFile>("ConvertTo-Quantized ?.gguf Q8_0 -Destination out.gguf -Force"));
        ErrorRecord error = Assert.Single(session.Errors);
        Assert.Equal("DestinationUsedTwice,GgufQuant.Commands.ConvertToQuantizedCommand", error.FullyQualifiedErrorId);
        Assert.Contains("from another file", error.Exception.Message);
    }

    [Fact]
    public void A_model_that_is_named_twice_is_converted_once()
    {
        using PowerShellSession session = PowerShellSession.Start();
        Assert.Single(session.Invoke<QuantizedFile>("ConvertTo-Quantized $sample, $sample Q8_0 -Destination . -Force"));
        ErrorRecord error = Assert.Single(session.Errors);
        Assert.Equal("DestinationUsedTwice,GgufQuant.Commands.ConvertToQuantizedCommand", error.FullyQualifiedErrorId);
        Assert.Contains("from the same file", error.Exception.Message);
    }

    [Fact]
    public void A_model_that_cannot_be_converted_leaves_its_name_to_the_next()
    {
        using PowerShellSession session = PowerShellSession.Start();
        byte[] broken = File.ReadAllBytes(RepositoryPaths.SampleModel);
        broken[^1] = 0x7f;
        broken[^2] = 0xff;
        File.WriteAllBytes(session.Folder.File("m-f16.gguf"), broken);
        session.Folder.CopySample("m-f32.gguf");
        QuantizedFile made = Assert.Single(session.Invoke<QuantizedFile>("ConvertTo-Quantized m-f16.gguf, m-f32.gguf -Type Q8_0"));
        Assert.Equal((session.Folder.File("m-f32.gguf"), session.Folder.File("m-Q8_0.gguf")), (made.Source, made.Path));
        Assert.Equal("CannotQuantize,GgufQuant.Commands.ConvertToQuantizedCommand", Assert.Single(session.Errors).FullyQualifiedErrorId);
    }

    [Fact]
    public void Names_that_differ_in_case_are_two_files_on_Linux()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Other systems take such names for one.");
        using PowerShellSession session = PowerShellSession.Start();
        session.Folder.CopySample("m.gguf");
        session.Folder.CopySample("M.gguf");
        Assert.Equal(2, session.Invoke<QuantizedFile>("ConvertTo-Quantized m.gguf, M.gguf Q8_0").Count);
        Assert.Empty(session.Errors);
    }

    [Fact]
    public void WhatIf_writes_nothing_and_gives_the_plan()
    {
        using PowerShellSession session = PowerShellSession.Start();
        IReadOnlyList<PlannedFile> plans = session.Invoke<PlannedFile>("ConvertTo-Quantized $sample Q2_K, Q8_0 -Destination . -WhatIf");
        Assert.Empty(session.Errors);
        Assert.Empty(Directory.GetFileSystemEntries(session.Folder.Path));
        Assert.Equal([FileType.Q2_K, FileType.Q8_0], plans.Select(plan => plan.Type));
        QuantizedFile made = session.InvokeOne<QuantizedFile>("ConvertTo-Quantized $sample Q2_K -Destination .");
        Assert.Equal((plans[0].Destination, plans[0].Size, plans[0].BitsPerWeight), (made.Path, made.Size, made.BitsPerWeight));
    }

    [Fact]
    public void The_plan_says_what_becomes_of_each_tensor()
    {
        using PowerShellSession session = PowerShellSession.Start(width: 110);
        Golden.Verify("PlannedFile", session.Render("ConvertTo-Quantized $sample Q4_K_M -Destination . -WhatIf").Replace(session.Folder.Path, "<here>"));
    }

    [Fact]
    public void A_plan_is_shown_after_objects_of_other_kinds_too()
    {
        using PowerShellSession session = PowerShellSession.Start(width: 110);
        string alone = session.Render("ConvertTo-Quantized $sample Q4_K_M -Destination . -WhatIf");
        Assert.EndsWith(alone.Trim(), session.Render("Get-GgufInfo $sample; ConvertTo-Quantized $sample Q4_K_M -Destination . -WhatIf").Trim());
        Assert.DoesNotContain("ModelShape", session.Render("Get-GgufTensor $sample output.weight; Get-GgufInfo $sample, $sample"));
    }

    [Fact]
    public void Confirm_asks_for_each_file()
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.Host.Answer = "&No";
        Assert.Empty(session.Invoke<object>("ConvertTo-Quantized $sample Q8_0, Q4_0 -Destination . -Confirm"));
        Assert.Equal(2, session.Host.Questions.Count);
        Assert.Contains("to Q8_0 and write", session.Host.Questions[0]);
        Assert.Empty(Directory.GetFileSystemEntries(session.Folder.Path));
    }

    [Fact]
    public void The_hash_is_that_of_the_file()
    {
        using PowerShellSession session = PowerShellSession.Start();
        QuantizedFile file = session.InvokeOne<QuantizedFile>("ConvertTo-Quantized $sample Q4_0 -Destination . -Hash");
        Assert.Equal(Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file.Path))), file.Hash);
    }

    [Fact]
    public void Every_option_reaches_the_plan()
    {
        using PowerShellSession session = PowerShellSession.Start();
        Assert.Equal(GgmlType.Q4_K, Target("-Pure", "blk.0.attn_v.weight"));
        Assert.Equal(GgmlType.Q8_0, Target("-OutputTensorType q8_0", "output.weight"));
        Assert.Equal(GgmlType.Q5_K, Target("-TokenEmbeddingType Q5_K", "token_embd.weight"));
        Assert.Equal(GgmlType.F16, Target("-LeaveOutputTensor", "output.weight"));
        Assert.Equal(GgmlType.Q6_K, Target("-TensorType 'blk\\.0\\.attn_q=q6_K', 'attn_q=Q5_K'", "blk.0.attn_q.weight"));
        Assert.Equal(GgmlType.Q5_K, Target("-TensorType 'blk\\.0\\.attn_q=q6_K', 'attn_q=Q5_K'", "blk.1.attn_q.weight"));
        Assert.Equal(GgmlType.Q8_0, Target("-TensorType ([ordered]@{ 'attn_q' = 'q8_0'; 'attn' = 'q5_K' })", "blk.1.attn_q.weight"));

        GgmlType Target(string arguments, string tensor) => session
            .InvokeOne<PlannedFile>($"ConvertTo-Quantized $sample Q4_K_M -Destination . -WhatIf {arguments}")
            .Tensors.Single(planned => planned.Name == tensor).Target;
    }

    [Fact]
    public void A_rule_for_no_tensor_is_warned_of()
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.InvokeOne<PlannedFile>("ConvertTo-Quantized $sample Q4_K_M -Destination . -WhatIf -TensorType 'atn_q=q6_K', 'attn_v=q6_K'");
        Assert.Contains("'atn_q=q6_K' is for no tensor", Assert.Single(session.Warnings));
    }

    [Fact]
    public void A_pattern_without_end_is_given_up()
    {
        using PowerShellSession session = PowerShellSession.Start();
        ErrorRecord error = session.InvokeForError("ConvertTo-Quantized $sample Q4_K_M -Destination . -WhatIf -TensorType '^(((\\w+)+\\.?)+)+[^t]$=q6_K'");
        Assert.Contains("write a simpler pattern", error.Exception.Message);
    }

    [Theory]
    [InlineData("-TensorType 'attn_q'", "Write rules as")]
    [InlineData("-TensorType 'attn_q=q9_K'", "'q9_K' is not a tensor type")]
    [InlineData("-TensorType '(=q4_K'", "not a regular expression")]
    [InlineData("-Type Q9", "'Q9'")]
    [InlineData("-OutputTensorType Q9", "'Q9' is not a tensor type")]
    public void A_wrong_argument_is_refused_with_what_to_write(string arguments, string expected)
    {
        using PowerShellSession session = PowerShellSession.Start();
        string type = arguments.StartsWith("-Type ") ? "" : "Q4_0";
        ErrorRecord error = session.InvokeForError($"ConvertTo-Quantized $sample {type} {arguments}");
        Assert.Equal(ErrorCategory.InvalidData, error.CategoryInfo.Category);
        Assert.Contains(expected, error.Exception.Message);
    }

    [Fact]
    public void A_quantized_source_is_taken_only_with_AllowRequantize()
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.InvokeOne<QuantizedFile>("ConvertTo-Quantized $sample Q8_0 -Destination x-Q8_0.gguf");
        ErrorRecord error = session.InvokeForError("ConvertTo-Quantized x-Q8_0.gguf Q4_0");
        Assert.Equal("AlreadyQuantized,GgufQuant.Commands.ConvertToQuantizedCommand", error.FullyQualifiedErrorId);
        Assert.EndsWith("-AllowRequantize does that.", $"{error}");
        Assert.Equal(session.Folder.File("x-Q4_0.gguf"), session.InvokeOne<QuantizedFile>("ConvertTo-Quantized x-Q8_0.gguf Q4_0 -AllowRequantize").Path);
    }

    [Fact]
    public void A_type_that_cannot_be_made_does_not_keep_the_others_from_being_made()
    {
        using PowerShellSession session = PowerShellSession.Start();
        IReadOnlyList<QuantizedFile> files = session.Invoke<QuantizedFile>("ConvertTo-Quantized $sample IQ2_XXS, Q8_0 -Destination .");
        Assert.Equal(FileType.Q8_0, Assert.Single(files).Type);
        ErrorRecord error = Assert.Single(session.Errors);
        Assert.Equal("ImportanceMatrixNeeded,GgufQuant.Commands.ConvertToQuantizedCommand", error.FullyQualifiedErrorId);
        Assert.EndsWith("New-ImportanceMatrix makes one, and -ImportanceMatrix takes it.", $"{error}");
        Assert.Equal(["novels-6m-Q8_0.gguf"], Directory.GetFiles(session.Folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void A_copy_keeps_the_tensors_as_they_are()
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.InvokeOne<QuantizedFile>("ConvertTo-Quantized $sample Q4_K_M -Destination x-Q4_K_M.gguf");
        QuantizedFile copy = session.InvokeOne<QuantizedFile>("ConvertTo-Quantized x-Q4_K_M.gguf -Copy -PruneLayer 1, 2 -Destination short.gguf");
        Assert.Equal((FileType.Q4_K_M, session.Folder.File("short.gguf")), (copy.Type, copy.Path));
        Assert.Equal(4, session.InvokeOne<int>("(Get-GgufInfo short.gguf).Layers"));
        Assert.Equal(GgmlType.Q4_K, session.InvokeOne<GgmlType>("(Get-GgufTensor short.gguf blk.3.attn_q.weight).Type"));
        Assert.Contains("choose another name", session.InvokeForError("ConvertTo-Quantized x-Q4_K_M.gguf -Copy -Force").Exception.Message);
    }

    [Theory]
    [InlineData("Q8_0", "-Remove general.file_type", FileType.Q8_0, "m-Q8_0.gguf")]
    [InlineData("Q4_K_M", "-Remove general.file_type", FileType.Q4_K_M, "m-Q4_K_M.gguf")]
    [InlineData("Q4_K_M", "@{ 'general.file_type' = 15 -bor 1024 }", FileType.Q4_K_M, "m-Q4_K_M.gguf")]
    public void A_copy_is_named_by_what_it_holds(string made, string edit, FileType? expected, string name)
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.InvokeOne<QuantizedFile>($"ConvertTo-Quantized $sample {made} -Destination m-{made}.gguf");
        session.Invoke<object>($"Set-GgufMetadata m-{made}.gguf {edit}");
        QuantizedFile copy = session.InvokeOne<QuantizedFile>($"ConvertTo-Quantized m-{made}.gguf -Copy -Destination copies/");
        Assert.Equal((expected, session.Folder.File($"copies/{name}")), (copy.Type, copy.Path));
    }

    [Theory]
    [InlineData("", "-Copy")]
    [InlineData("Q4_0 -Copy", "not both")]
    public void Either_types_or_a_copy_must_be_asked_for(string arguments, string expected)
    {
        using PowerShellSession session = PowerShellSession.Start();
        Assert.Contains(expected, session.InvokeForError($"ConvertTo-Quantized $sample {arguments} -Destination .").Exception.Message);
        Assert.Empty(Directory.GetFileSystemEntries(session.Folder.Path));
    }

    [Theory]
    [InlineData("-Copy -TensorType 'attn_v=q8_0'", "-Copy and -TensorType")]
    [InlineData("-Copy -Recipe none.psd1", "-Copy and -Recipe")]
    [InlineData("-Copy -Pure", "-Copy and -Pure")]
    [InlineData("-Copy -OutputTensorType q8_0", "-Copy and -OutputTensorType")]
    [InlineData("-Copy -TokenEmbeddingType q8_0", "-Copy and -TokenEmbeddingType")]
    [InlineData("-Copy -LeaveOutputTensor", "-Copy and -LeaveOutputTensor")]
    [InlineData("-Copy -ImportanceMatrix none.gguf", "-Copy and -ImportanceMatrix")]
    [InlineData("Q4_0 -LeaveOutputTensor -OutputTensorType q8_0", "-LeaveOutputTensor and -OutputTensorType")]
    [InlineData("Q4_0 -KeepSplit -SplitMaxSize 1MB", "-KeepSplit and -SplitMaxSize")]
    [InlineData("Q4_0 -KeepSplit -SplitMaxTensor 3", "-KeepSplit and -SplitMaxTensor")]
    [InlineData("Q4_0 -SplitMaxSize 1GB -SplitMaxTensor 3", "-SplitMaxSize and -SplitMaxTensor")]
    [InlineData("Q4_0 -IncludeWeight attn_v", "Give -ImportanceMatrix too")]
    [InlineData("Q4_0 -ExcludeWeight attn_v", "Give -ImportanceMatrix too")]
    public void Parameters_that_contradict_each_other_are_refused(string arguments, string expected)
    {
        using PowerShellSession session = PowerShellSession.Start();
        Assert.Contains(expected, session.InvokeForError($"ConvertTo-Quantized $sample {arguments} -Destination . -WhatIf").Exception.Message);
    }

    [Fact]
    public void A_switch_that_is_off_contradicts_nothing()
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.InvokeOne<PlannedFile>("ConvertTo-Quantized $sample Q4_0 -KeepSplit:$false -SplitMaxSize 1MB -Copy:$false -Pure -Destination . -WhatIf");
    }

    [Fact]
    public void Rules_for_a_type_that_takes_none_are_warned_of()
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.InvokeOne<PlannedFile>("ConvertTo-Quantized $sample BF16 -TensorType 'attn_v=q8_0' -Destination . -WhatIf");
        Assert.StartsWith("BF16 has no mix of types", Assert.Single(session.Warnings));
    }

    [Fact]
    public void Types_complete_with_what_they_are_good_for()
    {
        using PowerShellSession session = PowerShellSession.Start();
        IReadOnlyList<CompletionResult> types = session.Complete("ConvertTo-Quantized x.gguf -Type Q8_0, Q4_K");
        Assert.Equal(["Q4_K_M", "Q4_K_S"], types.Select(result => result.CompletionText));
        Assert.StartsWith("4.89 bits a weight. The usual choice", types[0].ToolTip);
        CompletionResult offered = Assert.Single(session.Complete("ConvertTo-Quantized x.gguf -OutputTensorType q6"));
        Assert.Equal(("q6_K", "6.56 bits a weight, 256 weights in 210 bytes"), (offered.CompletionText, offered.ToolTip));
    }
}
