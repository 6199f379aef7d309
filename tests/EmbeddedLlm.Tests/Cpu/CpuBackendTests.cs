using EmbeddedLlm.Cpu;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;
using EmbeddedLlm.Tests.Graph;

namespace EmbeddedLlm.Tests.Cpu;

public sealed class CpuBackendTests
{
    private const int Width = 64;

    [Fact]
    public void Offer_EveryFormatOfTheTable_CanRun()
    {
        foreach (var format in BlockFormats.All)
            Assert.True(new CpuBackend().Offer(TestModel.Graph(format)).CanRun);
    }

    /// <summary>A stage of the build that switches instruction sets off says which one it means to test.</summary>
    [Fact]
    public void InstructionSet_WhereTheStageNamesOne_IsThatOne()
    {
        var expected = Environment.GetEnvironmentVariable("EMBEDDEDLLM_EXPECT_TIER");
        Assert.SkipWhen(string.IsNullOrEmpty(expected), "EMBEDDEDLLM_EXPECT_TIER names no instruction set.");
        Assert.Equal(expected, CpuBackend.InstructionSet);
    }

    public static TheoryData<string> Places => ["linear", "router", "gate", "up", "down"];

    [Theory, MemberData(nameof(Places))]
    public void Offer_FormatWithoutAPanel_DeclinesAndLoadThrowsTheSame(string place)
    {
        Weight Matrix(string name, int experts) =>
            name == place ? Foreign(name, experts) : TestWeights.Matrix(name, Width, Width, experts);
        var graph = Graph((b, x) => place == "linear"
            ? b.Linear(x, Foreign(place))
            : b.Experts(x, Matrix("router", 1), Matrix("gate", Width), Matrix("up", Width), Matrix("down", Width), new ExpertsSpec(2, Activation.Silu, true)));

        AssertDeclined(graph, $"'{place}'");
    }

    [Fact]
    public void Offer_FormatWithoutAPanelInTheEmbedding_CanRun()
    {
        var b = new GraphBuilder();
        var graph = b.Build(b.PickRows(b.Embed(Foreign("token_embd"))));

        Assert.True(new CpuBackend().Offer(graph).CanRun);
        using var runner = new CpuBackend().Load(graph, TestModel.Options());
    }

    [Fact]
    public void Offer_UnknownKind_DeclinesAndLoadThrowsTheSame()
    {
        AssertDeclined(Graph((b, x) => b.Activate(x, (Activation)17)), "Activation 17");
        AssertDeclined(Graph((b, x) => b.Gate(x, x, (Activation)18)), "Activation 18");
        AssertDeclined(Graph((b, x) => b.Norm(x, (NormKind)19, TestWeights.Vector("gain", Width), null, 0)), "NormKind 19");
        AssertDeclined(Graph((b, x) => b.Rope(x, new RopeSpec((RopePairing)20, [1.0]), Width)), "RopePairing 20");
        AssertDeclined(
            Graph((b, x) => b.Experts(
                x, TestWeights.Matrix("router", 4, Width), TestWeights.Matrix("gate", Width, Width, 4), TestWeights.Matrix("up", Width, Width, 4),
                TestWeights.Matrix("down", Width, Width, 4), new ExpertsSpec(2, (Activation)21, true))),
            "Activation 21");
        AssertDeclined(
            Graph((b, x) => b.Experts(
                x, TestWeights.Matrix("router", 4, Width), TestWeights.Matrix("gate", Width, Width, 4), TestWeights.Matrix("up", Width, Width, 4),
                TestWeights.Matrix("down", Width, Width, 4), new ExpertsSpec(2, Activation.Silu, true, Scoring: (ExpertScoring)22))),
            "ExpertScoring 22");
    }

    private static void AssertDeclined(ModelGraph graph, string reason)
    {
        var offer = new CpuBackend().Offer(graph);
        Assert.False(offer.CanRun);
        Assert.Contains(reason, offer.Reason, StringComparison.Ordinal);
        Assert.Equal(offer.Reason, Assert.Throws<UnsupportedModelException>(() => new CpuBackend().Load(graph, TestModel.Options())).Message);
    }

    private static ModelGraph Graph(Func<GraphBuilder, Value, Value> op)
    {
        var b = new GraphBuilder();
        return b.Build(b.PickRows(op(b, b.Embed(TestWeights.Matrix("token_embd", 1, Width)))));
    }

    private static Weight Foreign(string name, int experts = 1) =>
        new(name, BlockFormat.Of<ForeignFormat>(), Width, Width, WeightStorage.From(new byte[Width * Width * experts]), 0, experts);
}
