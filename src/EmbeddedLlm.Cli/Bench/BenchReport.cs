using System.Text.Json.Serialization;

namespace EmbeddedLlm.Cli.Bench;

/// <summary>
/// What <c>bench --json</c> prints. Speeds are medians with their extremes; the limits of the machine are best passes, so that a fraction
/// is never flattered by a slow one.
/// </summary>
internal sealed record BenchReport
{
    public required string Model { get; init; }

    /// <summary>The number format that most of the weights have.</summary>
    public required string Type { get; init; }

    public required int Threads { get; init; }

    public required string Cpu { get; init; }

    /// <summary>The instruction set that multiplies.</summary>
    public required string Tier { get; init; }

    /// <summary>Sequential reads from memory with these threads, GB/s (10⁹).</summary>
    [JsonPropertyName("bandwidthGBs")]
    public required double BandwidthGBs { get; init; }

    /// <summary>The multiplying loop on data in the nearest cache, 10⁹ multiply-adds/s.</summary>
    public required double PeakGmacs { get; init; }

    /// <summary>Opening the file until the model is ready.</summary>
    public required double LoadSeconds { get; init; }

    /// <summary>Start of the process until the first token after a prompt of 16.</summary>
    public required double FirstTokenSeconds { get; init; }

    [JsonPropertyName("peakMemoryMB")]
    public required double PeakMemoryMB { get; init; }

    public required IReadOnlyList<PrefillRow> Prefill { get; init; }

    public required IReadOnlyList<DecodeRow> Decode { get; init; }

    /// <summary>Empty unless a text was given.</summary>
    public IReadOnlyList<SpeculationRow> Speculation { get; init; } = [];
}

/// <param name="FractionOfPeak">Multiply-adds of the weights per second, of the peak.</param>
internal sealed record PrefillRow(int Tokens, int Depth, double TokensPerSecond, double Min, double Max, double FractionOfPeak);

/// <param name="FractionOfBandwidth">Bytes of weights (as the file has them) and KV per second, of the bandwidth before or after these runs, whichever was better.</param>
internal sealed record DecodeRow(int Depth, int Parallel, double TokensPerSecond, double Min, double Max, double FractionOfBandwidth);

/// <param name="PlainTokensPerSecond">Without drafts.</param>
/// <param name="Ratio">With drafts against without, each pair measured in turn.</param>
/// <param name="Drafted">Draft tokens verified.</param>
/// <param name="Accepted">Draft tokens that were right.</param>
internal sealed record SpeculationRow(string Answer, int Tokens, double PlainTokensPerSecond, double TokensPerSecond, double Ratio, long Drafted, long Accepted);
