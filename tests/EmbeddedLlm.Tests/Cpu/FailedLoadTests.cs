using System.Diagnostics;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;
using EmbeddedLlm.Tests.Graph;

namespace EmbeddedLlm.Tests.Cpu;

/// <summary>A load that fails throws what the weight threw, and gives its memory back.</summary>
public sealed class FailedLoadTests
{
    private const int Width = 1024;
    private const int Rows = 4096;
    private const long WeightBytes = 4L * Width * Rows;

    [Fact]
    public void Load_WeightThatCannotBeRead_ThrowsItsExceptionAndKeepsNoMemory() =>
        AssertNothingKept(b => b.Linear(b.Embed(TestWeights.Matrix("token_embd", 1, Width)), (Good("a"), null), (Bad("b"), null))[1]);

    [Fact]
    public void Load_BiasThatCannotBeRead_ThrowsItsExceptionAndKeepsNoMemory() =>
        AssertNothingKept(b => b.Linear(b.Embed(TestWeights.Matrix("token_embd", 1, Width)), Good("a"), new Weight("bias", F32, Rows, 1, new Unreadable(), 0)));

    [Fact]
    public void Load_ExpertsThatCannotBeRead_ThrowsTheirExceptionAndKeepsNoMemory() =>
        AssertNothingKept(b => b.Experts(
            b.Embed(TestWeights.Matrix("token_embd", 1, Width)), TestWeights.Matrix("router", 1, Width), Good("gate"), Bad("up"), TestWeights.Matrix("down", 8, Rows),
            new ExpertsSpec(1, Activation.Silu, true)));

    private static BlockFormat F32 { get; } = BlockFormats.Get(GgmlType.F32);

    private static Weight Good(string name) => new(name, F32, Width, Rows, new Zeros(), 0);

    private static Weight Bad(string name) => new(name, F32, Width, Rows, new Unreadable(), 0);

    private static void AssertNothingKept(Func<GraphBuilder, Value> op)
    {
        const int Loads = 64;
        var b = new GraphBuilder();
        var graph = b.Build(b.PickRows(op(b)));
        var before = MemoryBytes();

        for (var load = 0; load < Loads; load++)
            Assert.Throws<ModelFormatException>(() => new CpuBackend().Load(graph, TestModel.Options()));

        // Other tests take and return memory meanwhile, but not half of what all these weights would.
        Assert.InRange(MemoryBytes() - before, long.MinValue, Loads * WeightBytes / 2);
    }

    private static long MemoryBytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.VirtualMemorySize64;
    }

    private sealed class Zeros : WeightStorage
    {
        private static readonly byte[] Matrix = new byte[WeightBytes];

        public override ReadOnlySpan<byte> Slice(long offset, int length) => Matrix.AsSpan((int)offset, length);
    }

    private sealed class Unreadable : WeightStorage
    {
        public override ReadOnlySpan<byte> Slice(long offset, int length) => throw new ModelFormatException("The file ends too early.");
    }
}
