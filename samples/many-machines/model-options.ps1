# The parameters of a script that Get-QuantPlan and ConvertTo-Quantized have too, with paths that are full.
function Get-ModelOption([Collections.IDictionary] $BoundParameters) {
    $options = @{}
    foreach ($name in 'Path', 'Type', 'Destination', 'SplitMaxSize', 'ImportanceMatrix', 'Calibration', 'Recipe') {
        if (-not $BoundParameters[$name]) { continue }
        $isPath = $name -notin 'Type', 'SplitMaxSize'
        $options[$name] = $isPath ? $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($BoundParameters[$name]) : $BoundParameters[$name]
    }
    if (-not $options.SplitMaxSize) { $options.KeepSplit = $true }
    $options
}
