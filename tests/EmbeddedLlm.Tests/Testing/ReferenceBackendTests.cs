using System.Collections.Immutable;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Testing;
using EmbeddedLlm.Tests.Graph;

namespace EmbeddedLlm.Tests.Testing;

/// <summary>The meaning of ops by numbers worked out by hand, for what no golden model uses.</summary>
public sealed class ReferenceBackendTests
{
    [Fact]
    public void Norm_Layer_TakesMeanAndDeviation() =>
        // Mean 2.5, variance 1.25, √(1.25 + 1) = 1.5.
        AssertRow([-1, -2.0 / 3, 1 / 3.0 + 10, 1], [1, 2, 3, 4], (b, x) => b.Norm(x, NormKind.Layer, Vector(1, 2, 1, 1), Vector(0, 0, 10, 0), 1));

    [Fact]
    public void Norm_Rms_KeepsTheMean() =>
        // Mean square 7.5, √(7.5 + 1.5) = 3.
        AssertRow([1 / 3.0, 4 / 3.0, 1, 4 / 3.0], [1, 2, 3, 4], (b, x) => b.Norm(x, NormKind.Rms, Vector(1, 2, 1, 1), null, 1.5f));

    [Fact]
    public void Norm_GainOfAHead_NormalisesEachHead() =>
        // Mean squares 12.5 of (3, 4) and 338 of (10, 24).
        AssertRow([3 / Math.Sqrt(12.5), 4 / Math.Sqrt(12.5), 10 / Math.Sqrt(338), 24 / Math.Sqrt(338)], [3, 4, 10, 24], (b, x) => b.Norm(x, NormKind.Rms, Vector(1, 1), null, 0));

    // Φ(1) = 0.841344746, Φ(2) = 0.977249868, Φ(½) = 0.691462461 of the normal distribution.
    [Theory]
    [InlineData(Activation.Gelu, 1, 0.8413447460685429, -1, -0.15865525393145707, 2, 1.9544997361036416, 0.5, 0.34573123063700656)]
    [InlineData(Activation.GeluTanh, 1, 0.8411919906082768, -1, -0.15880800939172324, 2, 1.954597694087775, 0.5, 0.34571400982514394)]
    [InlineData(Activation.Silu, 1, 0.7310585786300049, -1, -0.2689414213699951, 2, 1.7615941559557646, 0.5, 0.3112296656009273)]
    [InlineData(Activation.Relu, 1, 1, -1, 0, 2, 2, -0.5, 0)]
    public void ActivateAndGate_OfKnownPoints_AreKnown(Activation kind, float x0, double y0, float x1, double y1, float x2, double y2, float x3, double y3)
    {
        AssertRow([y0, y1, y2, y3], [x0, x1, x2, x3], (b, x) => b.Activate(x, kind));
        AssertRow([2 * y0 * x0, 2 * y1 * x1, 2 * y2 * x2, 2 * y3 * x3], [x0, x1, x2, x3], (b, x) => b.Gate(x, b.Scale(x, 2), kind));
    }

    [Fact]
    public void Rope_Partial_TurnsTheFirstPairsAndKeepsTheRest()
    {
        // A quarter turn for the first pair, half a turn for the second; numbers 5 and 6 of each head have no pair.
        ImmutableArray<double> turns = [Math.PI / 2, Math.PI];
        float[] head = [1, 2, 3, 4, 5, 6];
        AssertLastRow([-2, 1, -3, -4, 5, 6], [[9, 9, 9, 9, 9, 9], head], (b, x) => b.Rope(x, new RopeSpec(RopePairing.Adjacent, turns), 6));
        AssertLastRow([-3, -2, 1, -4, 5, 6], [[9, 9, 9, 9, 9, 9], head], (b, x) => b.Rope(x, new RopeSpec(RopePairing.Halves, turns), 6));
        AssertLastRow([-6, -4, 2, -8, 5, 6], [[9, 9, 9, 9, 9, 9], head], (b, x) => b.Rope(x, new RopeSpec(RopePairing.Halves, turns, Magnitude: 2), 6));
        AssertRow([1, 2, 3, 4, 5, 6], head, (b, x) => b.Rope(x, new RopeSpec(RopePairing.Halves, turns), 6));
    }

    // Queries of 1 and keys of 0, ln 3, 0 give the weights 1 : 3 : 1 at scale 1; values are 10, 20, 40.
    [Theory]
    [InlineData(0, 10, 70 / 4.0, 110 / 5.0)]
    [InlineData(1, 10, 20, 40)]
    [InlineData(2, 10, 70 / 4.0, 100 / 4.0)]
    [InlineData(3, 10, 70 / 4.0, 110 / 5.0)]
    public void Attention_Window_SeesThatManyPositions(int window, double first, double second, double third) =>
        AssertAttention([first, second, third], new AttentionSpec(1, 1, 1, 1, Scale: 1, Window: window));

    [Fact]
    public void Attention_ScaleAndTemperature_MultiplyTheScores()
    {
        AssertAttention([10, 190 / 10.0, 230 / 11.0], new AttentionSpec(1, 1, 1, 1, Scale: 2));

        // Positions 0 and 1: factor 1; position 2: 1 + ln 2 / ln 2.
        AssertAttention([10, 70 / 4.0, 230 / 11.0], new AttentionSpec(1, 1, 1, 1, Scale: 1, TemperatureScale: (float)(1 / Math.Log(2)), TemperatureLength: 2));
    }

    private static void AssertAttention(double[] expected, AttentionSpec spec)
    {
        // A row of the table is q, k, v.
        var found = Run([[1, 0, 10], [1, (float)Math.Log(3), 20], [1, 0, 40]], (b, x) =>
        {
            var qkv = b.Linear(x, (Row("q", 1, 0, 0), null), (Row("k", 0, 1, 0), null), (Row("v", 0, 0, 1), null));
            return b.Attention(qkv[0], qkv[1], qkv[2], spec);
        });
        AssertNear(expected, found);
    }

    private static void AssertRow(double[] expected, float[] x, Func<GraphBuilder, Value, Value> op) => AssertNear(expected, Run([x], op));

    private static void AssertLastRow(double[] expected, float[][] rows, Func<GraphBuilder, Value, Value> op) => AssertNear(expected, Run(rows, op)[^expected.Length..]);

    private static void AssertNear(double[] expected, float[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        foreach (var (e, f) in expected.Zip(found))
            Assert.Equal(e, f, 1e-6 * Math.Max(1, Math.Abs(e)));
    }

    // One token for each row of the table, in order.
    private static float[] Run(float[][] rows, Func<GraphBuilder, Value, Value> op)
    {
        var b = new GraphBuilder();
        var table = TestWeights.Of("token_embd", rows.Length, rows[0].Length, [.. rows.SelectMany(row => row)]);
        var graph = b.Build(b.PickRows(op(b, b.Embed(table))));
        using var runner = new ReferenceBackend().Load(graph, new RunnerOptions { KvBlocks = 2, KvBlockTokens = 2, KvType = KvType.F32 });
        int[] each = [.. Enumerable.Range(0, rows.Length)];
        var result = new float[rows.Length * graph.Logits.Width];
        runner.Run(new Batch { Tokens = each, Slices = [new BatchSlice(rows.Length, 0, 0, 2)], KvBlocks = [1, 0], OutputRows = each }, result);
        return result;
    }

    private static Weight Vector(params float[] values) => TestWeights.Of("vector", 1, values.Length, values);

    private static Weight Row(string name, params float[] values) => TestWeights.Of(name, 1, values.Length, values);
}
