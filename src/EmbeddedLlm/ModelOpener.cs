using System.Globalization;
using System.Text.RegularExpressions;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Chat.Templates;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Engine;
using EmbeddedLlm.Gguf;
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

        var logger = loggerFactory.CreateLogger<LlmModel>();
        var start = time.GetTimestamp();
        GgufFile? file = null;
        IModelRunner? runner = null;
        try
        {
            file = GgufFile.Open(path);
            var (spec, graph) = ModelLoader.Load(file);
            var tokenizer = Tokenizer.FromGguf(file.Metadata);
            var sampling = options.Sampling ?? Recommended(spec.Sampling, path, logger);
            var modelId = options.ModelId ?? NameOf(path);
            var template = ChatTemplate.ForModel(options.ChatTemplate ?? file.Metadata.GetString("tokenizer.chat_template", null), tokenizer);
            if (template.Kind != ChatTemplateKind.Model)
                LlmLog.TemplateFallback(logger, modelId, template.Kind);

            cancellationToken.ThrowIfCancellationRequested();
            var backend = BackendSelector.Select([new CpuBackend(), .. options.Backends], graph, options.Backend, logger);
            var (runnerOptions, sizes) = Sizes(graph, spec, options, modelId);
            runner = backend.Load(graph, runnerOptions);
            cancellationToken.ThrowIfCancellationRequested();

            var model = new LlmModel(new()
            {
                Runner = runner,
                Weights = file,
                Tokenizer = tokenizer,
                Template = template,
                Sizes = sizes,
                Sampling = sampling,
                Seed = options.Seed,
                LoggerFactory = loggerFactory,
                Time = time,
            });
            LlmLog.Loaded(logger, modelId, backend.Name, time.GetElapsedTime(start).TotalSeconds, spec.ToString(), model.ContextLength, runner.KvBlocks * runnerOptions.KvBlockTokens);
            return model;
        }
        catch (Exception exception)
        {
            runner?.Dispose();
            file?.Dispose();
            if (exception is not OperationCanceledException)
                LlmLog.LoadFailed(logger, exception, path);
            throw;
        }
    }

    private static (RunnerOptions Runner, EngineOptions Engine) Sizes(Graph.ModelGraph graph, ModelSpec spec, LlmOptions options, string modelId)
    {
        var batch = Math.Max(options.BatchTokens, options.MaxConcurrentSequences);
        var runner = new RunnerOptions
        {
            KvBlocks = 0,
            KvType = options.KvType,
            MaxBatchRows = batch,
            MaxOutputRows = options.MaxConcurrentSequences,
            Threads = options.Threads,
        };
        var budget = KvBudget.For(graph, spec.ContextLength, runner.KvBlockTokens, options, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        var engine = new EngineOptions
        {
            ContextLength = budget.ContextLength,
            VocabularySize = spec.VocabularySize,
            KvBlockTokens = runner.KvBlockTokens,
            MaxBatchRows = batch,
            MaxSequences = options.MaxConcurrentSequences,
            MaxQueuedRequests = options.MaxQueuedRequests ?? int.MaxValue,
            Model = modelId,
        };
        return (runner with { KvBlocks = budget.Blocks }, engine);
    }

    // What the file says wins; where it says nothing, the usual values stay.
    private static SamplingOptions Recommended(RecommendedSampling file, string path, ILogger logger)
    {
        if (file.Mirostat is not (null or 0 or 2))
            LlmLog.UnknownMirostat(logger, path, file.Mirostat.Value);

        var usual = SamplingOptions.Default;
        try
        {
            return usual with
            {
                Temperature = file.Temperature ?? usual.Temperature,
                TopK = file.TopK ?? usual.TopK,
                TopP = file.TopP ?? usual.TopP,
                MinP = file.MinP ?? usual.MinP,
                XtcProbability = file.XtcProbability ?? usual.XtcProbability,
                XtcThreshold = file.XtcThreshold ?? usual.XtcThreshold,
                RepetitionPenalty = file.RepetitionPenalty ?? usual.RepetitionPenalty,
                PenaltyWindow = file.PenaltyWindow is -1 ? int.MaxValue : file.PenaltyWindow ?? usual.PenaltyWindow,
                MirostatTau = file.Mirostat == 2 ? file.MirostatTau ?? DefaultMirostatTau : 0,
                MirostatEta = file.MirostatEta ?? usual.MirostatEta,
            };
        }
        catch (ArgumentOutOfRangeException exception)
        {
            throw new ModelFormatException($"{path}: general.sampling: {exception.Message}", exception);
        }
    }

    /// <summary>GGUF's default where a file turns mirostat on without saying how strong.</summary>
    private const float DefaultMirostatTau = 5;

    private static string NameOf(string path) => SplitSuffix().Replace(Path.GetFileNameWithoutExtension(path), "");

    [GeneratedRegex(@"-\d{5}-of-\d{5}$")]
    private static partial Regex SplitSuffix();
}
