using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Models;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Calibration;

/// <summary>Collects an <see cref="ImportanceMatrix"/>: runs a text through a model on the processor and adds up the squares of what its weights are multiplied with.</summary>
public static class ImportanceCollector
{
    private const int KvBlockTokens = 32;

    /// <summary>The most rows of one step.</summary>
    private const int StepRows = 512;

    /// <summary>
    /// Cuts a text into pieces, runs each from its begin and counts what enters every matrix of every layer, of each expert its own.
    /// The output matrix has no entry, as in llama.cpp: it gets more bits than others anyway. Tokens behind the last whole piece are left out.
    /// </summary>
    /// <param name="model">The model, in any format that can be run; the more exact the better.</param>
    /// <param name="text">Like what the model will be used for; some tens of pieces are enough.</param>
    /// <param name="options">Sizes.</param>
    /// <param name="progress">Told of each piece after it has run.</param>
    /// <param name="cancellationToken">Ends the work after the current step.</param>
    /// <exception cref="ArgumentException">The text has fewer tokens than a piece, or a piece more than the model has positions.</exception>
    /// <exception cref="UnsupportedModelException">The model cannot be run here.</exception>
    /// <exception cref="ModelFormatException">The model is damaged, or gives numbers that are not finite.</exception>
    public static ImportanceMatrix Collect(
        GgufFile model, string text, ImportanceOptions? options = null, IProgress<ImportanceProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(text);
        options ??= new ImportanceOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ChunkLength, 2, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxChunks ?? 1, 1, nameof(options));

        // Hidden rows in place of logits, which no sum needs.
        var (spec, graph) = ModelLoader.Load(model, contextLength: options.ChunkLength, pooling: Pooling.None);
        if (options.ChunkLength > spec.PositionLimit)
            throw new ArgumentException($"Pieces have {options.ChunkLength} tokens, the model knows {spec.PositionLimit} positions.", nameof(options));

        var tokenizer = Tokenizer.FromGguf(model.Metadata);
        var tokens = tokenizer.Encode(text, parseSpecial: false);
        var count = Math.Min(tokens.Length / options.ChunkLength, options.MaxChunks ?? int.MaxValue);
        if (count == 0)
            throw new ArgumentException($"The text has {tokens.Length} tokens; expected at least the {options.ChunkLength} of one piece.", nameof(text));

        var sums = new InputSums(model.Path);
        var stepRows = graph.NeedsWholeTexts ? options.ChunkLength : Math.Min(options.ChunkLength, StepRows);
        var blocks = Enumerable.Range(0, (options.ChunkLength + KvBlockTokens - 1) / KvBlockTokens).ToArray();
        var runnerOptions = new RunnerOptions
        {
            KvBlocks = blocks.Length,
            KvBlockTokens = KvBlockTokens,
            KvType = KvType.F32,
            MaxBatchRows = stepRows,
            MaxOutputRows = stepRows,
            Threads = options.Threads,
            KeepWeightsInFile = false,
        };
        using var runner = CpuBackend.Load(graph, runnerOptions, kernels => sums.Observe(kernels, graph));
        var hidden = new float[stepRows * graph.Logits.Width];
        var outputRows = Enumerable.Range(0, stepRows).ToArray();
        for (var chunk = 0; chunk < count; chunk++)
        {
            var piece = tokens.AsSpan(chunk * options.ChunkLength, options.ChunkLength);
            if (tokenizer.AddsBos)
                piece[0] = tokenizer.BosId!.Value;
            for (var past = 0; past < piece.Length; past += stepRows)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var rows = Math.Min(stepRows, piece.Length - past);
                var batch = new Batch { Tokens = piece.Slice(past, rows), Slices = [new BatchSlice(rows, past, 0, blocks.Length)], KvBlocks = blocks, OutputRows = outputRows.AsSpan(0, rows) };
                runner.Run(batch, hidden);
            }

            progress?.Report(new ImportanceProgress(chunk + 1, count));
        }

        return new ImportanceMatrix(model.Path, [options.Dataset], count, options.ChunkLength, sums.ToEntries());
    }
}
