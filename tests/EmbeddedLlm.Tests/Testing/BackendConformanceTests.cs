using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Testing;

namespace EmbeddedLlm.Tests.Testing;

public sealed class BackendConformanceTests
{
    /// <summary>For each op a mistake that a backend may make.</summary>
    private static readonly Dictionary<string, Func<Op, Op>> Mistakes = new()
    {
        ["embed"] = op => op is Op.Embed embed ? embed with { Table = embed.Table with { Storage = new OtherRow(embed.Table) } } : op,
        ["linear"] = op => op is Op.Linear linear ? linear with { Projections = [.. linear.Projections.Select(projection => projection with { Bias = null })] } : op,
        ["head-linear"] = op => op is Op.HeadLinear linear ? linear with { Weight = linear.Weight with { Storage = new OtherRow(linear.Weight) } } : op,
        ["norm"] = op => op is Op.Norm norm ? norm with { Kind = norm.Kind == NormKind.Rms ? NormKind.Layer : NormKind.Rms } : op,
        ["rope"] = op => op is Op.Rope rope ? rope with { Spec = rope.Spec with { Pairing = rope.Spec.Pairing == RopePairing.Halves ? RopePairing.Adjacent : RopePairing.Halves } } : op,
        ["attention"] = op => op is Op.Attention attention ? attention with { Spec = attention.Spec with { Window = attention.Spec.Window == 0 ? 9 : 0 } } : op,
        ["gate"] = op => op is Op.Gate gate ? gate with { Gated = gate.Up, Up = gate.Gated } : op,
        ["activate"] = op => op is Op.Activate activate ? activate with { Kind = (Activation)(((int)activate.Kind + 1) % 6) } : op,
        ["row-gate"] = op => op is Op.RowGate gate ? gate with { Kind = Activation.Silu } : op,
        ["bound"] = op => op is Op.Bound bound ? bound with { IsSmooth = !bound.IsSmooth } : op,
        ["embed-positions"] = op => op is Op.EmbedPositions embed ? embed with { Table = embed.Table with { Storage = new OtherRow(embed.Table) } } : op,
        ["add"] = op => op is Op.Add add ? add with { Right = add.Left } : op,
        ["add-vector"] = op => op is Op.AddVector add ? new Op.Scale(add.In, 1, add.Out) : op,
        ["scale"] = op => op is Op.Scale scale ? scale with { Factor = 1.001f * scale.Factor } : op,
        ["multiply"] = op => op is Op.Multiply multiply ? multiply with { Right = multiply.Left } : op,
        ["part"] = op => op is Op.Part part ? part with { First = part.First == 0 ? part.Run - part.Count : 0 } : op,
        ["short-convolution"] = op => op is Op.ShortConvolution convolution ? convolution with { Bias = null } : op,
        ["state-space"] = op => op is Op.StateSpace space ? space with { B = space.C } : op,
        ["gated-delta"] = op => op is Op.GatedDelta delta ? delta with { Q = delta.K } : op,
        ["experts"] = op => op is Op.Experts experts ? experts with { Spec = experts.Spec with { NormalizeWeights = !experts.Spec.NormalizeWeights } } : op,
    };

    public static TheoryData<string> Ops => [.. Mistakes.Keys];

    [Theory, MemberData(nameof(Ops))]
    public void Cases_OfABackendWithOneMistake_ReportIt(string op)
    {
        var cases = BackendConformance.Cases(new MistakenBackend(Mistakes[op])).Where(c => c.Name.StartsWith(op + "/", StringComparison.Ordinal)).ToList();
        var reported = cases.Where((_, i) => i % 7 == 0).Count(c => Record.Exception(() => c.Run()) is ConformanceException);
        Assert.True(reported > 0, $"none of {cases.Count} cases");
    }

    /// <summary>What a backend may pass over: a part of an op that many models do without.</summary>
    private static readonly Dictionary<string, Func<Op, Op>> Oversights = new()
    {
        ["attention sinks"] = op => op is Op.Attention attention ? attention with { Sinks = null } : op,
        ["start of the turned"] = op => op is Op.Rope rope ? rope with { Start = 0 } : op,
        ["end of the normed"] = op => op is Op.Norm norm ? norm with { RunWidth = norm.Gain.Columns } : op,
        ["router bias"] = op => WithBiases(op, biases => biases with { Router = null }),
        ["gate bias"] = op => WithBiases(op, biases => biases with { Gate = null }),
        ["up bias"] = op => WithBiases(op, biases => biases with { Up = null }),
        ["down bias"] = op => WithBiases(op, biases => biases with { Down = null }),
        ["choice bias"] = op => WithBiases(op, biases => biases with { Choice = null }),
        ["expert limit"] = op => WithSpec(op, spec => spec with { Limit = 0 }),
        ["expert offset"] = op => WithSpec(op, spec => spec with { UpOffset = 0 }),
        ["expert scoring"] = op => WithSpec(op, spec => spec with { Scoring = ExpertScoring.Softmax }),
        ["expert groups"] = op => WithSpec(op, spec => spec with { Groups = 1, GroupsUsed = 1, GroupScores = 1 }),
        ["group scores"] = op => WithSpec(op, spec => spec with { GroupScores = 1 }),
    };

    public static TheoryData<string> Parts => [.. Oversights.Keys];

    [Theory, MemberData(nameof(Parts))]
    public void Cases_OfABackendThatPassesOverAPart_ReportIt(string part)
    {
        var cases = BackendConformance.Cases(new MistakenBackend(Oversights[part]))
            .Where(c => ((string[])["attention/F32/", "experts/choice/", "norm/", "rope/"]).Any(name => c.Name.StartsWith(name, StringComparison.Ordinal)));
        Assert.Contains(cases, c => Record.Exception(() => c.Run()) is ConformanceException);
    }

    private static Op WithBiases(Op op, Func<ExpertBiases, ExpertBiases> change) =>
        op is Op.Experts { Biases: { } biases } experts ? experts with { Biases = change(biases) } : op;

    private static Op WithSpec(Op op, Func<ExpertsSpec, ExpertsSpec> change) =>
        op is Op.Experts experts ? experts with { Spec = change(experts.Spec) } : op;

    [Fact]
    public void Cases_OfEveryBackend_HaveNamesOfTheirOwnAndCoverEveryOp()
    {
        var names = BackendConformance.Cases(new ReferenceBackend()).Select(c => c.Name).ToList();
        Assert.Equal(names.Count, names.Distinct().Count());
        Assert.Equal(["model", "kv-block", .. Mistakes.Keys], names.Select(name => name.Split('/')[0]).ToHashSet(), (a, b) => a.Order().SequenceEqual(b.Order()));
    }

    [Theory, InlineData(true, false), InlineData(false, true), InlineData(false, false)]
    public void KvBlocks_OfABackendThatReadsOrWritesThemWrong_AreReported(bool leaks, bool forgets)
    {
        var cases = BackendConformance.Cases(new WrongKvBackend(leaks, forgets)).Where(c => c.Name.StartsWith("kv-block/", StringComparison.Ordinal)).ToList();

        if (leaks || forgets)
            Assert.All(cases, c => Assert.Throws<ConformanceException>(c.Run));
        else
            Assert.All(cases, c => Assert.Null(c.Run()));
    }

    [Fact]
    public void KvBlocks_OfABackendThatCannotReadThem_SayWhy()
    {
        var cases = BackendConformance.Cases(new WrongKvBackend(leaks: false, forgets: false, declines: true)).Where(c => c.Name.StartsWith("kv-block/", StringComparison.Ordinal));
        Assert.All(cases, c => Assert.Equal("KV blocks cannot be read.", c.Run()));
    }

    [Fact]
    public void Cases_OfABackendThatIsOff_AllDisagree()
    {
        foreach (var c in BackendConformance.Cases(new OffBackend()).Where((_, i) => i % 17 == 0))
            Assert.Throws<ConformanceException>(c.Run);
    }

    [Fact]
    public void Cases_OfABackendThatDeclines_SayWhy()
    {
        var reasons = BackendConformance.Cases(new DecliningBackend()).Select(c => c.Run()).Distinct();
        Assert.Equal(["No device."], reasons);
    }

    // A tenth too much: more than rounded activations ever cost.
    private sealed class OffBackend : IBackend
    {
        public string Name => "off";

        public BackendOffer Offer(ModelGraph graph) => new(true, 0, "");

        public IModelRunner Load(ModelGraph graph, RunnerOptions options) => new Runner(new ReferenceBackend().Load(graph, options));

        private sealed class Runner(IModelRunner inner) : IModelRunner
        {
            public int KvBlocks => inner.KvBlocks;

            public void CopyKvBlock(int from, int to) => inner.CopyKvBlock(from, to);

            public void CopyState(int from, int to) => inner.CopyState(from, to);

            public void Dispose() => inner.Dispose();

            public void Run(in Batch batch, Span<float> logits)
            {
                inner.Run(batch, logits);
                foreach (ref var logit in logits)
                    logit *= 1.1f;
            }
        }
    }

    // The reference on a graph that is not quite the one it was given.
    private sealed class MistakenBackend(Func<Op, Op> mistake) : IBackend
    {
        public string Name => "mistaken";

        public BackendOffer Offer(ModelGraph graph) => new(true, 0, "");

        public IModelRunner Load(ModelGraph graph, RunnerOptions options) => new ReferenceBackend().Load(graph with { Ops = [.. graph.Ops.Select(mistake)] }, options);
    }

    // The row before the one that is asked for.
    private sealed class OtherRow(Weight table) : WeightStorage
    {
        public override ReadOnlySpan<byte> Slice(long offset, int length) => table.Storage.Slice(offset == 0 ? length : offset - length, length);
    }

    // One that gives out what stands behind the positions asked for, or writes nothing.
    private sealed class WrongKvBackend(bool leaks, bool forgets, bool declines = false) : IBackend
    {
        public string Name => "wrong-kv";

        public BackendOffer Offer(ModelGraph graph) => new(true, 1, "");

        public IModelRunner Load(ModelGraph graph, RunnerOptions options) => new Runner(new ReferenceBackend().Load(graph, options), options.KvBlockTokens, leaks, forgets, declines);

        private sealed class Runner(IModelRunner inner, int blockTokens, bool leaks, bool forgets, bool declines) : IModelRunner
        {
            public int KvBlocks => inner.KvBlocks;

            public string? KvLayout => declines ? null : inner.KvLayout;

            public int KvBlockBytes => inner.KvBlockBytes;

            public void Run(in Batch batch, Span<float> logits) => inner.Run(batch, logits);

            public void CopyKvBlock(int from, int to) => inner.CopyKvBlock(from, to);

            public void ReadKvBlock(int block, int positions, Span<byte> bytes) => inner.ReadKvBlock(block, leaks ? blockTokens : positions, bytes);

            public void WriteKvBlock(int block, ReadOnlySpan<byte> bytes)
            {
                if (!forgets)
                    inner.WriteKvBlock(block, bytes);
            }

            public void CopyState(int from, int to) => inner.CopyState(from, to);

            public void Dispose() => inner.Dispose();
        }
    }

    private sealed class DecliningBackend : IBackend
    {
        public string Name => "declining";

        public BackendOffer Offer(ModelGraph graph) => new(false, 0, "No device.");

        public IModelRunner Load(ModelGraph graph, RunnerOptions options) => throw new NotSupportedException();
    }
}
