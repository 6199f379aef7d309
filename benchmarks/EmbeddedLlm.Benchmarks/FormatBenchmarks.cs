using BenchmarkDotNet.Attributes;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Benchmarks;

/// <summary>Dequantization of a row of 4096 numbers, for every format.</summary>
public class FormatBenchmarks
{
    private readonly float[] _values = new float[4096];
    private byte[] _blocks = [];

    /// <summary>The formats of the table.</summary>
    public static IEnumerable<BlockFormat> Formats => BlockFormats.All;

    /// <summary>The format measured.</summary>
    [ParamsSource(nameof(Formats))]
    public BlockFormat Format { get; set; } = BlockFormats.All[0];

    /// <summary>Fills the row.</summary>
    [GlobalSetup]
    public void Fill()
    {
        var random = new Random(1);
        for (var i = 0; i < _values.Length; i++)
            _values[i] = (float)(random.NextDouble() * 2 - 1);
        _blocks = new byte[Format.RowBytes(_values.Length)];
        Format.Quantize(_values, _blocks);
    }

    /// <summary>Blocks to floats.</summary>
    [Benchmark]
    public void Dequantize() => Format.Dequantize(_blocks, _values);
}
