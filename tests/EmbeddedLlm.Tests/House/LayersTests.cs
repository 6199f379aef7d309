using System.Text.RegularExpressions;

namespace EmbeddedLlm.Tests.House;

/// <summary>Keeps the order of the house: which folder of the library may import which, and one public type per file.</summary>
public sealed partial class LayersTests
{
    /// <summary>The table of docs/architecture.md. Of the root namespace, which needs no using, all may use the exceptions.</summary>
    private static readonly Dictionary<string, string[]> MayImport = new()
    {
        ["Quantization"] = [],
        ["Sampling"] = [],
        ["KvCache"] = [],
        ["Gguf"] = ["Quantization"],
        ["Graph"] = ["Quantization"],
        ["Safetensors"] = ["Gguf"],
        ["HuggingFace"] = ["Safetensors", "Gguf", "Quantization", "Tokenization"],
        ["Tokenization"] = ["Gguf"],
        ["Grammar"] = ["Tokenization"],
        ["Models"] = ["Graph", "Gguf", "Quantization"],
        ["Backends"] = ["Graph"],
        ["Cpu"] = ["Backends", "Graph", "Quantization"],
        ["Calibration"] = ["Backends", "Cpu", "Graph", "Gguf", "Models", "Tokenization"],
        ["Engine"] = ["Backends", "KvCache", "Sampling", "Grammar"],
        ["Embeddings"] = ["Engine", "Backends", "Graph", "Tokenization"],
        ["Conversations"] = ["Engine", "Gguf"],
        ["Chat"] = ["Conversations", "Engine", "Tokenization", "Sampling", "Grammar"],
        ["Hosting"] = ["Backends"],
    };

    private static string Source => Path.Combine(Golden.Root, "src", "EmbeddedLlm");

    public static TheoryData<string> Folders => [.. Directory.GetDirectories(Source).Select(d => Path.GetFileName(d)).Where(d => d is not (".PublicAPI" or "bin" or "obj"))];

    [Theory]
    [MemberData(nameof(Folders))]
    public void Folder_ImportsOnlyWhatTheTableAllows(string folder)
    {
        Assert.True(MayImport.TryGetValue(folder, out var allowed), $"The folder {folder} stands in no row of the table.");
        var breaches =
            from file in Directory.EnumerateFiles(Path.Combine(Source, folder), "*.cs", SearchOption.AllDirectories)
            let code = Comment().Replace(File.ReadAllText(file), "")
            from Match import in OwnImport().Matches(code).Concat(InlineName().Matches(code))
            let target = import.Groups[1].Value
            where MayImport.ContainsKey(target) && target != folder && !allowed!.Contains(target)
            select $"{Path.GetRelativePath(Source, file)} imports {target}";

        Assert.Empty(breaches);
    }

    /// <summary>A package of its own that sees the internals of the library: the row of the table for it.</summary>
    [Fact]
    public void Assembler_ImportsOnlyWhatTheTableAllows()
    {
        string[] allowed = ["Backends", "Cpu", "Graph", "Hosting", "Quantization"];
        var folder = Path.Combine(Golden.Root, "src", "EmbeddedLlm.Assembler");
        var breaches =
            from file in Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
            from Match import in OwnImport().Matches(Comment().Replace(File.ReadAllText(file), ""))
            where !allowed.Contains(import.Groups[1].Value)
            select $"{Path.GetRelativePath(folder, file)} imports {import.Groups[1].Value}";

        Assert.Empty(breaches);
    }

    [Fact]
    public void RootTypes_AreUsedByTheRootAndHostingAlone()
    {
        var types = string.Join('|', Directory.EnumerateFiles(Source, "*.cs").Select(file => Path.GetFileNameWithoutExtension(file)).Where(name => !name.EndsWith("Exception", StringComparison.Ordinal)));
        var breaches =
            from file in Directory.EnumerateFiles(Source, "*.cs", SearchOption.AllDirectories)
            let folder = Path.GetRelativePath(Source, file).Split(Path.DirectorySeparatorChar)
            where folder.Length > 1 && folder[0] != "Hosting"
            from Match use in Regex.Matches(Comment().Replace(File.ReadAllText(file), ""), $@"(?<!\.)\b({types})\b(?!\()")
            select $"{Path.GetRelativePath(Source, file)} uses {use.Value}";

        Assert.Empty(breaches);
    }

    [Fact]
    public void EveryFile_HoldsOnePublicType_OfItsOwnName()
    {
        var breaches =
            from file in Directory.EnumerateFiles(Path.Combine(Golden.Root, "src"), "*.cs", SearchOption.AllDirectories)
            let types = PublicType().Matches(File.ReadAllText(file)).Select(m => m.Groups[1].Value).Distinct().ToList()
            // A small record may stand beside its only user; the file then has the name of the user.
            where types.Count > 2 || (types.Count > 0 && !types.Contains(Path.GetFileNameWithoutExtension(file).Split('.')[0]))
            select $"{Path.GetRelativePath(Golden.Root, file)}: {string.Join(", ", types)}";

        Assert.Empty(breaches);
    }

    [Fact]
    public void Unsafe_IsConfinedToCpuAndGguf()
    {
        var breaches =
            from file in Directory.EnumerateFiles(Source, "*.cs", SearchOption.AllDirectories)
            let folder = Path.GetRelativePath(Source, file).Split(Path.DirectorySeparatorChar)[0]
            where folder is not ("Cpu" or "Gguf") && UnsafeKeyword().IsMatch(File.ReadAllText(file))
            select Path.GetRelativePath(Source, file);

        Assert.Empty(breaches);
    }

    [GeneratedRegex(@"//.*$|""(?:[^""\\\n]|\\.)*""", RegexOptions.Multiline)]
    private static partial Regex Comment();

    // A namespace may be named without a using: Cpu.CpuBackend inside EmbeddedLlm.Engine.
    [GeneratedRegex(@"(?<![\w.])(?:EmbeddedLlm\.)?(\w+)\.[A-Z]\w*")]
    private static partial Regex InlineName();

    [GeneratedRegex(@"^\s*(?:global )?using (?:static )?EmbeddedLlm\.(\w+)", RegexOptions.Multiline)]
    private static partial Regex OwnImport();

    [GeneratedRegex(@"^public (?:(?:static|sealed|abstract|readonly|ref|partial|unsafe) )*(?:class|struct|record struct|record class|record|interface|enum) (\w+)", RegexOptions.Multiline)]
    private static partial Regex PublicType();

    [GeneratedRegex(@"^\s*(?:[\w<>\[\]]+ )*unsafe[ \r\n{]", RegexOptions.Multiline)]
    private static partial Regex UnsafeKeyword();
}
