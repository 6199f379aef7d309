using System.Runtime.InteropServices;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Tests.Graph;

/// <summary>Small weights for graphs under test.</summary>
internal static class TestWeights
{
    public static Weight Matrix(string name, int rows, int columns, int experts = 1) =>
        new(name, BlockFormats.Get(GgmlType.F32), columns, rows, WeightStorage.From(new byte[4 * rows * columns * experts]), 0, experts);

    public static Weight Vector(string name, int length) => Matrix(name, 1, length);

    public static Weight Of(string name, int rows, int columns, params float[] values) =>
        new(name, BlockFormats.Get(GgmlType.F32), columns, rows, WeightStorage.From(MemoryMarshal.AsBytes<float>(values).ToArray()), 0);
}
