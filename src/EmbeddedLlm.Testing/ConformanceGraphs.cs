using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Testing;

/// <summary>Weights of random numbers, the same from run to run, and graphs made of them.</summary>
internal sealed class ConformanceGraphs(string seed)
{
    /// <summary>Rows in the table that feeds a graph: its input vectors.</summary>
    public const int Tokens = 61;

    // Rounding to some formats is a long search, so matrices are put together from blocks that are rounded once.
    private static readonly ConcurrentDictionary<(GgmlType, double), byte[]> Pools = [];

    private readonly Random _random = new(Seed(seed));

    public GraphBuilder Builder { get; } = new();

    public static BlockFormat F32 { get; } = BlockFormats.Get(GgmlType.F32);

    /// <summary>Normally distributed numbers with about this deviation, rounded to the format.</summary>
    public Weight Matrix(string name, BlockFormat format, int rows, int columns, double deviation, int experts = 1)
    {
        var bytes = new byte[format.RowBytes(columns) * rows * experts];
        var pool = Pools.GetOrAdd((format.Type, deviation), _ => Pool(format, deviation));
        for (var block = 0; block < bytes.Length; block += format.BlockBytes)
            pool.AsSpan(_random.Next(pool.Length / format.BlockBytes) * format.BlockBytes, format.BlockBytes).CopyTo(bytes.AsSpan(block));
        return new Weight(name, format, columns, rows, WeightStorage.From(bytes), 0, experts);
    }

    /// <summary>A matrix whose products keep the size of their input.</summary>
    public Weight Matrix(string name, BlockFormat format, int rows, int columns, int experts = 1) =>
        Matrix(name, format, rows, columns, 1 / Math.Sqrt(columns), experts);

    /// <summary>A vector around <paramref name="center"/>.</summary>
    public Weight Vector(string name, int length, float center = 0)
    {
        var values = new float[length];
        foreach (ref var value in values.AsSpan())
            value = center + (float)Normal(_random) * 0.3f;
        return new Weight(name, F32, length, 1, WeightStorage.From(MemoryMarshal.AsBytes<float>(values).ToArray()), 0);
    }

    /// <summary>The input of a graph: one random vector per token.</summary>
    public Value Input(int width, double deviation = 1) => Builder.Embed(Matrix("input", F32, Tokens, width, deviation));

    /// <summary>A graph whose result is <paramref name="result"/>.</summary>
    public ModelGraph Finish(Value result) => Builder.Build(Builder.PickRows(result));

    /// <summary>Frequencies as of an ordinary model, so that high positions turn far.</summary>
    public static ImmutableArray<double> Frequencies(int pairs) => [.. Enumerable.Range(0, pairs).Select(pair => Math.Pow(10000, -(double)pair / pairs))];

    /// <summary>Uniform from 0 to below <paramref name="end"/>.</summary>
    public int Next(int end) => _random.Next(end);

    private static byte[] Pool(BlockFormat format, double deviation)
    {
        var random = new Random((int)format.Type);
        var values = new float[format.Length * Math.Max(40, 4096 / format.Length)];
        foreach (ref var value in values.AsSpan())
            value = (float)(Normal(random) * deviation);
        var blocks = new byte[format.RowBytes(values.Length)];
        format.Quantize(values, blocks);
        return blocks;
    }

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    // FNV-1a, because string.GetHashCode differs from process to process.
    private static int Seed(string name)
    {
        var hash = 2166136261u;
        foreach (var character in name)
            hash = (hash ^ character) * 16777619;
        return (int)hash;
    }
}
