using System.Globalization;
using System.Text.RegularExpressions;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Chat.Templates;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Embeddings;
using EmbeddedLlm.Engine;
using EmbeddedLlm.Engine.Drafts;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Models;
using EmbeddedLlm.Sampling;
using EmbeddedLlm.Tokenization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace EmbeddedLlm;

/// <summary>From a file to a model: each part is made here, and taken down again if a later one fails.</summary>
internal static partial class ModelOpener
{
    public static LlmModel Open(string path, LlmOptions? options, ILoggerFactory? loggerFactory, TimeProvider? time, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new();
        time ??= TimeProvider.System;
        loggerFactory ??= NullLoggerFactory.Instance;
        LlmOptionsValidator.ThrowIfInvalid(options);

        var logger = new GuardedLogger(loggerFactory.CreateLogger<LlmModel>());
        var start = time.GetTimestamp();
        GgufFile? file = null;
        MappedRunner? runner = null;
        DraftModel? draftModel = null;
        LlmModel? model = null;
        Task<(Tokenizer Tokenizer, ChatTemplate Template)>? reading = null;
        try
        {
            file = ModelFile.Open(path);
            var spec = ModelLoader.Describe(file);
            var pooling = EmbeddingParts.PoolingOf(spec, options, path);
            var graph = ModelLoader.Build(file, spec, options.ContextLength ?? LlmOptions.DefaultContextLength, pooling);
            var sampling = options.Sampling ?? Recommended(spec.Sampling, path, logger);
            sampling = options.ConfiguredSampling?.Invoke(sampling) ?? sampling;
            var modelId = options.ModelId ?? NameOf(path);
            // A large vocabulary takes a core as long as the weights take all of them, so both are read at once.
            reading = Task.Run(() => ReadText(file, options.ChatTemplate), CancellationToken.None);

            cancellationToken.ThrowIfCancellationRequested();
            var backend = BackendSelector.Select([new CpuBackend(), .. options.Backends], graph, options.Backend, logger);
            if (pooling is not null && options.DraftModelPath is not null)
                throw new ArgumentException($"DraftModelPath is '{options.DraftModelPath}', but {path} makes embeddings, for which nothing is guessed.", nameof(options));
            if (pooling is not null && options.Conversations is not null)
                throw new ArgumentException($"Conversations is set, but {path} makes embeddings, for which none are kept.", nameof(options));
            var (runnerOptions, sizes) = Sizes(graph, spec, options, modelId, pooling, logger, out var embeddingSizes);
            runner = new MappedRunner(backend.Load(graph, runnerOptions), file);
            var (tokenizer, template) = reading.GetAwaiter().GetResult();
            if (tokenizer.GuessesPreTokenizer)
                LlmLog.PreTokenizerFallback(logger, path, PreTokenizers.Fallback);
            cancellationToken.ThrowIfCancellationRequested();
            if (options.DraftModelPath is { } draftPath)
                draftModel = DraftModel.Open(draftPath, file, runnerOptions, sizes, options, logger);
            cancellationToken.ThrowIfCancellationRequested();

            model = new LlmModel(new()
            {
                Runner = runner,
                Weights = file,
                Tokenizer = tokenizer,
                Template = template,
                Embedding = embeddingSizes is null ? null : new(embeddingSizes, options.Embedding, EmbeddingParts.PairFormatOf(file.Metadata, tokenizer)),
                Sizes = sizes with { Drafter = DrafterOf(options.Speculation, draftModel) },
                DraftModel = draftModel,
                Conversations = options.Conversations,
                Fingerprint = options.Conversations is null ? default(ReadOnlyMemory<byte>) : ModelFingerprint.Of(file, graph),
                Sampling = sampling,
                Seed = options.Seed,
                UnsupportedOptionPolicy = options.UnsupportedOptionPolicy,
                LoggerFactory = loggerFactory,
                Time = time,
            });
            if (model.ContextLength > spec.ContextLength)
                LlmLog.LongContext(logger, modelId, model.ContextLength, spec.ContextLength);
            LlmLog.Loaded(logger, modelId, backend.Name, time.GetElapsedTime(start).TotalSeconds, spec.ToString(), model.ContextLength, runner.KvBlocks * runnerOptions.KvBlockTokens);
            return model;
        }
        catch (Exception exception)
        {
            reading?.ContinueWith(task => task.Exception, TaskScheduler.Default).Wait(CancellationToken.None);     // it reads the file
            model?.Dispose(); // with what it owns; the others may be disposed again
            draftModel?.Dispose();
            runner?.Dispose();
            file?.Dispose();
            if (exception is not OperationCanceledException)
                LlmLog.LoadFailed(logger, exception, path);
            if (exception is OutOfMemoryException)
                throw new LlmException($"There is not enough memory to load {path} and to start its threads.", exception);
            throw;
        }
    }

    private static (RunnerOptions Runner, EngineOptions Engine) Sizes(
        ModelGraph graph, ModelSpec spec, LlmOptions options, string modelId, Pooling? pooling, ILogger logger, out EmbeddingSizes? embedding)
    {
        embedding = null;
        var positions = spec.PositionLimit ?? int.MaxValue;
        if (options.ContextLength > positions)
            throw new ArgumentException($"ContextLength is {options.ContextLength}; this model has a table of {positions} positions and cannot go beyond.", nameof(options));
        if (pooling is { } rows)
        {
            (var embeddingRunner, embedding) = EmbeddingParts.SizesOf(graph, spec, rows, options, modelId, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
            return (embeddingRunner, new() { ContextLength = embedding.ContextLength, VocabularySize = spec.VocabularySize, Model = modelId });
        }

        var batch = Math.Max(options.BatchTokens, options.MaxConcurrentSequences);
        var runner = new RunnerOptions
        {
            KvBlocks = 0,
            KvType = options.KvType,
            MaxBatchRows = batch,
            MaxOutputRows = Math.Max(options.MaxConcurrentSequences, EngineOptions.MaxVerifiedRows),
            Threads = options.Threads,
            KeepWeightsInFile = options.KeepWeightsInFile,
        };
        var budget = KvBudget.For(graph, Math.Min(spec.ContextLength, positions), runner.KvBlockTokens, options, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        var drafts = options.Speculation != Speculation.Off || options.DraftModelPath is not null;
        var states = StateBudget.For(graph, options.MaxConcurrentSequences, drafts, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        if (states.Sequences < options.MaxConcurrentSequences)
            LlmLog.FewerSequences(logger, modelId, options.MaxConcurrentSequences, states.Sequences);
        var engine = new EngineOptions
        {
            ContextLength = budget.ContextLength,
            VocabularySize = spec.VocabularySize,
            KvBlockTokens = runner.KvBlockTokens,
            MaxBatchRows = batch,
            MaxSequences = states.Sequences,
            StateSlots = states.Slots,
            MaxQueuedRequests = options.MaxQueuedRequests ?? int.MaxValue,
            Model = modelId,
        };
        return (runner with { KvBlocks = budget.Blocks, StateSlots = Math.Max(1, states.Slots) }, engine);
    }

    private static Func<IDrafter>? DrafterOf(Speculation speculation, DraftModel? model) =>
        model is not null ? model.CreateDrafter : speculation == Speculation.NGram ? () => new NGramDrafter() : null;

    private static (Tokenizer Tokenizer, ChatTemplate Template) ReadText(GgufFile file, string? ownTemplate)
    {
        var tokenizer = Tokenizer.FromGguf(file.Metadata);
        return (tokenizer, TemplateOf(ownTemplate, file, tokenizer));
    }

    private static ChatTemplate TemplateOf(string? own, GgufFile file, Tokenizer tokenizer)
    {
        try
        {
            return ChatTemplate.ForModel(own ?? file.Metadata.GetString("tokenizer.chat_template", null), tokenizer);
        }
        catch (JinjaException exception)
        {
            throw new JinjaException($"{(own is null ? $"{file.Path}: tokenizer.chat_template" : nameof(LlmOptions.ChatTemplate))}: {exception.Message}", exception);
        }
    }

    // What the file says wins; where it says nothing, or what cannot be, the usual values stay.
    internal static SamplingOptions Recommended(RecommendedSampling file, string path, ILogger logger)
    {
        var options = SamplingOptions.Default;
        void Take<T>(string key, T? value, Func<SamplingOptions, T, SamplingOptions> set) where T : struct
        {
            if (value is not { } given)
                return;
            try
            {
                options = set(options, given);
            }
            catch (ArgumentOutOfRangeException)
            {
                LlmLog.OddRecommendation(logger, path, key, given);
            }
        }

        // Below zero these mean "off" to llama.cpp, whose settings the keys describe.
        Take("temp", file.Temperature < 0 ? 0 : file.Temperature, (all, value) => all with { Temperature = value });
        Take("top_k", file.TopK < 0 ? 0 : file.TopK, (all, value) => all with { TopK = value });
        Take("top_p", file.TopP, (all, value) => all with { TopP = value });
        Take("min_p", file.MinP, (all, value) => all with { MinP = value });
        Take("xtc_probability", file.XtcProbability, (all, value) => all with { XtcProbability = value });
        Take("xtc_threshold", file.XtcThreshold, (all, value) => all with { XtcThreshold = value });
        Take("penalty_repeat", file.RepetitionPenalty, (all, value) => all with { RepetitionPenalty = value });
        Take("penalty_last_n", file.PenaltyWindow < 0 ? int.MaxValue : file.PenaltyWindow, (all, value) => all with { PenaltyWindow = value });
        Take("mirostat_eta", file.MirostatEta, (all, value) => all with { MirostatEta = value });
        if (file.Mirostat == 2)
            Take<float>("mirostat_tau", file.MirostatTau ?? DefaultMirostatTau, (all, value) => all with { MirostatTau = value });
        else if (file.Mirostat is not (null or 0))
            LlmLog.OddRecommendation(logger, path, "mirostat", file.Mirostat);
        return options;
    }

    /// <summary>GGUF's default where a file turns mirostat on without saying how strong.</summary>
    private const float DefaultMirostatTau = 5;

    private static string NameOf(string path) =>
        Directory.Exists(path) ? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path))) : SplitSuffix().Replace(Path.GetFileNameWithoutExtension(path), "");

    [GeneratedRegex(@"-\d{5}-of-\d{5}$")]
    private static partial Regex SplitSuffix();
}
