using EmbeddedLlm.Assembler;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Benchmarks;

/// <summary>Assembled products beside those of the best intrinsics, on data in the cache, in turn.</summary>
internal static class ProductComparison
{
    private static readonly TimeSpan Duration = TimeSpan.FromMilliseconds(60);

    /// <summary>Prints a table: 10⁹ multiply-adds/s of one thread, best of <paramref name="rounds"/>.</summary>
    public static void Print(int rounds)
    {
        var (intrinsics, assembled) = (Tier.Best, VnniTier.Create());
        Console.WriteLine("| Format | Columns | Intrinsics | Assembled | Ratio |\n|---|---:|---:|---:|---:|");
        foreach (var format in BlockFormats.All.Where(format => !format.IsFloat))
        {
            foreach (var columns in (int[])[1, 2, 4, 8])
            {
                double a = 0, b = 0;
                for (var round = 0; round < rounds; round++)
                {
                    a = Math.Max(a, MultiplyPeak.Measure(intrinsics, format, columns, 1, Duration));
                    b = Math.Max(b, MultiplyPeak.Measure(assembled, format, columns, 1, Duration));
                }

                Console.WriteLine($"| {format.Name} | {columns} | {a:F0} | {b:F0} | {b / a:F2} |");
            }
        }
    }
}
