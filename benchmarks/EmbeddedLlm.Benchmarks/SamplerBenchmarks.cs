using BenchmarkDotNet.Attributes;
using EmbeddedLlm.Sampling;

namespace EmbeddedLlm.Benchmarks;

/// <summary>
/// One token out of 128 256. A sampler overwrites its logits, so every row pays for a fresh copy of them: take the time of <see cref="Copy"/> off.
/// </summary>
[MemoryDiagnoser]
public class SamplerBenchmarks
{
    private const int Vocabulary = 128_256;
    private const int Rows = 4;

    private readonly float[][] _rows = new float[Rows][];
    private readonly float[] _logits = new float[Vocabulary];
    private readonly int[] _history = new int[4096];
    private readonly SamplerScratch _scratch = new(Vocabulary);
    private Sampler _sampler = null!;
    private int _next;

    /// <summary>How sure the model is.</summary>
    public enum Model
    {
        /// <summary>A few tokens stand out of a normal distribution.</summary>
        Sure,

        /// <summary>None does.</summary>
        Unsure,
    }

    /// <summary>How sure the model is.</summary>
    [Params(Model.Sure, Model.Unsure)]
    public Model Logits { get; set; }

    private static SamplingOptions Plain { get; } = new() { TopK = 0, TopP = 1, MinP = 0 };

    /// <summary>Makes logits and a history.</summary>
    [GlobalSetup]
    public void Make()
    {
        var random = new Random(1);
        for (var row = 0; row < Rows; row++)
        {
            _rows[row] = [.. Enumerable.Range(0, Vocabulary).Select(_ => (float)(2.5 * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
            for (var peak = 0; Logits == Model.Sure && peak < 30; peak++)
                _rows[row][random.Next(Vocabulary)] = 18 - (peak / 3f);
        }

        for (var i = 0; i < _history.Length; i++)
            _history[i] = random.Next(Vocabulary);
    }

    /// <summary>The copy alone.</summary>
    [Benchmark(Baseline = true)]
    public void Copy() => Fresh();

    /// <summary>Temperature 0.</summary>
    [Benchmark]
    public int Greedy() => Sample();

    /// <summary>The default options: temperature, top-k, top-p, min-p.</summary>
    [Benchmark]
    public int Default() => Sample();

    /// <summary>The default options with all three penalties over 256 tokens.</summary>
    [Benchmark]
    public int Penalties() => Sample();

    /// <summary>Without top-k, and with the penalties.</summary>
    [Benchmark]
    public int TopPMinP() => Sample();

    /// <summary>One cut.</summary>
    [Benchmark]
    public int TopP() => Sample();

    /// <summary>One cut.</summary>
    [Benchmark]
    public int MinP() => Sample();

    /// <summary>No cut.</summary>
    [Benchmark]
    public int Temperature() => Sample();

    /// <summary>A sampler for <see cref="Greedy"/>.</summary>
    [GlobalSetup(Target = nameof(Greedy))]
    public void MakeGreedy() => Make(SamplingOptions.Greedy);

    /// <summary>A sampler for <see cref="Default"/>.</summary>
    [GlobalSetup(Target = nameof(Default))]
    public void MakeDefault() => Make(SamplingOptions.Default);

    /// <summary>A sampler for <see cref="Penalties"/>.</summary>
    [GlobalSetup(Target = nameof(Penalties))]
    public void MakePenalties() => Make(Penalized(SamplingOptions.Default));

    /// <summary>A sampler for <see cref="TopPMinP"/>.</summary>
    [GlobalSetup(Target = nameof(TopPMinP))]
    public void MakeTopPMinP() => Make(Penalized(SamplingOptions.Default with { TopK = 0 }));

    /// <summary>A sampler for <see cref="TopP"/>.</summary>
    [GlobalSetup(Target = nameof(TopP))]
    public void MakeTopP() => Make(Plain with { TopP = 0.95f });

    /// <summary>A sampler for <see cref="MinP"/>.</summary>
    [GlobalSetup(Target = nameof(MinP))]
    public void MakeMinP() => Make(Plain with { MinP = 0.05f });

    /// <summary>A sampler for <see cref="Temperature"/>.</summary>
    [GlobalSetup(Target = nameof(Temperature))]
    public void MakeTemperature() => Make(Plain);

    private static SamplingOptions Penalized(SamplingOptions options) =>
        options with { RepetitionPenalty = 1.1f, FrequencyPenalty = 0.1f, PresencePenalty = 0.1f, PenaltyWindow = 256 };

    private void Make(SamplingOptions options)
    {
        Make();
        _sampler = new(options, 1);
    }

    private void Fresh() => _rows[_next++ % Rows].CopyTo(_logits, 0);

    private int Sample()
    {
        Fresh();
        return _sampler.Sample(_logits, _history, _scratch);
    }
}
