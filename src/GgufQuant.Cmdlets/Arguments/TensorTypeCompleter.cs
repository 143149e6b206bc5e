using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using GgufQuant.Formats;

namespace GgufQuant.Commands;

/// <summary>Completes the tensor types that can be quantized to; the tooltip describes a block.</summary>
public sealed class TensorTypeCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        WildcardPattern pattern = new(wordToComplete.Trim('\'', '"') + "*", WildcardOptions.IgnoreCase);
        return from format in BlockFormat.All
               where format.CanQuantize && pattern.IsMatch(format.Name)
               select new CompletionResult(
                   format.Name,
                   format.Name,
                   CompletionResultType.ParameterValue,
                   $"{Formatting.Bits(format.BitsPerWeight)} bits per weight, {format.BlockSize} weights in {format.BlockBytes} bytes");
    }
}
