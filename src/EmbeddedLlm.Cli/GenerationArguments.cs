using System.CommandLine;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Chat;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace EmbeddedLlm.Cli;

/// <summary>The options of commands that generate text: which model, how large, how sampled.</summary>
internal sealed class GenerationArguments
{
    private readonly Option<string> _model = ModelOptions.CreateModel();
    private readonly Option<int> _threads = ModelOptions.CreateThreads();
    private readonly Option<bool> _keepInFile = ModelOptions.CreateKeepWeightsInFile();
    private readonly Option<KvType> _kvType = ModelOptions.CreateKvType(KvType.F16);
    private readonly Option<string> _backend = BackendOption.Create();
    private readonly Option<int?> _context = ModelOptions.InRange(new Option<int?>("--context") { Description = "Tokens of context to hold." }, 2, ModelOptions.MostPositions);
    private readonly Option<int?> _maxTokens = ModelOptions.InRange(new Option<int?>("--max-tokens", "-n") { Description = "The most tokens to generate." }, 1, int.MaxValue);
    private readonly Option<float?> _temperature = ModelOptions.InRange(new Option<float?>("--temperature") { Description = "0 takes the likeliest token always." }, 0, float.MaxValue);
    private readonly Option<int?> _topK = ModelOptions.InRange(new Option<int?>("--top-k") { Description = "Sample from the k likeliest tokens; 0 for all." }, 0, int.MaxValue);
    private readonly Option<float?> _topP = ModelOptions.InRange(new Option<float?>("--top-p") { Description = "Sample from the likeliest tokens that sum up to p; 1 for all." }, 0, 1);
    private readonly Option<long?> _seed = ModelOptions.InRange(new Option<long?>("--seed") { Description = "The same seed gives the same text." }, long.MinValue, long.MaxValue);
    private readonly Option<Speculation> _speculation = ModelOptions.OneOf(new Option<Speculation>("--speculation") { Description = "Guess tokens and verify several in one step; the text stays the same.", DefaultValueFactory = _ => Speculation.NGram });
    private readonly Option<string?> _draftModel = new("--draft-model") { Description = "A smaller GGUF file of the same vocabulary, to guess in place of n-grams." };
    private readonly Option<string?> _system = new("--system") { Description = "A system message put first." };

    public void AddTo(Command command)
    {
        foreach (Option option in (ReadOnlySpan<Option>)[_model, _threads, _keepInFile, _kvType, _backend, _context, _maxTokens, _temperature, _topK, _topP, _seed, _speculation, _draftModel, _system])
            command.Add(option);
    }

    /// <summary>Whether there is a system message, which only a conversation has.</summary>
    public bool HasSystem(ParseResult parsed) => parsed.GetValue(_system) is not null;

    public Task<LlmModel> LoadAsync(ParseResult parsed, ILoggerFactory loggers, CancellationToken cancellation)
    {
        var backend = BackendOption.Find(parsed.GetRequiredValue(_backend));
        var options = new LlmOptions
        {
            Threads = parsed.GetValue(_threads),
            KeepWeightsInFile = parsed.GetValue(_keepInFile),
            KvType = parsed.GetValue(_kvType),
            ContextLength = parsed.GetValue(_context),
            Speculation = parsed.GetValue(_speculation),
            DraftModelPath = parsed.GetValue(_draftModel),
            Backend = backend.Name,
        };
        options.Backends.Add(backend);
        return LlmModel.LoadAsync(parsed.GetRequiredValue(_model), options, loggers, cancellationToken: cancellation);
    }

    /// <summary>For a conversation.</summary>
    public ChatOptions ForChat(ParseResult parsed) => new()
    {
        MaxOutputTokens = parsed.GetValue(_maxTokens),
        Temperature = parsed.GetValue(_temperature),
        TopK = parsed.GetValue(_topK),
        TopP = parsed.GetValue(_topP),
        Seed = parsed.GetValue(_seed),
        Instructions = parsed.GetValue(_system),
    };

    /// <summary>For the continuation of a text.</summary>
    public GenerationOptions ForCompletion(ParseResult parsed, LlmModel model)
    {
        var sampling = model.DefaultSampling;
        return new GenerationOptions
        {
            MaxOutputTokens = parsed.GetValue(_maxTokens),
            Seed = parsed.GetValue(_seed),
            Sampling = sampling with
            {
                Temperature = parsed.GetValue(_temperature) ?? sampling.Temperature,
                TopK = parsed.GetValue(_topK) ?? sampling.TopK,
                TopP = parsed.GetValue(_topP) ?? sampling.TopP,
            },
        };
    }
}
