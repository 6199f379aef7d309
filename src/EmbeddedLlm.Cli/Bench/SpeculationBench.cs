using System.Diagnostics;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Chat;
using EmbeddedLlm.Sampling;

namespace EmbeddedLlm.Cli.Bench;

/// <summary>Times the same answers with and without drafts, in turn.</summary>
internal sealed class SpeculationBench : IDisposable
{
    private readonly ForcedBackend _forced;
    private readonly LlmModel _plain;
    private readonly LlmModel _drafting;

    /// <summary>Loads the model twice.</summary>
    /// <param name="path">The model.</param>
    /// <param name="backend">What runs it.</param>
    /// <param name="options">Threads, KV cache and context of both.</param>
    public SpeculationBench(string path, IBackend backend, LlmOptions options)
    {
        _forced = new ForcedBackend(backend);
        _plain = Load(Speculation.Off);
        _drafting = Load(Speculation.NGram);

        LlmModel Load(Speculation speculation)
        {
            var own = new LlmOptions
            {
                Threads = options.Threads,
                KvType = options.KvType,
                KeepWeightsInFile = options.KeepWeightsInFile,
                ContextLength = options.ContextLength,
                Speculation = speculation,
                Backend = _forced.Name,
                MaxConcurrentSequences = 1,
            };
            own.Backends.Add(_forced);
            return LlmModel.Load(path, own);
        }
    }

    /// <summary>A text to answer with after it was the prompt: every twentieth line is left out, and another one changed.</summary>
    public static string Edit(string text) => string.Join('\n', text.Split('\n')
        .Where((_, line) => line % 20 != 7)
        .Select((line, index) => index % 20 == 13 ? line.Replace('e', 'i') : line));

    /// <summary>Times an answer of a given text to a prompt.</summary>
    public async Task<SpeculationRow> MeasureAsync(string name, string prompt, string answer, int tokens, int repeats, CancellationToken cancellation)
    {
        var tokenizer = _plain.Tokenizer;
        var written = tokenizer.Encode(answer, addSpecial: false, parseSpecial: false);
        tokens = Math.Min(tokens, written.Length);
        _forced.Text = [.. tokenizer.Encode(prompt), .. written];

        var plain = new double[repeats];
        var drafting = new double[repeats];
        var counts = default((long Drafted, long Accepted));
        for (var i = -1; i < repeats; i++)
        {
            // The first of each reads the prompt into the cache and lets the JIT make its better code.
            var (plainSpeed, _) = await SpeedAsync(_plain, prompt, tokens, cancellation).ConfigureAwait(false);
            (var draftingSpeed, counts) = await SpeedAsync(_drafting, prompt, tokens, cancellation).ConfigureAwait(false);
            if (i >= 0)
                (plain[i], drafting[i]) = (plainSpeed, draftingSpeed);
        }

        var ratio = Median([.. drafting.Zip(plain, (with, without) => with / without)]);
        return new(name, tokens, Median(plain), Median(drafting), ratio, counts.Drafted, counts.Accepted);
    }

    public void Dispose()
    {
        _plain.Dispose();
        _drafting.Dispose();
    }

    // Tokens/s from the first token to the last.
    private static async Task<(double Speed, (long, long) Counts)> SpeedAsync(LlmModel model, string prompt, int tokens, CancellationToken cancellation)
    {
        var start = 0L;
        var options = new GenerationOptions { Sampling = SamplingOptions.Greedy, MaxOutputTokens = tokens };
        var usage = new Microsoft.Extensions.AI.UsageDetails();
        await foreach (var update in model.CompleteStreamingAsync(prompt, options, cancellation).ConfigureAwait(false))
        {
            start = start == 0 ? Stopwatch.GetTimestamp() : start;
            usage = update.Usage ?? usage;
        }

        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return ((tokens - 1) / seconds, (usage.AdditionalCounts?["drafted_tokens"] ?? 0, usage.AdditionalCounts?["accepted_tokens"] ?? 0));
    }

    private static double Median(double[] values)
    {
        Array.Sort(values);
        return (values[(values.Length - 1) / 2] + values[values.Length / 2]) / 2;
    }
}
