using System.Diagnostics;
using System.Globalization;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Cpu.Panels;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Benchmarks;

/// <summary>How fast one thread packs a panel that stays in the cache, in bytes of the file, row by row and all rows together.</summary>
internal static unsafe class PackSpeed
{
    private const int Width = 2048;

    /// <summary>Panels between two looks at the clock.</summary>
    private const int Repeats = 32;

    /// <summary>Of a row of the table: long enough for the JIT's better code.</summary>
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(0.7);

    /// <summary>Prints a row for each format and instruction set: GB/s row by row, GB/s together, quickest of many in turn.</summary>
    public static void Print()
    {
        Console.WriteLine($"{"",-8}{"",-10}{"by row",10}{"together",10}");
        foreach (var format in BlockFormats.All)
        {
            foreach (var tier in Tier.Supported)
            {
                var weight = new Weight("speed", format, Width, tier.Rows, WeightStorage.From(new byte[format.RowBytes(Width) * tier.Rows]), 0);
                var shape = PanelShape.Of(format);
                var (scales, quants) = PanelMatrix.PartBytes(shape, Width, tier.Rows);
                using var memory = new AlignedMemory(scales + quants);
                var (single, together) = (double.MaxValue, double.MaxValue);
                for (var watch = Stopwatch.StartNew(); watch.Elapsed < Duration;)
                {
                    single = Math.Min(single, Seconds(() => PanelPacker.PackRows(weight, shape, 0, tier.Rows, tier.Rows, memory.Start, memory.Start + scales)));
                    together = Math.Min(together, Seconds(() => PanelPacker.Pack(tier, weight, shape, 0, tier.Rows, memory.Start, memory.Start + scales)));
                }

                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{format.Name,-8}{tier.Name,-10}{weight.Bytes / single / 1e9,10:F2}{weight.Bytes / together / 1e9,10:F2}"));
            }
        }
    }

    private static double Seconds(Action pack)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < Repeats; i++)
            pack();
        return Stopwatch.GetElapsedTime(start).TotalSeconds / Repeats;
    }
}
