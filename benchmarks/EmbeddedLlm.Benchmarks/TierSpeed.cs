using System.Globalization;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Benchmarks;

/// <summary>How fast one thread multiplies weights that stay in the cache, on every instruction set of this machine, in turn.</summary>
internal static class TierSpeed
{
    private const int Turns = 4;

    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(25);

    /// <summary>Prints a row for each format: billions of multiply-adds a second with one column (decode) and with a full tile (prefill), the best turn of each instruction set.</summary>
    public static void Print()
    {
        var tiers = Tier.Supported.Where(tier => tier != Tier.Portable).ToArray();
        Console.WriteLine($"{"",-8}" + string.Concat(tiers.Select(tier => $"{tier.Name + " × 1",14}{$"{tier.Name} × {tier.MaxColumns}",14}")));
        foreach (var format in BlockFormats.All)
        {
            var best = new double[2 * tiers.Length];
            for (var turn = 0; turn < Turns; turn++)
            {
                for (var i = 0; i < best.Length; i++)
                    best[i] = Math.Max(best[i], MultiplyPeak.Measure(tiers[i / 2], format, i % 2 == 0 ? 1 : tiers[i / 2].MaxColumns, 1, Turn));
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{format.Name,-8}") + string.Concat(best.Select(speed => string.Create(CultureInfo.InvariantCulture, $"{speed,14:F1}"))));
        }
    }
}
