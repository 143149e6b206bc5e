namespace GgufQuant.Shell;

/// <summary>Where the module lies.</summary>
internal static class ModuleManifest
{
    private const string FileName = "GgufQuant.psd1";

    /// <summary>The full path of the manifest in the nearest folder above this program.</summary>
    /// <exception cref="FileNotFoundException">No folder above holds one.</exception>
    public static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, FileName);
            if (File.Exists(candidate))
                return candidate;
        }

        throw new FileNotFoundException($"No folder above '{AppContext.BaseDirectory}' holds '{FileName}': name a manifest with -Module.");
    }
}
