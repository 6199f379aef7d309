using System.Text.RegularExpressions;

namespace EmbeddedLlm.Tests.House;

/// <summary>Every C# block of the README and the docs stands, line by line, in code that is compiled and run; CI runs the shell blocks.</summary>
public sealed partial class DocsTests
{
    private static readonly Lazy<string[]> RunCode = new(() =>
    [
        .. Directory.EnumerateFiles(Path.Combine(Golden.Root, "samples"), "Program.cs", SearchOption.AllDirectories)
            .Concat(Directory.EnumerateFiles(Path.Combine(Golden.Root, "tests", "EmbeddedLlm.Tests", "Docs"), "*.cs"))
            .Select(file => Normalize(File.ReadAllText(file))),
    ]);

    public static TheoryData<string> Pages =>
    [
        "README.md",
        .. Directory.EnumerateFiles(Path.Combine(Golden.Root, "docs"), "*.md").Select(file => Path.GetRelativePath(Golden.Root, file)),
        .. Directory.EnumerateFiles(Path.Combine(Golden.Root, "nuget"), "*.md").Select(file => Path.GetRelativePath(Golden.Root, file)),
    ];

    [Theory]
    [MemberData(nameof(Pages))]
    public void EveryCodeBlock_StandsInCodeThatRuns(string page)
    {
        foreach (Match block in CSharpBlock().Matches(File.ReadAllText(Path.Combine(Golden.Root, page)).ReplaceLineEndings("\n")))
        {
            var code = Normalize(block.Groups[1].Value);
            Assert.True(RunCode.Value.Any(file => file.Contains(code, StringComparison.Ordinal)), $"{page}: no sample or docs test holds this block:\n{block.Groups[1].Value}");
        }
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void EveryBlock_IsOfALanguageThatIsRun(string page)
    {
        var languages = Fence().Matches(File.ReadAllText(Path.Combine(Golden.Root, page)).ReplaceLineEndings("\n")).Select(m => m.Groups[1].Value).Where((_, i) => i % 2 == 0);
        Assert.All(languages, language => Assert.Contains(language, (string[])["sh", "csharp", "text"]));
    }

    /// <summary>Lines without their indentation, so that a block may stand deeper in a file.</summary>
    private static string Normalize(string code) => string.Join('\n', code.ReplaceLineEndings("\n").Split('\n').Select(line => line.Trim())).Trim();

    [GeneratedRegex("^```csharp\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CSharpBlock();

    [GeneratedRegex("^```(\\w*)$", RegexOptions.Multiline)]
    private static partial Regex Fence();
}
