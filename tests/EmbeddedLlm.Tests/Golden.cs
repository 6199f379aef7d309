using System.Runtime.InteropServices;

namespace EmbeddedLlm.Tests;

/// <summary>Finds golden data: the few models that live in the repository, and the shared folder beside it, where there is one.</summary>
internal static class Golden
{
    /// <summary>The root of the repository.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The tiny model that ships with the samples.</summary>
    public static string TinyModel => System.IO.Path.Combine(Root, "samples", "models", "tiny.gguf");

    /// <summary>A file of the golden data, the repository's own where it has it, or a folder of the shared data. Skips the test, visibly, where that is absent.</summary>
    public static string Path(params ReadOnlySpan<string> parts)
    {
        var own = Repo(parts);
        if (File.Exists(own))
            return own;
        var folder = System.IO.Path.Combine(Root, "..", "shared", "golden");
        Assert.SkipUnless(Directory.Exists(folder), "The shared golden data is not beside this checkout.");
        return System.IO.Path.GetFullPath(System.IO.Path.Combine([folder, .. parts]));
    }

    /// <summary>A file of the golden data that lives in the repository, under tests/golden: always there.</summary>
    public static string Repo(params ReadOnlySpan<string> parts) => System.IO.Path.Combine([Root, "tests", "golden", .. parts]);

    /// <summary>Whether the shared golden data is here; for theory data, which cannot skip by itself.</summary>
    public static bool IsPresent => Directory.Exists(System.IO.Path.Combine(Root, "..", "shared", "golden"));

    /// <summary>A file of little-endian floats.</summary>
    public static float[] Floats(string path) => MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(path)).ToArray();

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(System.IO.Path.Combine(folder, "EmbeddedLlm.sln")))
            folder = System.IO.Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests run outside the repository.");
        return folder;
    }
}
