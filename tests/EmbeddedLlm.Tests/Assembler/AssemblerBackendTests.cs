using EmbeddedLlm.Assembler;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Cpu.Panels;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Quantization;
using EmbeddedLlm.Testing;
using EmbeddedLlm.Tests.Cpu;
using Microsoft.Extensions.Logging.Testing;

namespace EmbeddedLlm.Tests.Assembler;

public sealed class AssemblerBackendTests
{
    private const string NoVnni = "This processor, or what the test runs with, has no AVX-512 VNNI.";

    // Where the backend cannot run, one case says so.
    private static readonly ILookup<string, ConformanceCase> Cases = VnniTier.IsSupported
        ? BackendConformance.Cases(new AssemblerBackend()).ToLookup(one => string.Join('/', one.Name.Split('/').Take(2)))
        : new[] { new ConformanceCase(NoVnni, () => null) }.ToLookup(one => one.Name);

    /// <summary>Op and format, or op and kind.</summary>
    public static TheoryData<string> Groups => [.. Cases.Select(group => group.Key)];

    [Theory, MemberData(nameof(Groups))]
    public void Cases_OfGroup_AgreeWithReferenceOrAreDeclinedAsNotQuantized(string group)
    {
        Assert.SkipUnless(VnniTier.IsSupported, NoVnni);
        Assert.Multiple([.. Cases[group].Select(one => (Action)(() => Assert.True(IsRunOrDeclined(one.Run()), one.Name)))]);

        static bool IsRunOrDeclined(string? declined) => declined is null || declined.Contains("not quantized", StringComparison.Ordinal);
    }

    [Fact]
    public void Offer_QuantizedModel_OutranksTheCpu()
    {
        Assert.SkipUnless(VnniTier.IsSupported, NoVnni);
        foreach (var format in BlockFormats.All.Where(format => VnniTier.Assembles(PanelShape.Of(format))))
        {
            var graph = TestModel.Graph(format);
            Assert.Equal("assembler", BackendSelector.Select([new CpuBackend(), new AssemblerBackend()], graph, null, new FakeLogger()).Name);
        }
    }

    [Theory, InlineData(GgmlType.F32), InlineData(GgmlType.F16), InlineData(GgmlType.BF16), InlineData(GgmlType.IQ4_NL), InlineData(GgmlType.TQ2_0)]
    public void Offer_ModelWithoutAssembledProducts_IsDeclined(GgmlType type)
    {
        var offer = new AssemblerBackend(() => Tier.Best).Offer(TestModel.Graph(BlockFormats.Get(type)));
        Assert.False(offer.CanRun);
        Assert.Contains("not quantized", offer.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Offer_WithoutVnni_IsDeclined()
    {
        Assert.SkipWhen(VnniTier.IsSupported, "This processor has AVX-512 VNNI; the stages of the build without AVX-512 run this.");
        AssertDeclined(new AssemblerBackend(), "AVX-512 VNNI");
    }

    [Fact]
    public void Offer_SystemRefusesExecutableMemory_IsDeclinedAndTheCpuRuns() =>
        AssertDeclined(new AssemblerBackend(() => throw new NotSupportedException("The operating system refuses: denied.")), "denied");

    [Theory, MemberData(nameof(Integers))]
    public void Run_OtherChunksAndThreads_GiveTheSameBits(GgmlType type)
    {
        Assert.SkipUnless(VnniTier.IsSupported, NoVnni);
        var tokens = TestModel.Tokens(5, 40);
        var expected = Logits(tokens, 40, 1);
        Assert.All((int[])[1, 3, 7, 8, 13], chunk => Assert.Equal(expected, Logits(tokens, chunk, 3)));

        float[] Logits(int[] tokens, int chunk, int threads)
        {
            using var runner = new AssemblerBackend().Load(TestModel.Graph(BlockFormats.Get(type)), TestModel.Options(threads));
            return TestModel.Run(runner, tokens, chunk, [3, 1, 4, 15, 9]);
        }
    }

    public static TheoryData<GgmlType> Integers => VnniTierTests.Integers;

    private static void AssertDeclined(AssemblerBackend backend, string reason)
    {
        var graph = TestModel.Graph(BlockFormats.Get(GgmlType.Q4_K));
        var log = new FakeLogger();

        Assert.Equal("cpu", BackendSelector.Select([new CpuBackend(), backend], graph, null, log).Name);

        var declined = Assert.Single(log.Collector.GetSnapshot(), record => record.Id.Id == 2011);
        Assert.Contains(reason, declined.Message, StringComparison.Ordinal);
        Assert.Contains(reason, Assert.Throws<UnsupportedModelException>(() => backend.Load(graph, TestModel.Options())).Message, StringComparison.Ordinal);
    }
}
