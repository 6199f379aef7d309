using System.Collections.Immutable;
using System.Runtime.Intrinsics;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu.Kernels;
using EmbeddedLlm.Cpu.Lanes;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu;

/// <summary>Turns each op of a graph into a kernel, once, and puts neighbours together where that pays.</summary>
internal static class CpuCompiler
{
    /// <summary>Why <paramref name="tier"/> cannot run <paramref name="graph"/>; null if it can.</summary>
    public static string? WhyNot(ModelGraph graph, Tier tier)
    {
        foreach (var op in graph.Ops)
        {
            if (op is not (Op.Embed or Op.EmbedPositions or Op.RowGate or Op.Bound or Op.Linear or Op.HeadLinear or Op.Norm or Op.Rope or Op.Attention or Op.Gate or Op.Activate or Op.Add or Op.AddVector or Op.Scale or Op.Multiply or Op.Part or Op.ShortConvolution or Op.StateSpace or Op.GatedDelta or Op.Experts or Op.PickRows))
                return $"The CPU backend has no kernel for the op {op.GetType().Name}.";
            if (Unknown(op) is { } kind)
                return $"The CPU backend does not know the {kind.GetType().Name} {kind}.";
            foreach (var weight in Packed(op))
            {
                if (!tier.Holds(weight.Format))
                    return $"The CPU backend has no panel for the format {weight.Format} of '{weight.Name}' ({weight.Format.Bits} bits, {weight.Format.GroupLength} numbers to a group, {weight.Format.Length} to a block).";
            }
        }

        return null;
    }

    // A kind beyond those that kernels are written for.
    private static Enum? Unknown(Op op) => op switch
    {
        Op.Norm { Kind: not (NormKind.Rms or NormKind.Layer) and var kind } => kind,
        Op.Rope { Spec.Pairing: not (RopePairing.Adjacent or RopePairing.Halves) and var pairing } => pairing,
        Op.Gate gate when !IsKnown(gate.Kind) => gate.Kind,
        Op.Activate activate when !IsKnown(activate.Kind) => activate.Kind,
        Op.RowGate gate when !IsKnown(gate.Kind) => gate.Kind,
        Op.Experts experts when !IsKnown(experts.Spec.Activation) => experts.Spec.Activation,
        Op.Experts { Spec.Scoring: not (ExpertScoring.Softmax or ExpertScoring.Sigmoid) and var scoring } => scoring,
        _ => null,
    };

    private static bool IsKnown(Activation kind) => kind is Activation.Silu or Activation.GeluTanh or Activation.Gelu or Activation.Relu or Activation.Sigmoid or Activation.GeluSigmoid;

    /// <summary>Weights that go into panels. The embedding's table and the vectors stay as they are, so any format will do for them.</summary>
    public static IEnumerable<Weight> Packed(Op op) => op switch
    {
        Op.Linear linear => linear.Projections.Select(projection => projection.Weight),
        Op.HeadLinear linear => [linear.Weight],
        Op.Experts experts => [experts.Router, experts.GateProjection, experts.UpProjection, experts.DownProjection],
        _ => [],
    };

    /// <summary>Compiles for the widest registers of this processor; products of weights are those of <paramref name="tier"/>.</summary>
    public static CompiledGraph Compile(ModelGraph graph, RunnerOptions options, CpuFusions fusions, Tier tier) =>
        Vector512.IsHardwareAccelerated ? CpuCompiler<Lanes16>.Compile(graph, options, fusions, tier)
        : Vector256.IsHardwareAccelerated ? CpuCompiler<Lanes8>.Compile(graph, options, fusions, tier)
        : CpuCompiler<Lanes4>.Compile(graph, options, fusions, tier);
}

/// <summary>The compiler for one width of registers.</summary>
internal sealed class CpuCompiler<TLanes> where TLanes : unmanaged, ILanes<TLanes>
{
    private readonly GraphMemory _memory;
    private readonly CpuFusions _fusions;
    private readonly bool _keepInFile;
    private readonly Tier _tier;
    private readonly Dictionary<RopeSpec, RopeTableKernel> _ropes = [];
    private readonly List<CpuKernel> _kernels = [];
    private readonly List<CpuKernel> _joined = [];      // to be run without a barrier between them
    private readonly List<Op> _joinedOps = [];

    private CpuCompiler(GraphMemory memory, CpuFusions fusions, Tier tier, bool keepInFile) =>
        (_memory, _fusions, _tier, _keepInFile) = (memory, fusions, tier, keepInFile);

    /// <summary>Compiles <paramref name="graph"/>.</summary>
    public static CompiledGraph Compile(ModelGraph graph, RunnerOptions options, CpuFusions fusions, Tier tier)
    {
        var memory = new GraphMemory(graph, options);
        var compiler = new CpuCompiler<TLanes>(memory, fusions, tier, options.KeepWeightsInFile);
        try
        {
            compiler.AddRopeTables(graph);
            foreach (var op in graph.Ops)
                compiler.Add(op);
            compiler.Join();
        }
        catch
        {
            foreach (var kernel in compiler._kernels.Concat(compiler._joined))
                kernel.Dispose();
            memory.Dispose();
            throw;
        }

        var vocabulary = graph.Ops.OfType<Op.Embed>().Select(op => op.Table.Rows).DefaultIfEmpty(int.MaxValue).Min();
        var positions = graph.Ops.OfType<Op.EmbedPositions>().Select(op => op.Table.Rows).DefaultIfEmpty(int.MaxValue).Min();
        return new CompiledGraph([.. compiler._kernels], memory, memory.Bind(graph.Logits), vocabulary, positions, graph.NeedsWholeTexts);
    }

    // One table for all ops that turn alike. Tables come before all else, and are joined with nothing but the embedding that every rope waits for.
    private void AddRopeTables(ModelGraph graph)
    {
        foreach (var op in graph.Ops.OfType<Op.Rope>())
        {
            if (_ropes.ContainsKey(op.Spec))
                continue;
            var table = new RopeTableKernel(op.Spec, _memory.RowsOf(op.In));
            _ropes.Add(op.Spec, table);
            _joined.Add(table);
        }
    }

    private void Add(Op op)
    {
        var mayJoin = _fusions.HasFlag(CpuFusions.Join) && op is not (Op.Linear or Op.HeadLinear or Op.Experts or Op.Attention or Op.StateSpace or Op.GatedDelta);
        if (!mayJoin || _joinedOps.Exists(other => NeedEachOther(op, other)))
            Join();

        var kernel = Make(op);
        if (mayJoin)
        {
            _joined.Add(kernel);
            _joinedOps.Add(op);
        }
        else
        {
            _kernels.Add(kernel);
        }
    }

    // Whether one writes memory that the other reads or writes; but not if every worker finds there only what it wrote itself.
    private bool NeedEachOther(Op a, Op b) =>
        (Meet(a.Outputs, b.Inputs) || Meet(a.Inputs, b.Outputs) || Meet(a.Outputs, b.Outputs)) && (Runs(a) == (0, 0) || Runs(a) != Runs(b));

    // Norm and rope share their work out by runs (or heads) of rows: the width of a row and the length of a run; (0, 0) for other ops.
    private static (int Width, int Run) Runs(Op op) => op switch
    {
        Op.Norm norm => (norm.In.Width, norm.RunWidth),
        Op.Rope rope => (rope.In.Width, rope.HeadWidth),
        _ => (0, 0),
    };

    private bool Meet(ImmutableArray<Value> some, ImmutableArray<Value> others) =>
        some.Any(one => others.Any(other => _memory.Share(one, other)));

    // Closes the group of joined kernels.
    private void Join()
    {
        if (_joined.Count > 0)
            _kernels.Add(_joined.Count == 1 ? _joined[0] : new JoinedKernel([.. _joined]));
        _joined.Clear();
        _joinedOps.Clear();
    }

    private CpuKernel Make(Op op) => op switch
    {
        Op.Embed embed => new EmbedKernel(embed.Table, Bind(embed.Out)),
        Op.EmbedPositions embed => new EmbedPositionsKernel(embed.Table, Bind(embed.Out)),
        Op.Linear linear => Linear(linear),
        Op.HeadLinear linear => new HeadLinearKernel(_tier, _memory.Workspace, linear, Bind(linear.In), Bind(linear.Out), _memory.RowsOf(linear.In), _keepInFile),
        Op.Norm norm => new NormKernel<TLanes>(norm, Bind(norm.In), Bind(norm.Out)),
        Op.Rope rope => new RopeKernel<TLanes>(rope, _ropes[rope.Spec], Bind(rope.In), Bind(rope.Out)),
        Op.Attention attention => new AttentionKernel<TLanes>(attention, _memory.Kv, Bind(attention.Q), Bind(attention.K), Bind(attention.V), Bind(attention.Out)),
        Op.Gate gate => Gate(gate),
        Op.Activate activate => Activate(activate),
        Op.RowGate gate => RowGate(gate),
        Op.Bound bound => bound.IsSmooth
            ? Elementwise(bound.In, bound.In, bound.Out, new SmoothlyBounded(bound.Limit))
            : Elementwise(bound.In, bound.In, bound.Out, new Bounded(bound.Limit)),
        Op.Add add => Elementwise(add.Left, add.Right, add.Out, new Sum()),
        Op.AddVector add => new AddVectorKernel(add.Vector, Bind(add.In), Bind(add.Out)),
        Op.Multiply multiply => Elementwise(multiply.Left, multiply.Right, multiply.Out, new Product()),
        Op.Part part => new PartKernel(part, Bind(part.In), Bind(part.Out)),
        Op.ShortConvolution convolution => new ShortConvolutionKernel<TLanes>(convolution, _memory.States, Bind(convolution.In), Bind(convolution.Out)),
        Op.StateSpace space => new StateSpaceKernel<TLanes>(
            space, _memory.States, Bind(space.X), Bind(space.B), Bind(space.C), Bind(space.Step), Bind(space.Out), _memory.RowsOf(space.X)),
        Op.GatedDelta delta => new GatedDeltaKernel<TLanes>(
            delta, _memory.States, Bind(delta.Q), Bind(delta.K), Bind(delta.V), Bind(delta.Step), Bind(delta.Beta), Bind(delta.Out), _memory.RowsOf(delta.Q)),
        Op.Scale scale => Elementwise(scale.In, scale.In, scale.Out, new Scaled(scale.Factor)),
        Op.Experts experts => Experts(experts),
        Op.PickRows pick => new PickRowsKernel(Bind(pick.In), Bind(pick.Out)),
        _ => throw new UnsupportedModelException($"The CPU backend has no kernel for the op {op.GetType().Name}."),
    };

    private Activations Bind(Value value) => _memory.Bind(value);

    private Activations Bind(Value? value) => value is { } one ? Bind(one) : default;

    private LinearKernel Linear(Op.Linear op)
    {
        var parts = op.Projections.Select(projection => new LinearPart(projection.Weight, projection.Bias, Bind(projection.Out))).ToArray();
        return new LinearKernel(_tier, _memory.Workspace, Bind(op.In), parts, _memory.RowsOf(op.In), _keepInFile);
    }

    private ElementwiseKernel<TLanes, TOperation> Elementwise<TOperation>(Value left, Value right, Value result, TOperation operation)
        where TOperation : struct, IElementwise => new(Bind(left), Bind(right), Bind(result), operation);

    private CpuKernel Gate(Op.Gate op) => op.Kind switch
    {
        Activation.Silu => Elementwise(op.Gated, op.Up, op.Out, new Gated<Silu>()),
        Activation.GeluTanh => Elementwise(op.Gated, op.Up, op.Out, new Gated<GeluTanh>()),
        Activation.Gelu => Elementwise(op.Gated, op.Up, op.Out, new Gated<Gelu>()),
        Activation.Relu => Elementwise(op.Gated, op.Up, op.Out, new Gated<Relu>()),
        Activation.Sigmoid => Elementwise(op.Gated, op.Up, op.Out, new Gated<Sigmoid>()),
        Activation.GeluSigmoid => Elementwise(op.Gated, op.Up, op.Out, new Gated<GeluSigmoid>()),
        _ => throw Unknown(op.Kind),
    };

    private CpuKernel Activate(Op.Activate op) => op.Kind switch
    {
        Activation.Silu => Elementwise(op.In, op.In, op.Out, new Activated<Silu>()),
        Activation.GeluTanh => Elementwise(op.In, op.In, op.Out, new Activated<GeluTanh>()),
        Activation.Gelu => Elementwise(op.In, op.In, op.Out, new Activated<Gelu>()),
        Activation.Relu => Elementwise(op.In, op.In, op.Out, new Activated<Relu>()),
        Activation.Sigmoid => Elementwise(op.In, op.In, op.Out, new Activated<Sigmoid>()),
        Activation.GeluSigmoid => Elementwise(op.In, op.In, op.Out, new Activated<GeluSigmoid>()),
        _ => throw Unknown(op.Kind),
    };

    private CpuKernel RowGate(Op.RowGate op) => op.Kind switch
    {
        Activation.Silu => RowGate<Silu>(op),
        Activation.GeluTanh => RowGate<GeluTanh>(op),
        Activation.Gelu => RowGate<Gelu>(op),
        Activation.Relu => RowGate<Relu>(op),
        Activation.Sigmoid => RowGate<Sigmoid>(op),
        Activation.GeluSigmoid => RowGate<GeluSigmoid>(op),
        _ => throw Unknown(op.Kind),
    };

    private RowGateKernel<TLanes, TActivation> RowGate<TActivation>(Op.RowGate op) where TActivation : struct, IActivation =>
        new(Bind(op.Factor), Bind(op.In), Bind(op.Out));

    private CpuKernel Experts(Op.Experts op) => op.Spec.Activation switch
    {
        Activation.Silu => Experts<Silu>(op),
        Activation.GeluTanh => Experts<GeluTanh>(op),
        Activation.Gelu => Experts<Gelu>(op),
        Activation.Relu => Experts<Relu>(op),
        Activation.Sigmoid => Experts<Sigmoid>(op),
        Activation.GeluSigmoid => Experts<GeluSigmoid>(op),
        _ => throw Unknown(op.Spec.Activation),
    };

    private ExpertsKernel<TLanes, TActivation> Experts<TActivation>(Op.Experts op) where TActivation : struct, IActivation =>
        new(_tier, _memory.Workspace, op, Bind(op.In), Bind(op.Out), _memory.RowsOf(op.In), _keepInFile);

    private static UnsupportedModelException Unknown(Activation kind) => new($"The CPU backend does not know the activation {kind}.");
}
