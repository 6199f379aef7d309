using System.Text.Json;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Models;
using EmbeddedLlm.Quantization;
using EmbeddedLlm.Tests.Models;

namespace EmbeddedLlm.Tests.Cpu;

/// <summary>Whole files on the CPU against golden logits.</summary>
public sealed class CpuGoldenTests
{
    /// <summary>Decoders of the families that can be loaded.</summary>
    public static TheoryData<string> Models => [.. Folders("models").Where(name => IsDecoder(name) && IsLoadable("models", name))];

    /// <summary>Weight types that can be loaded.</summary>
    public static TheoryData<string> Types => [.. Folders("quantized").Where(name => IsLoadable("quantized", name))];

    /// <summary>Mixtures of weight types that can be loaded and whose distance is known.</summary>
    public static TheoryData<string> Mixtures => [.. Folders("quantized-families").Where(name => name != "gpt-oss_mxfp4_moe" && IsLoadable("quantized-families", name))];

    [Theory, MemberData(nameof(Models))]
    public void Logits_OfFloatWeights_AreExact(string name)
    {
        var exact = Path.Combine(Golden.Path("models", name), "exact.f32");
        var (bound, expected) = File.Exists(exact) ? (1e-4, exact) : (1e-3, Golden.Path("models", name, "logits.f32"));
        var tokens = GoldenModels.Tokens(Golden.Path("models", name, "tokens.json"));

        var logits = GoldenModels.Logits(new CpuBackend(), Golden.Path("models", name, "model.gguf"), tokens);

        Assert.InRange(GoldenModels.MaxDifference(Golden.Floats(expected), logits), 0, bound);
    }

    [Theory, MemberData(nameof(Types))]
    public void Logits_OfAWeightType_AreAsNearAsThoseOfLlamaCpp(string type)
    {
        using var stats = JsonDocument.Parse(File.ReadAllText(Golden.Path("quantized", "stats.json")));
        var known = stats.RootElement.GetProperty(type).GetProperty("llamacpp_vs_ref64_dequant").GetProperty("kl_mean").GetDouble();

        AssertDivergence(1.25 * known, Golden.Path("quantized", type), Golden.Path("quantized", "tokens.json"));
    }

    [Theory, MemberData(nameof(Mixtures))]
    public void Logits_OfAMixture_AreAsNearAsThoseOfLlamaCpp(string name)
    {
        using var stats = JsonDocument.Parse(File.ReadAllText(Golden.Path("quantized-families", "stats.json")));
        var known = stats.RootElement.GetProperty(name).GetProperty("llamacpp_vs_exact").GetProperty("kl_mean").GetDouble();
        var family = name[..name.IndexOf('_', StringComparison.Ordinal)];

        AssertDivergence(1.25 * known, Golden.Path("quantized-families", name), family == "llama256" ? Golden.Path("quantized", "tokens.json") : Golden.Path("models", family, "tokens.json"));
    }

    [Theory, InlineData(KvType.F32), InlineData(KvType.F16)]
    public void GreedyTokens_OfStories260K_AreThePublishedText(KvType kv)
    {
        using var expected = JsonDocument.Parse(File.ReadAllText(Golden.Path("trained", "stories260K", "ref-f32.json")));
        var greedy = expected.RootElement.GetProperty("greedy").EnumerateArray().Select(step => step.GetProperty("id").GetInt32()).ToArray();
        using var file = GgufFile.Open(Golden.Path("trained", "stories260K", "stories260K-f32.gguf"));
        var loaded = ModelLoader.Load(file);
        using var runner = new CpuBackend().Load(loaded.Graph, new RunnerOptions { KvBlocks = 7, KvType = kv });

        var token = file.Metadata.GetInt("tokenizer.ggml.bos_token_id");
        var logits = new float[loaded.Spec.VocabularySize];
        var found = new int[greedy.Length];
        for (var i = 0; i < found.Length; i++)
        {
            runner.Run(new Batch { Tokens = [token], Slices = [new BatchSlice(1, i, 0, 7)], KvBlocks = [6, 5, 4, 3, 2, 1, 0], OutputRows = [0] }, logits);
            token = found[i] = logits.IndexOf(logits.Max());
        }

        Assert.Equal(greedy, found);
    }

    private static void AssertDivergence(double bound, string folder, string tokens)
    {
        var exact = Golden.Floats(Path.Combine(folder, "exact.f32"));
        var ids = GoldenModels.Tokens(tokens);
        var logits = GoldenModels.Logits(new CpuBackend(), Path.Combine(folder, "model.gguf"), ids);
        Assert.Equal(exact.Length, logits.Length);

        var width = exact.Length / ids.Length;
        var mean = Enumerable.Range(0, ids.Length).Average(row => Divergence(exact.AsSpan(row * width, width), logits.AsSpan(row * width, width)));
        Assert.InRange(mean, 0, bound);
    }

    // KL(softmax(expected) || softmax(found))
    private static double Divergence(ReadOnlySpan<float> expected, ReadOnlySpan<float> found)
    {
        var (logP, logQ) = (LogSum(expected), LogSum(found));
        var sum = 0.0;
        for (var i = 0; i < expected.Length; i++)
            sum += Math.Exp(expected[i] - logP) * (expected[i] - logP - (found[i] - logQ));
        return sum;
    }

    private static double LogSum(ReadOnlySpan<float> logits)
    {
        var sum = 0.0;
        foreach (var logit in logits)
            sum += Math.Exp(logit);
        return Math.Log(sum);
    }

    private static IEnumerable<string> Folders(string kind) =>
        Golden.IsPresent ? Directory.GetDirectories(Golden.Path(kind)).Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal) : ["absent"];

    private static bool IsDecoder(string name) => name == "absent" || File.Exists(Golden.Path("models", name, "logits.f32"));

    private static bool IsLoadable(string kind, string name)
    {
        if (name == "absent")
            return true;
        using var file = GgufFile.Open(Golden.Path(kind, name, "model.gguf"));
        return ModelLoader.Families.Contains(file.Metadata.GetString("general.architecture")) && file.Tensors.All(tensor => BlockFormats.TryGet(tensor.Type, out _));
    }
}
