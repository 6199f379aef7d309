using System.Collections.Immutable;
using CsCheck;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Tests.Graph;

public sealed class MemoryPlanTests
{
    [Fact]
    public void For_AChainOfLayers_NeedsNoMoreBuffersThanOneLayer()
    {
        // Before PickRows at most x, its norm, q, k and v live at once; behind it the picked row and the logits.
        var buffers = MemoryPlan.For(Layers(20)).Buffers;
        Assert.Equal(5, buffers.Count(buffer => !buffer.IsPicked));
        Assert.Equal(2, buffers.Count(buffer => buffer.IsPicked));
    }

    [Fact]
    public void For_AnAddWhoseInputDies_WorksInPlace()
    {
        var builder = new GraphBuilder();
        var x = builder.Embed(TestWeights.Matrix("token_embd", 16, 8));
        var y = builder.Linear(x, TestWeights.Matrix("a", 8, 8));
        var sum = builder.Add(x, y);
        var plan = MemoryPlan.For(builder.Build(builder.PickRows(sum)));
        Assert.Equal(plan.BufferOf(x), plan.BufferOf(sum));
        Assert.NotEqual(plan.BufferOf(x), plan.BufferOf(y));
    }

    [Fact]
    public void For_ValuesBehindPickRows_UseBuffersOfTheirOwn()
    {
        var graph = Layers(3);
        var plan = MemoryPlan.For(graph);
        Assert.True(plan.IsPicked(graph.Logits));
        Assert.False(plan.IsPicked(graph.Ops[0].Outputs[0]));
        foreach (var value in graph.Ops.SelectMany(op => op.Outputs))
        {
            var buffer = plan.Buffers[plan.BufferOf(value)];
            Assert.Equal(plan.IsPicked(value), buffer.IsPicked);
            Assert.True(buffer.Width >= value.Width);
        }
    }

    [Fact]
    public void For_RandomGraphs_NeverOverwritesALivingValue() => Gen.Select(Gen.Int[0, int.MaxValue], Gen.Int[1, 40]).Sample((seed, count) =>
    {
        var graph = RandomGraph(new Random(seed), count);
        var plan = MemoryPlan.For(graph);

        // Replay: each buffer remembers which value it holds.
        var holds = new int[plan.Buffers.Length];
        foreach (var op in graph.Ops)
        {
            foreach (var input in op.Inputs)
                Assert.Equal(input.Id, holds[plan.BufferOf(input)]);
            foreach (var output in op.Outputs)
            {
                if (!MemoryPlan.AllowsInPlace(op))
                    Assert.DoesNotContain(op.Inputs, input => plan.BufferOf(input) == plan.BufferOf(output));
                holds[plan.BufferOf(output)] = output.Id;
            }

            Assert.Equal(op.Outputs.Length, op.Outputs.Select(plan.BufferOf).Distinct().Count());
        }

        Assert.Equal(graph.Logits.Id, holds[plan.BufferOf(graph.Logits)]);
    }, iter: 300, threads: 1);

    private static ModelGraph Layers(int layers)
    {
        var builder = new GraphBuilder();
        var x = builder.Embed(TestWeights.Matrix("token_embd", 16, 8));
        for (var i = 0; i < layers; i++)
        {
            var qkv = builder.Linear(builder.Norm(x, NormKind.Rms, TestWeights.Vector("norm", 8), null, 1e-5f), (TestWeights.Matrix($"q{i}", 8, 8), null), (TestWeights.Matrix($"k{i}", 8, 8), null), (TestWeights.Matrix($"v{i}", 8, 8), null));
            var attended = builder.Attention(builder.Rope(qkv[0], new RopeSpec(RopePairing.Halves, [1, 0.1]), 4), builder.Rope(qkv[1], new RopeSpec(RopePairing.Halves, [1, 0.1]), 4), qkv[2], new AttentionSpec(2, 2, 4, 4, 1));
            x = builder.Add(x, builder.Linear(attended, TestWeights.Matrix($"o{i}", 8, 8)));
            var up = builder.Linear(builder.Norm(x, NormKind.Rms, TestWeights.Vector("norm", 8), null, 1e-5f), (TestWeights.Matrix($"gate{i}", 24, 8), null), (TestWeights.Matrix($"up{i}", 24, 8), null));
            x = builder.Add(x, builder.Linear(builder.Gate(up[0], up[1], Activation.Silu), TestWeights.Matrix($"down{i}", 8, 24)));
        }

        return builder.Build(builder.Linear(builder.PickRows(x), TestWeights.Matrix("output", 16, 8)));
    }

    private static ModelGraph RandomGraph(Random random, int count)
    {
        var builder = new GraphBuilder();
        List<Value> values = [builder.Embed(TestWeights.Matrix("token_embd", 16, 8))];
        var picked = false;
        for (var i = 0; i < count; i++)
        {
            var x = values[random.Next(values.Count)];
            ImmutableArray<Value> alike = [.. values.Where(value => value.Width == x.Width)];
            var y = alike[random.Next(alike.Length)];
            switch (random.Next(picked ? 4 : 6))
            {
                case 0:
                    values.AddRange(builder.Linear(x, (TestWeights.Matrix($"a{i}", 8 * random.Next(1, 4), x.Width), null), (TestWeights.Matrix($"b{i}", 8, x.Width), null)));
                    break;
                case 1:
                    values.Add(builder.Add(x, y));
                    break;
                case 2:
                    values.Add(builder.Norm(x, NormKind.Rms, TestWeights.Vector("norm", 8), null, 0));
                    break;
                case 3:
                    values.Add(builder.Gate(x, y, Activation.Silu));
                    break;
                case 4:
                    values.Add(builder.Rope(x, new RopeSpec(RopePairing.Adjacent, [1]), 4));
                    break;
                default:
                    values = [builder.PickRows(x)];
                    picked = true;
                    break;
            }
        }

        return builder.Build(picked ? values[random.Next(values.Count)] : builder.PickRows(values[^1]));
    }
}
