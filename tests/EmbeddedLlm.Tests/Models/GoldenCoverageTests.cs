using EmbeddedLlm.Quantization;
using EmbeddedLlm.Tests.Tokenization;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Models;

/// <summary>Everything under golden is tested, or named as missing: a folder that nobody reads fails here.</summary>
public sealed class GoldenCoverageTests
{
    /// <summary>Top folders whose tests come with what they are for.</summary>
    private static readonly string[] NotYet = ["lora"];

    [Fact]
    public void Folders_OfModels_AreEachTestedOrNamedAsMissing() =>
        Assert.Equal(Folders("models"), GoldenModels.Decoders.Concat(GoldenModels.Embedders).Concat(GoldenModels.NotYet).Order(StringComparer.Ordinal));

    [Fact]
    public void Folders_OfWeightTypes_AreEachTested() =>
        Assert.Equal(Folders("quantized"), GoldenModels.Quantized.Order(StringComparer.Ordinal));

    [Fact]
    public void Folders_OfMixtures_AreEachTestedOrNamedAsMissing() =>
        Assert.Equal(Folders("quantized-families"), GoldenModels.Mixtures.Concat(GoldenModels.MixturesWithoutExact).Order(StringComparer.Ordinal));

    [Fact]
    public void Folders_OfFormats_AreEachTestedOrNamedAsMissing()
    {
        // F32 has none: its blocks are the numbers themselves.
        var tested = BlockFormats.All.Where(format => format.Type != GgmlType.F32).Select(format => GoldenModels.FolderOf(format.Name));
        Assert.Equal(Folders("formats"), tested.Concat(GoldenModels.FormatsNotYet).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Files_OfPreTokenizers_AreThoseOfTheTable()
    {
        Assert.SkipUnless(Golden.IsPresent, "The shared golden data is not beside this checkout.");
        Assert.Equal(GoldenTokenizers.Names("pretokenizers", ".jsonl.gz", ""), PreTokenizers.Names);
    }

    [Fact]
    public void Vocabularies_OfTokenizers_AreEachTested()
    {
        Assert.SkipUnless(Golden.IsPresent, "The shared golden data is not beside this checkout.");
        var tested = GoldenTokenizers.Names("vocab", ".gguf.out", "").Union(GoldenTokenizers.Names("expected", ".jsonl", "").Where(name => name.StartsWith("ggml-vocab-", StringComparison.Ordinal)));
        Assert.Equal(GoldenTokenizers.Names("vocab", ".gguf", ""), tested.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void TopFolders_AreEachReadByATestOrNamedAsMissing()
    {
        var tests = Directory.EnumerateFiles(Path.Combine(Golden.Root, "tests", "EmbeddedLlm.Tests"), "*.cs", SearchOption.AllDirectories)
            .Where(file => Path.GetFileName(file) != "GoldenCoverageTests.cs").Select(File.ReadAllText).ToList();
        Assert.All(Folders("."), folder => Assert.True(
            NotYet.Contains(folder) || tests.Any(code => code.Contains($"\"{folder}", StringComparison.Ordinal)), $"No test reads golden/{folder}."));
    }

    private static IEnumerable<string> Folders(string folder) =>
        Directory.GetDirectories(Golden.Path(folder)).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal);
}
