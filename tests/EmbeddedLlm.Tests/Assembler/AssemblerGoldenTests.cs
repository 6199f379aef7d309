using System.Text.Json;
using EmbeddedLlm.Assembler;
using EmbeddedLlm.Tests.Models;

namespace EmbeddedLlm.Tests.Assembler;

/// <summary>Whole files in assembled products against golden logits, with the bounds of the CPU backend.</summary>
public sealed class AssemblerGoldenTests
{
    public static TheoryData<string> Types => ["q2_K", "q3_K", "q4_0", "q4_1", "q4_K", "q5_0", "q5_1", "q5_K", "q6_K", "q8_0"];

    [Theory, MemberData(nameof(Types))]
    public void Logits_OfAWeightType_AreAsNearAsThoseOfLlamaCpp(string type)
    {
        Assert.SkipUnless(VnniTier.IsSupported, "This processor, or what the test runs with, has no AVX-512 VNNI.");
        using var stats = JsonDocument.Parse(File.ReadAllText(Golden.Path("quantized", "stats.json")));
        var known = stats.RootElement.GetProperty(type).GetProperty("llamacpp_vs_ref64_dequant").GetProperty("kl_mean").GetDouble();

        GoldenModels.AssertDivergence(new AssemblerBackend(), 1.25 * known, Golden.Path("quantized", type), Golden.Path("quantized", "tokens.json"));
    }
}
