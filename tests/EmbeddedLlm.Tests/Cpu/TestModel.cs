using System.Collections.Concurrent;
using System.Runtime.Intrinsics;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Tests.Cpu;

/// <summary>A small random transformer with every kind of op, and how to feed it.</summary>
internal static class TestModel
{
    /// <summary>Without vector instructions a step takes hundreds of times as long; tests then do a part of what they do elsewhere.</summary>
    public static bool IsSlow => !Vector128.IsHardwareAccelerated;

    /// <summary>Formats of the table; where vectors are slow one for each kind of product: singles, halves, integers.</summary>
    public static string[] Formats => IsSlow ? ["F32", "F16", "Q6_K"] : [.. BlockFormats.All.Select(format => format.Name)];

    public const int Vocabulary = 97;
    public const int BlockTokens = 8;
    public const int Blocks = 64;

    /// <summary>A token whose embedding is no number.</summary>
    public const int NotANumber = Vocabulary - 1;

    public static RunnerOptions Options(int threads = 2, KvType kv = KvType.F16) => new()
    {
        KvBlocks = Blocks,
        KvBlockTokens = BlockTokens,
        KvType = kv,
        MaxBatchRows = 48,
        MaxOutputRows = 48,
        Threads = threads,
    };

    private static readonly ConcurrentDictionary<GgmlType, ModelGraph> Graphs = [];

    /// <summary>
    /// Three layers: neighbours and halves, shared heads, head norms, a window, biases, gate, plain activation and a mixture of experts; then latents,
    /// whose keys are read twice, with sinks; weights in this format.
    /// </summary>
    public static ModelGraph Graph(BlockFormat? format = null) => Graphs.GetOrAdd(format?.Type ?? GgmlType.F32, type => Build(BlockFormats.Get(type)));

    /// <summary>Tokens without <see cref="NotANumber"/>.</summary>
    public static int[] Tokens(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(NotANumber))];
    }

    /// <summary>Runs one sequence in chunks; the logits of all its rows.</summary>
    public static float[] Run(IModelRunner runner, ReadOnlySpan<int> tokens, int chunk, int[] blocks)
    {
        var logits = new float[tokens.Length * Vocabulary];
        for (var past = 0; past < tokens.Length; past += chunk)
        {
            var rows = Math.Min(chunk, tokens.Length - past);
            runner.Run(
                new Batch { Tokens = tokens.Slice(past, rows), Slices = [new BatchSlice(rows, past, 0, blocks.Length)], KvBlocks = blocks, OutputRows = [.. Enumerable.Range(0, rows)] },
                logits.AsSpan(past * Vocabulary, rows * Vocabulary));
        }

        return logits;
    }

    private static ModelGraph Build(BlockFormat format)
    {
        const int Width = 256, HeadWidth = 32, Heads = 8, KvHeads = 2, Hidden = 256, Experts = 4;
        var random = new Random(7);
        var floats = BlockFormats.Get(GgmlType.F32);
        var b = new GraphBuilder();
        Weight Matrix(string name, int rows, int columns, double size = 1, int experts = 1) => Random(random, name, format, rows, columns, size, experts);
        Weight Vector(string name, int length, double size) => Random(random, name, floats, 1, length, size);
        Value Norm(Value x, string name, int length) => b.Norm(x, NormKind.Rms, Vector(name, length, 1), null, 1e-5f);

        var x = b.Embed(Table(random, Width));
        for (var layer = 0; layer < 2; layer++)
        {
            var spec = new RopeSpec(layer == 0 ? RopePairing.Adjacent : RopePairing.Halves, [.. Enumerable.Range(0, HeadWidth / 2).Select(i => Math.Pow(10000, -2.0 * i / HeadWidth))]);
            var normed = b.Norm(x, layer == 0 ? NormKind.Rms : NormKind.Layer, Vector("norm", Width, 1), Vector("norm.bias", Width, 0.1), 1e-5f);
            var qkv = b.Linear(normed, (Matrix($"q{layer}", Heads * HeadWidth, Width), null), (Matrix($"k{layer}", KvHeads * HeadWidth, Width), Vector("k.bias", KvHeads * HeadWidth, 0.1)), (Matrix($"v{layer}", KvHeads * HeadWidth, Width), null));
            var q = b.Rope(Norm(qkv[0], "q_norm", HeadWidth), spec, HeadWidth);
            var k = b.Rope(Norm(qkv[1], "k_norm", HeadWidth), spec, HeadWidth);
            var attended = b.Attention(q, k, qkv[2], new AttentionSpec(Heads, KvHeads, HeadWidth, HeadWidth, 0.2f, layer == 1 ? 11 : 0));
            x = b.Add(x, b.Linear(attended, Matrix($"o{layer}", Width, Heads * HeadWidth)));
            normed = Norm(x, "ffn_norm", Width);
            if (layer == 0)
            {
                var hidden = b.Linear(normed, (Matrix($"gate{layer}", Hidden, Width), null), (Matrix($"up{layer}", Hidden, Width), null));
                x = b.Add(x, b.Scale(b.Linear(b.Gate(hidden[0], hidden[1], Activation.Silu), Matrix($"down{layer}", Width, Hidden)), 0.7f));
            }
            else
            {
                var hidden = b.Activate(b.Linear(normed, Matrix($"up{layer}", Hidden, Width)), Activation.Gelu);
                x = b.Add(x, b.Linear(hidden, Matrix($"down{layer}", Width, Hidden)));
                x = b.Add(x, b.Experts(
                    Norm(x, "experts_norm", Width), Random(random, "router", floats, Experts, Width, 1), Matrix("gate_exps", Hidden, Width, 1, Experts), Matrix("up_exps", Hidden, Width, 1, Experts),
                    Matrix("down_exps", Width, Hidden, 1, Experts), new ExpertsSpec(2, Activation.Silu, NormalizeWeights: true)));
            }
        }

        x = b.Add(x, Latents(b, Norm(x, "norm2", Width), Heads, Matrix, (name, rows, columns) => Random(random, name, floats, rows, columns, 1, Heads), Vector));
        return b.Build(b.Linear(Norm(b.PickRows(x), "output_norm", Width), Matrix("output", Vocabulary, Width, 3)));
    }

    private static Value Latents(GraphBuilder b, Value x, int heads, Func<string, int, int, double, int, Weight> matrix, Func<string, int, int, Weight> stack, Func<string, int, double, Weight> vector)
    {
        const int Rank = 32, Turned = 8, Plain = 16;
        var rope = new RopeSpec(RopePairing.Adjacent, [1, 0.1, 0.01, 0.001]);
        var qk = b.Linear(x, (matrix("q2", heads * (Plain + Turned), x.Width, 1, 1), null), (matrix("kv2", Rank + Turned, x.Width, 1, 1), null));
        var q = b.Rope(b.HeadLinear(qk[0], stack("k_b", Rank, Plain)), rope, Rank + Turned, Rank);
        var k = b.Rope(b.Norm(qk[1], NormKind.Rms, vector("kv_norm", Rank, 1), null, 1e-5f, Rank + Turned), rope, Rank + Turned, Rank);
        var spec = new AttentionSpec(heads, 1, Rank + Turned, Rank, 0.2f);
        var attended = b.Attention(q, k, null, spec, vector("sinks", heads, 1));
        attended = b.HeadLinear(b.Add(attended, b.AttentionAfter(attended, q, spec with { Window = 7 })), stack("v_b", x.Width / heads, Rank));
        return b.Linear(b.Part(attended, attended.Width, 0, x.Width), matrix("o2", x.Width, x.Width, 1, 1));
    }

    private static Weight Random(Random random, string name, BlockFormat format, int rows, int columns, double size, int experts = 1)
    {
        var values = new float[rows * columns * experts];
        foreach (ref var value in values.AsSpan())
            value = (float)((rows == 1 ? size : 0) + (random.NextDouble() - 0.5) * 3.4 * size / (rows == 1 ? 10 : Math.Sqrt(columns)));
        return Make(name, format, rows, columns, values, experts);
    }

    private static Weight Table(Random random, int width)
    {
        var values = new float[Vocabulary * width];
        foreach (ref var value in values.AsSpan(0, NotANumber * width))
            value = (float)((random.NextDouble() - 0.5) * 3.4);
        values.AsSpan(NotANumber * width).Fill(float.NaN);
        return Make("token_embd", BlockFormats.Get(GgmlType.F32), Vocabulary, width, values);
    }

    private static Weight Make(string name, BlockFormat format, int rows, int columns, float[] values, int experts = 1)
    {
        // Where rounding takes long, rows repeat.
        var bytes = new byte[format.RowBytes(values.Length)];
        var distinct = RandomWeights.IsSearched(format) ? Math.Min(values.Length, 7 * columns) : values.Length;
        format.Quantize(values.AsSpan(0, distinct), bytes);
        for (var at = (int)format.RowBytes(distinct); at < bytes.Length; at++)
            bytes[at] = bytes[at - (int)format.RowBytes(distinct)];
        return new Weight(name, format, columns, rows, WeightStorage.From(bytes), 0, experts);
    }
}
