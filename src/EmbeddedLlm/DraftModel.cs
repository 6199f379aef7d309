using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Engine;
using EmbeddedLlm.Engine.Drafts;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Models;
using Microsoft.Extensions.Logging;

namespace EmbeddedLlm;

/// <summary>A smaller model that drafts for another, and its file.</summary>
internal sealed class DraftModel : IDisposable
{
    private const string TokensKey = "tokenizer.ggml.tokens";

    private readonly GgufFile _file;
    private readonly IModelRunner _runner;
    private readonly EngineOptions _sizes;

    private DraftModel(GgufFile file, IModelRunner runner, EngineOptions sizes) => (_file, _runner, _sizes) = (file, runner, sizes);

    /// <summary>Loads it.</summary>
    /// <param name="path">A GGUF file, any part of a split one, or a folder.</param>
    /// <param name="verifier">The file of the model that it drafts for.</param>
    /// <param name="runnerOptions">The sizes of that model's runner.</param>
    /// <param name="sizes">The sizes of that model's engine.</param>
    /// <param name="options">The options of that model.</param>
    /// <param name="logger">Takes events.</param>
    /// <exception cref="UnsupportedModelException">Its vocabulary is another one; or as for any model.</exception>
    public static DraftModel Open(string path, GgufFile verifier, RunnerOptions runnerOptions, EngineOptions sizes, LlmOptions options, ILogger logger)
    {
        var file = ModelFile.Open(path);
        try
        {
            var (spec, graph) = ModelLoader.Load(file);
            if (!graph.StateLayers.IsEmpty)
                throw new UnsupportedModelException($"{path} is a recurrent model ({spec.Family}); those cannot draft.");
            RequireSameVocabulary(file, spec.VocabularySize, verifier, sizes.VocabularySize);
            var backend = BackendSelector.Select([new CpuBackend(), .. options.Backends], graph, options.Backend, logger);
            var budget = KvBudget.For(
                graph, spec.ContextLength, runnerOptions.KvBlockTokens, new() { ContextLength = Math.Min(sizes.ContextLength, spec.ContextLength), KvType = options.KvType }, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
            runnerOptions = runnerOptions with { KvBlocks = Math.Min(budget.Blocks, runnerOptions.KvBlocks), MaxOutputRows = EngineOptions.MaxVerifiedRows };
            var runner = new MappedRunner(backend.Load(graph, runnerOptions), file);
            LlmLog.DraftModelLoaded(logger, path, sizes.Model, spec.ToString(), budget.ContextLength, runner.KvBlocks * runnerOptions.KvBlockTokens);
            return new(file, runner, sizes with { ContextLength = budget.ContextLength });
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Makes what drafts with it.</summary>
    public ModelDrafter CreateDrafter() => new(_runner, _sizes);

    /// <summary>Frees it; no engine may still use it.</summary>
    public void Dispose()
    {
        _runner.Dispose();
        _file.Dispose();
    }

    // A draft is token ids: they must mean the same to both.
    private static void RequireSameVocabulary(GgufFile file, int size, GgufFile verifier, int verifierSize)
    {
        if (size != verifierSize)
            throw new UnsupportedModelException($"{file.Path} cannot draft for {verifier.Path}: its vocabulary has {size} tokens, expected were {verifierSize}.");
        var (own, others) = (file.Metadata.GetStrings(TokensKey), verifier.Metadata.GetStrings(TokensKey));
        for (var id = 0; id < Math.Min(own.Count, others.Count); id++)
            if (own[id] != others[id])
                throw new UnsupportedModelException($"{file.Path} cannot draft for {verifier.Path}: its token {id} is '{own[id]}', expected was '{others[id]}'.");
    }
}
