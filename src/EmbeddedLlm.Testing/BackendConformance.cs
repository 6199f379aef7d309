using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Testing;

/// <summary>
/// What a backend must compute: every op in every weight format and many shapes, and small random models, compared with the reference.
/// New formats in <see cref="BlockFormats.All"/> are covered without a new case.
/// </summary>
public static class BackendConformance
{
    // Of mixtures that no format has a part in.
    private const int Experts = 12;

    private static readonly int[] RowCounts = [1, 2, 3, 8, 21];

    private static BlockFormat F32 => ConformanceGraphs.F32;

    /// <summary>All cases for <paramref name="backend"/>. Nothing runs before <see cref="ConformanceCase.Run"/> is called.</summary>
    public static IEnumerable<ConformanceCase> Cases(IBackend backend)
    {
        ArgumentNullException.ThrowIfNull(backend);
        return [.. BlockFormats.All.SelectMany(format => Products(backend, format)), .. Choices(backend), .. Rows(backend), .. Parts(backend), .. Attentions(backend), .. KvBlocks(backend), .. Recurrences(backend), .. Models(backend)];
    }

    // Ops that read a weight: each format, widths that fill panels and widths that leave remainders.
    private static IEnumerable<ConformanceCase> Products(IBackend backend, BlockFormat format)
    {
        var bound = ConformanceBounds.Of(format);
        yield return Case(backend, $"embed/{format}", ConformanceBounds.Float, g => g.Finish(g.Builder.Embed(g.Matrix("table", format, ConformanceGraphs.Tokens, 3 * Math.Max(32, format.Length), 1))));

        foreach (var columns in Columns(format))
        {
            foreach (var rows in (int[])[1, 5, 16, 37, 64, 129])
            {
                yield return Case(backend, $"linear/{format}/{columns}x{rows}", bound, g =>
                    g.Finish(g.Builder.Linear(g.Input(columns), g.Matrix("weight", format, rows, columns), rows % 2 == 0 ? null : g.Vector("bias", rows))));
            }
        }

        var width = Math.Max(64, format.Length);
        yield return Case(backend, $"linear/{format}/three-projections", 2 * bound, g =>
        {
            var products = g.Builder.Linear(g.Input(width), (g.Matrix("a", format, 40, width), null), (g.Matrix("b", format, 40, width), g.Vector("b.bias", 40)), (g.Matrix("c", format, 40, width), null));
            return g.Finish(g.Builder.Add(g.Builder.Add(products[0], products[1]), products[2]));
        });
        yield return Case(backend, $"linear/{format}/rows-of-a-fused-weight", bound, g =>
            g.Finish(g.Builder.Linear(g.Input(width), g.Matrix("fused", format, 96, width).Slice(24, 40, "slice"))));
        foreach (var (heads, rows, rest) in ((int, int, int)[])[(1, 37, 0), (3, 40, 0), (4, 16, 10), (5, 129, 3)])
        {
            yield return Case(backend, $"head-linear/{format}/{heads}-heads-{rows}-and-{rest}", bound, g =>
                g.Finish(g.Builder.HeadLinear(g.Input(heads * (width + rest)), g.Matrix("weight", format, rows, width, heads))));
        }

        foreach (var (experts, used, normalize) in ((int, int, bool)[])[(4, 2, true), (8, 3, false), (5, 1, true), (3, 3, false)])
        {
            yield return Case(backend, $"experts/{format}/{used}-of-{experts}{(normalize ? "-normalized" : "")}", 3 * bound, g => g.Finish(g.Builder.Experts(
                g.Input(width),
                g.Matrix("router", ConformanceGraphs.F32, experts, width),
                g.Matrix("gate", format, width, width, experts),
                g.Matrix("up", format, width, width, experts),
                g.Matrix("down", format, 40, width, experts),
                new ExpertsSpec(used, Activation.Silu, normalize, normalize ? 1 : 2.5f))));
        }
    }

    // Ways to choose and weigh, biases and limits: in one format, since they do not touch the products.
    private static IEnumerable<ConformanceCase> Choices(IBackend backend)
    {
        (string Name, ExpertsSpec Spec, Func<ConformanceGraphs, ExpertBiases>? Biases)[] choices =
        [
            ("biases", new(2, Activation.Silu, true), g => new(g.Vector("router.bias", Experts), g.Matrix("gate.bias", F32, Experts, 48), g.Matrix("up.bias", F32, Experts, 48), g.Matrix("down.bias", F32, Experts, 40))),
            ("up-bias-only", new(2, Activation.Silu, false), g => new(Up: g.Matrix("up.bias", F32, Experts, 48))),
            ("limit", new(3, Activation.GeluSigmoid, true, Limit: 0.7f, UpOffset: 1), null),
            ("offset", new(3, Activation.Silu, true, UpOffset: -0.5f), null),
            ("sigmoid", new(3, Activation.Silu, false, Scoring: ExpertScoring.Sigmoid), null),
            ("sigmoid-normalized", new(3, Activation.Silu, true, 2.5f, ExpertScoring.Sigmoid), null),
            ("choice-bias", new(3, Activation.Silu, true, 1.5f, ExpertScoring.Sigmoid), g => new(Choice: g.Vector("choice.bias", Experts))),
            ("choice-bias-softmax", new(2, Activation.Silu, false), g => new(Choice: g.Vector("choice.bias", Experts))),
            ("groups", new(2, Activation.Silu, false, Groups: 4, GroupsUsed: 2), null),
            ("groups-by-two", new(3, Activation.Silu, true, Scoring: ExpertScoring.Sigmoid, Groups: 3, GroupsUsed: 1, GroupScores: 2), g => new(Choice: g.Vector("choice.bias", Experts))),
        ];
        foreach (var (name, spec, biases) in choices)
        {
            yield return Case(backend, $"experts/choice/{name}", 3 * ConformanceBounds.Float, g => g.Finish(g.Builder.Experts(
                g.Input(64, 2), g.Matrix("router", F32, Experts, 64), g.Matrix("gate", F32, 48, 64, Experts), g.Matrix("up", F32, 48, 64, Experts), g.Matrix("down", F32, 40, 48, Experts), spec, biases?.Invoke(g))));
        }
    }

    private static int[] Columns(BlockFormat format) => format.Length switch
    {
        1 => [1, 7, 32, 100, 256],
        <= 32 => [32, 96, 256, 544],
        _ => [format.Length, 3 * format.Length],
    };

    // Ops that treat rows by themselves.
    private static IEnumerable<ConformanceCase> Rows(IBackend backend)
    {
        foreach (var kind in Enum.GetValues<NormKind>())
        {
            foreach (var (width, run) in ((int, int)[])[(1, 1), (7, 7), (64, 64), (200, 200), (64, 16), (96, 32), (30, 10)])
            {
                yield return Case(backend, $"norm/{kind}/{width}-by-{run}", ConformanceBounds.Float, g =>
                    g.Finish(g.Builder.Norm(g.Input(width), kind, g.Vector("gain", run, 1), run % 2 == 0 ? g.Vector("bias", run) : null, 1e-5f)));
            }

            foreach (var (width, run, length) in ((int, int, int)[])[(40, 40, 32), (96, 24, 7), (64, 2, 1)])
            {
                yield return Case(backend, $"norm/{kind}/{width}-by-{length}-of-{run}", ConformanceBounds.Float, g =>
                    g.Finish(g.Builder.Norm(g.Input(width), kind, g.Vector("gain", length, 1), length % 2 == 0 ? null : g.Vector("bias", length), 1e-5f, run)));
            }

            yield return Case(backend, $"norm/{kind}/tiny-numbers", ConformanceBounds.Float, g =>
                g.Finish(g.Builder.Norm(g.Input(64, 1e-6), kind, g.Vector("gain", 64, 1), null, 1e-5f)));
        }

        foreach (var pairing in Enum.GetValues<RopePairing>())
        {
            foreach (var (heads, width, start, turned) in ((int, int, int, int)[])[(1, 2, 0, 2), (4, 16, 0, 16), (3, 32, 0, 12), (2, 64, 0, 64), (2, 10, 0, 6), (1, 8, 2, 4), (3, 40, 32, 8), (2, 72, 5, 64)])
            {
                // Angles are exact in double precision here; floats lose a few bits at high positions.
                yield return Case(backend, $"rope/{pairing}/{heads}-heads-{turned}-of-{width}{(start == 0 ? "" : $"-from-{start}")}", ConformanceBounds.Float, g =>
                    g.Finish(g.Builder.Rope(g.Input(heads * width), new RopeSpec(pairing, ConformanceGraphs.Frequencies(turned / 2), heads == 3 ? 1.2f : 1), width, start)));
            }
        }

        foreach (var kind in Enum.GetValues<Activation>())
        {
            foreach (var (name, deviation) in ((string, double)[])[("ordinary", 1), ("large", 300), ("tiny", 1e-4)])
            {
                yield return Case(backend, $"activate/{kind}/{name}", ConformanceBounds.Float, g => g.Finish(g.Builder.Activate(g.Input(67, deviation), kind)));
                yield return Case(backend, $"gate/{kind}/{name}", ConformanceBounds.Float, g => g.Finish(Gate(g, g.Input(67, deviation), kind)));
            }
        }

        foreach (var width in (int[])[1, 7, 64, 131])
        {
            yield return Case(backend, $"add/{width}", ConformanceBounds.Float, g =>
            {
                var x = g.Input(width);
                return g.Finish(g.Builder.Add(g.Builder.Add(x, x), g.Builder.Scale(x, -0.3f)));
            });
            yield return Case(backend, $"bound/{width}", ConformanceBounds.Float, g => g.Finish(g.Builder.Bound(g.Input(width), 0.6f, isSmooth: false)));
            yield return Case(backend, $"bound/{width}-smooth", ConformanceBounds.Float, g => g.Finish(g.Builder.Bound(g.Input(width, 3), 2.5f, isSmooth: true)));
            yield return Case(backend, $"row-gate/{width}", ConformanceBounds.Float, g =>
            {
                var x = g.Input(width);
                return g.Finish(g.Builder.RowGate(g.Builder.Linear(x, g.Matrix("factor", ConformanceGraphs.F32, 1, width)), x, Activation.Sigmoid));
            });
            yield return Case(backend, $"embed-positions/{width}", ConformanceBounds.Float, g => g.Finish(g.Builder.EmbedPositions(g.Matrix("positions", ConformanceGraphs.F32, ConformanceRun.Blocks * ConformanceRun.BlockTokens, width))));
            yield return Case(backend, $"add-vector/{width}", ConformanceBounds.Float, g => g.Finish(g.Builder.AddVector(g.Input(width), g.Vector("vector", width))));
            yield return Case(backend, $"part/{width}-of-{3 * width}", ConformanceBounds.Float, g => g.Finish(g.Builder.Part(g.Input(3 * width), 3 * width, width - 1, width)));
            yield return Case(backend, $"scale/{width}", ConformanceBounds.Float, g => g.Finish(g.Builder.Scale(g.Input(width), 0.37f)));
        }
    }

    // Ops that split and join values, and the gains of single runs.
    private static IEnumerable<ConformanceCase> Parts(IBackend backend)
    {
        foreach (var (width, run, first, count) in ((int, int, int, int)[])[(64, 32, 16, 16), (64, 64, 0, 64), (30, 10, 3, 5), (7, 1, 0, 1), (131, 131, 7, 100)])
        {
            yield return Case(backend, $"part/{count}-of-{run}-in-{width}", ConformanceBounds.Float, g => g.Finish(g.Builder.Part(g.Input(width), run, first, count)));
        }

        foreach (var width in (int[])[1, 7, 64, 131])
        {
            yield return Case(backend, $"multiply/{width}", ConformanceBounds.Float, g =>
            {
                var x = g.Input(width);
                return g.Finish(g.Builder.Multiply(g.Builder.Activate(x, Activation.Sigmoid), x));
            });
        }

        foreach (var (width, run) in ((int, int)[])[(64, 16), (96, 32), (30, 10)])
        {
            yield return Case(backend, $"norm/Rms/{width}-by-{run}-with-a-gain-each", ConformanceBounds.Float, g =>
                g.Finish(g.Builder.Norm(g.Input(width), NormKind.Rms, g.Matrix("gain", ConformanceGraphs.F32, width / run, run, 1), null, 1e-5f)));
        }
    }

    private static Value Gate(ConformanceGraphs g, Value x, Activation kind) => g.Builder.Gate(x, g.Builder.Scale(x, -0.5f), kind);

    // The cache: head shapes, windows, temperatures, scattered blocks, several sequences, forks.
    private static IEnumerable<ConformanceCase> Attentions(IBackend backend)
    {
        (AttentionSpec Spec, bool HasSinks)[] cases =
        [
            (new(1, 1, 8, 8, 0.35f), false),
            (new(4, 4, 16, 16, 0.25f), false),
            (new(4, 2, 32, 32, 0.18f), false),
            (new(6, 2, 10, 10, 0.3f), false),
            (new(8, 1, 64, 64, 0.125f), false),
            (new(4, 2, 24, 16, 0.2f), false),
            (new(4, 2, 16, 16, 0.25f, Window: 5), false),
            (new(4, 2, 16, 16, 0.25f, Window: 1), false),
            (new(4, 2, 16, 16, 0.25f, TemperatureScale: 0.3f, TemperatureLength: 6), false),
            (new(4, 2, 16, 16, 0.5f, SoftCap: 1.5f), false),
            (new(6, 3, 16, 16, 0.25f, AlibiBias: 8), false),
            (new(4, 4, 16, 16, 0.25f, IsCausal: false), false),
            (new(6, 2, 10, 10, 0.3f, AlibiBias: 8, IsCausal: false), false),
            (new(4, 2, 16, 16, 0.25f, Window: 6, IsCausal: false), false),
            (new(4, 2, 24, 16, 0.2f, Window: 1, SoftCap: 1.5f, IsCausal: false), false),
            (new(6, 2, 16, 16, 0.25f), true),
            (new(4, 2, 24, 16, 0.2f, Window: 5), true),
            (new(4, 4, 16, 16, 0.25f, IsCausal: false), true),
        ];
        foreach (var kvType in Enum.GetValues<KvType>())
        {
            foreach (var (spec, hasSinks) in cases)
                yield return Attention(backend, kvType, "", spec, hasSinks, (g, q, x) => g.Builder.Attention(q, Key(g, x, spec), Value(g, x, spec), spec, Sinks(g, spec, hasSinks)));
            foreach (var spec in (AttentionSpec[])[new(4, 1, 24, 16, 0.2f), new(6, 2, 40, 33, 0.2f, Window: 5), new(2, 2, 16, 16, 0.25f), new(32, 1, 24, 8, 0.2f)])
                yield return Attention(backend, kvType, "-values-in-keys", spec, false, (g, q, x) => g.Builder.Attention(q, Key(g, x, spec), null, spec));
            foreach (var (spec, valuesAreKeys) in ((AttentionSpec, bool)[])[(new(4, 2, 24, 16, 0.2f), false), (new(6, 1, 16, 16, 0.25f, Window: 3), false), (new(4, 1, 24, 16, 0.2f), true)])
            {
                yield return Attention(backend, kvType, valuesAreKeys ? "-twice-values-in-keys" : "-twice", spec, spec.Window > 0, (g, q, x) =>
                {
                    var first = g.Builder.Attention(q, Key(g, x, spec), valuesAreKeys ? null : Value(g, x, spec), spec with { Window = 0 });
                    var other = g.Builder.Linear(x, g.Matrix("other.q", F32, spec.Heads * spec.HeadWidth, x.Width, 0.4));
                    return g.Builder.Add(first, g.Builder.AttentionAfter(first, other, spec, Sinks(g, spec, spec.Window > 0)));
                });
            }
        }
    }

    private static ConformanceCase Attention(IBackend backend, KvType kvType, string kind, AttentionSpec spec, bool hasSinks, Func<ConformanceGraphs, Value, Value, Value> attend)
    {
        var name = $"attention/{kvType}/{spec.Heads}-over-{spec.KvHeads}-heads-{spec.HeadWidth}-{spec.ValueWidth}{kind}"
            + (spec.Window > 0 ? $"-window-{spec.Window}" : "") + (spec.TemperatureScale != 0 ? "-temperature" : "")
            + (spec.SoftCap > 0 ? "-soft-cap" : "") + (spec.AlibiBias > 0 ? "-alibi" : "") + (spec.IsCausal ? "" : "-both-ways") + (hasSinks ? "-sinks" : "");
        return new ConformanceCase(name, () =>
        {
            var g = new ConformanceGraphs(name);
            var x = g.Input(40);
            var q = g.Builder.Linear(x, g.Matrix("q", F32, spec.Heads * spec.HeadWidth, 40, 0.4));
            return ConformanceRun.Check(backend, g.Finish(attend(g, q, x)), kvType, ConformanceBounds.Of(kvType), run =>
            {
                if (spec.IsCausal)
                    FeedSequences(run, g);
                else
                    FeedTexts(run, g);
            });
        });
    }

    // Blocks that leave the cache and come back elsewhere, as where a conversation is saved and restored.
    private static IEnumerable<ConformanceCase> KvBlocks(IBackend backend)
    {
        foreach (var kvType in Enum.GetValues<KvType>())
        {
            foreach (var (spec, valuesAreKeys) in ((AttentionSpec, bool)[])[(new(4, 2, 32, 32, 0.18f), false), (new(6, 2, 10, 10, 0.3f), false), (new(4, 2, 40, 33, 0.2f), false), (new(4, 1, 24, 16, 0.2f), true)])
            {
                var name = $"kv-block/{kvType}/{spec.KvHeads}-heads-{spec.HeadWidth}-{spec.ValueWidth}{(valuesAreKeys ? "-values-in-keys" : "")}";
                yield return new ConformanceCase(name, () =>
                {
                    var g = new ConformanceGraphs(name);
                    var x = g.Input(40);
                    var q = g.Builder.Linear(x, g.Matrix("q", F32, spec.Heads * spec.HeadWidth, 40, 0.4));
                    var first = g.Builder.Attention(q, Key(g, x, spec), valuesAreKeys ? null : Value(g, x, spec), spec);
                    // Another layer, of another shape.
                    var other = g.Builder.Attention(q, g.Builder.Linear(first, g.Matrix("k2", F32, spec.HeadWidth, first.Width)), null, spec with { KvHeads = 1 });
                    return ConformanceRun.Check(backend, g.Finish(g.Builder.Add(first, other)), kvType, ConformanceBounds.Of(kvType), run => FeedKvBlocks(run, g));
                });
            }
        }
    }

    private static string? FeedKvBlocks(ConformanceRun run, ConformanceGraphs g)
    {
        var tokens = Tokens(g, 10);
        run.Feed(tokens, [new BatchSlice(10, 0, 0, 3)], [5, 6, 7], [9]);
        if (!run.ReadsKvBlocks)
            return "KV blocks cannot be read.";

        // The same two positions in a block where others stood before, and in one where others stand behind them.
        run.Feed(Tokens(g, 12), [new BatchSlice(12, 0, 0, 3)], [30, 31, 32], [11]);
        run.Feed(tokens, [new BatchSlice(10, 0, 0, 3)], [20, 21, 32], [9]);
        run.Feed([.. tokens, 1, 2], [new BatchSlice(12, 0, 0, 3)], [40, 41, 42], [11]);
        run.RequireEqualKvBlocks(5, 20, ConformanceRun.BlockTokens);
        run.RequireEqualKvBlocks(7, 32, 2);
        run.RequireEqualKvBlocks(7, 42, 2);

        // A whole block and a part of one go elsewhere; the sequence goes on there.
        run.MoveKvBlock(6, 12, ConformanceRun.BlockTokens);
        run.MoveKvBlock(7, 2, 2);
        run.Feed(Tokens(g, 4), [new BatchSlice(4, 10, 0, 4)], [5, 12, 2, 9], [0, 1, 2, 3]);
        return null;
    }

    private static Value Key(ConformanceGraphs g, Value x, AttentionSpec spec) => g.Builder.Linear(x, g.Matrix("k", F32, spec.KvHeads * spec.HeadWidth, x.Width, 0.4));

    private static Value Value(ConformanceGraphs g, Value x, AttentionSpec spec) => g.Builder.Linear(x, g.Matrix("v", F32, spec.KvHeads * spec.ValueWidth, x.Width));

    private static Weight? Sinks(ConformanceGraphs g, AttentionSpec spec, bool hasSinks) => hasSinks ? g.Vector("sinks", spec.Heads, 1) : null;

    // Steps with a state: odd widths, several sequences, states that are copied, read in one slot and written in another.
    private static IEnumerable<ConformanceCase> Recurrences(IBackend backend)
    {
        foreach (var (channels, reach) in ((int, int)[])[(1, 2), (7, 4), (64, 3), (100, 4), (40, 9)])
        {
            yield return StateCase(backend, $"short-convolution/{channels}-over-{reach}", g =>
                g.Builder.ShortConvolution(g.Input(channels), g.Matrix("kernel", F32, channels, reach), reach % 2 == 0 ? g.Vector("bias", channels) : null));
        }

        RecurrenceSpec[] specs = [new(1, 1, 1, 1), new(4, 16, 2, 16), new(6, 10, 3, 7), new(2, 64, 1, 24), new(3, 40, 1, 33)];
        foreach (var spec in specs)
        {
            var shape = $"{spec.Heads}-heads-{spec.HeadWidth}-in-{spec.Groups}-groups-{spec.StateWidth}";
            yield return StateCase(backend, $"state-space/{shape}", g =>
            {
                var x = g.Input(40);
                Value Product(string name, int rows) => g.Builder.Linear(x, g.Matrix(name, F32, rows, 40));
                return g.Builder.StateSpace(
                    Product("x", spec.Width), Product("b", spec.GroupsWidth), Product("c", spec.GroupsWidth), Product("step", spec.Heads),
                    g.Vector("bias", spec.Heads), g.Vector("decay", spec.Heads, -1), g.Vector("skip", spec.Heads, 1), spec);
            });
            yield return StateCase(backend, $"gated-delta/{shape}", g =>
            {
                var x = g.Input(40);
                Value Product(string name, int rows) => g.Builder.Linear(x, g.Matrix(name, F32, rows, 40));
                return g.Builder.GatedDelta(
                    Product("q", spec.GroupsWidth), Product("k", spec.GroupsWidth), Product("v", spec.Width), Product("step", spec.Heads), Product("beta", spec.Heads),
                    g.Vector("bias", spec.Heads), g.Vector("decay", spec.Heads, -1), spec, 1e-6f);
            });
        }
    }

    private static ConformanceCase StateCase(IBackend backend, string name, Func<ConformanceGraphs, Value> make) => new(name, () =>
    {
        var g = new ConformanceGraphs(name);
        return ConformanceRun.Check(backend, g.Finish(make(g)), KvType.F32, ConformanceBounds.Float, run => FeedStates(run, g));
    });

    // Random small models, whole: every format; both pairings; shared heads, biases, head norms, windows.
    private static IEnumerable<ConformanceCase> Models(IBackend backend)
    {
        foreach (var format in BlockFormats.All)
        {
            foreach (var (name, pairing, window) in ((string, RopePairing, int)[])[("plain", RopePairing.Adjacent, 0), ("biased", RopePairing.Halves, 6)])
            {
                var caseName = $"model/{format}/{name}";
                yield return new ConformanceCase(caseName, () =>
                {
                    var g = new ConformanceGraphs(caseName);
                    return ConformanceRun.Check(backend, Model(g, format, pairing, window), KvType.F32, 4 * ConformanceBounds.Of(format), run => FeedSequences(run, g));
                });
            }
        }
    }

    private static ModelGraph Model(ConformanceGraphs g, BlockFormat format, RopePairing pairing, int window)
    {
        const int HeadWidth = 16, Heads = 4, KvHeads = 2;
        var width = Math.Max(64, format.Length);
        var biased = pairing == RopePairing.Halves;
        var rope = new RopeSpec(pairing, ConformanceGraphs.Frequencies(HeadWidth / 2));
        var b = g.Builder;
        (Weight, Weight?) Product(string name, int rows, int columns) => (g.Matrix(name, format, rows, columns), biased ? g.Vector(name + ".bias", rows) : null);
        Value Norm(Value value, string name, int length) => b.Norm(value, NormKind.Rms, g.Vector(name, length, 1), null, 1e-5f);

        var table = g.Matrix("token_embd", format, ConformanceGraphs.Tokens, width, 1);
        var x = b.Embed(table);
        for (var layer = 0; layer < 2; layer++)
        {
            var qkv = b.Linear(Norm(x, "norm", width), Product($"q{layer}", Heads * HeadWidth, width), Product($"k{layer}", KvHeads * HeadWidth, width), Product($"v{layer}", KvHeads * HeadWidth, width));
            var (q, k) = biased ? (Norm(qkv[0], "q_norm", HeadWidth), Norm(qkv[1], "k_norm", HeadWidth)) : (qkv[0], qkv[1]);
            var attended = b.Attention(b.Rope(q, rope, HeadWidth), b.Rope(k, rope, HeadWidth), qkv[2], new AttentionSpec(Heads, KvHeads, HeadWidth, HeadWidth, 0.25f, layer == 0 ? window : 0));
            // Back to the width of the model by a float matrix: 64 heads' numbers are no whole block of every format.
            x = b.Add(x, b.Linear(attended, g.Matrix($"o{layer}", ConformanceGraphs.F32, width, Heads * HeadWidth)));
            var hidden = b.Linear(Norm(x, "norm", width), Product($"gate{layer}", width, width), Product($"up{layer}", width, width));
            x = b.Add(x, b.Linear(b.Gate(hidden[0], hidden[1], Activation.Silu), [Product($"down{layer}", width, width)])[0]);
        }

        return b.Build(b.Linear(Norm(b.PickRows(x), "output_norm", width), table with { Name = "output" }));
    }

    private static ConformanceCase Case(IBackend backend, string name, double bound, Func<ConformanceGraphs, ModelGraph> make) => new(name, () =>
    {
        var g = new ConformanceGraphs(name);
        return ConformanceRun.Check(backend, make(g), KvType.F32, bound, run =>
        {
            foreach (var rows in RowCounts)
                run.Feed(Tokens(g, rows), past: rows % 4);
            // Some rows only.
            run.Feed(Tokens(g, 9), [new BatchSlice(9, 0, 0, 3)], [5, 6, 7], [0, 3, 8]);
        });
    });

    private static void FeedSequences(ConformanceRun run, ConformanceGraphs g)
    {
        // A prefill, then token by token, then a chunk that crosses blocks.
        run.Feed(Tokens(g, 9));
        for (var past = 9; past < 14; past++)
            run.Feed(Tokens(g, 1), past);
        run.Feed(Tokens(g, 19), past: 14);

        // Two sequences in scattered blocks, of different length, in one batch.
        run.Feed(Tokens(g, 12), [new BatchSlice(5, 0, 0, 2), new BatchSlice(7, 0, 2, 3)], [40, 17, 30, 12, 21], Enumerable.Range(0, 12).ToArray());
        // They go on together with a third; some logits only.
        run.Feed(Tokens(g, 9), [new BatchSlice(1, 5, 0, 2), new BatchSlice(2, 7, 2, 3), new BatchSlice(6, 0, 5, 2)], [40, 17, 30, 12, 21, 33, 44], [0, 2, 3, 8]);
        // The first forks: its full block is shared, its open block copied; both go on with tokens of their own.
        run.CopyKvBlock(17, 25);
        run.Feed(Tokens(g, 3), [new BatchSlice(1, 6, 0, 2), new BatchSlice(2, 6, 2, 2)], [40, 17, 40, 25], [0, 1, 2]);
    }

    private static void FeedStates(ConformanceRun run, ConformanceGraphs g)
    {
        // A prefill, then token by token, then a chunk; then another sequence in the slot of the first.
        run.Feed(Tokens(g, 9));
        for (var past = 9; past < 14; past++)
            run.Feed(Tokens(g, 1), past);
        run.Feed(Tokens(g, 19), past: 14);
        run.Feed(Tokens(g, 2));

        // Two sequences in one batch; they go on with a third, one of them in another slot.
        run.Feed(Tokens(g, 12), [new BatchSlice(5, 0, 0, 2) { StateTo = 3 }, new BatchSlice(7, 0, 2, 3) { StateTo = 1 }], [40, 17, 30, 12, 21], Enumerable.Range(0, 12).ToArray());
        run.Feed(
            Tokens(g, 9),
            [new BatchSlice(1, 5, 0, 2) { StateFrom = 3, StateTo = 4 }, new BatchSlice(2, 7, 2, 3) { StateFrom = 1, StateTo = 1 }, new BatchSlice(6, 0, 5, 2) { StateTo = 0 }],
            [40, 17, 30, 12, 21, 33, 44],
            [0, 2, 3, 8]);

        // The first goes on once more from where it was, and from where it is; a copy of the second does.
        run.CopyState(1, 2);
        run.Feed(
            Tokens(g, 5),
            [new BatchSlice(2, 5, 0, 2) { StateFrom = 3, StateTo = 3 }, new BatchSlice(1, 6, 2, 2) { StateFrom = 4, StateTo = 4 }, new BatchSlice(2, 9, 4, 3) { StateFrom = 2, StateTo = 5 }],
            [40, 17, 41, 18, 30, 12, 21],
            [0, 1, 2, 3, 4]);
    }

    // Whole texts: one, then several of different length in scattered blocks; some rows only.
    private static void FeedTexts(ConformanceRun run, ConformanceGraphs g)
    {
        foreach (var rows in RowCounts)
            run.Feed(Tokens(g, rows));
        run.Feed(Tokens(g, 33), [new BatchSlice(5, 0, 0, 2), new BatchSlice(1, 0, 2, 1), new BatchSlice(27, 0, 3, 7)], [40, 17, 30, 12, 21, 33, 44, 3, 8, 5], Enumerable.Range(0, 33).ToArray());
        run.Feed(Tokens(g, 12), [new BatchSlice(8, 0, 0, 2), new BatchSlice(4, 0, 2, 1)], [17, 40, 12], [0, 7, 8]);
    }

    private static int[] Tokens(ConformanceGraphs g, int count) => [.. Enumerable.Range(0, count).Select(_ => g.Next(ConformanceGraphs.Tokens))];
}
