using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using EmbeddedLlm.Chat;
using EmbeddedLlm.Chat.Constraints;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Sampling;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace EmbeddedLlm.Tests.Chat;

public sealed class RequestMapperTests
{
    private static readonly SamplingOptions Defaults = new() { Temperature = 0.6f, TopK = 20, TopP = 0.9f, MinP = 0.1f };
    private static readonly AIFunction Tool = AIFunctionFactory.Create(() => 1, "one");
    private readonly FakeLogger _log = new();

    private GenerationOptions Map(ChatOptions? options, UnsupportedOptionPolicy policy = UnsupportedOptionPolicy.Throw) =>
        new RequestMapper("m", Defaults, new(policy, _log), _log).Map(null!, options);

    private IEnumerable<(int, LogLevel)> Events => _log.Collector.GetSnapshot().Select(record => (record.Id.Id, record.Level));

    [Fact]
    public void Map_NothingSet_LeavesTheDefaults()
    {
        Assert.Equal(new(), Map(null));
        Assert.Equal(new() { Sampling = Defaults }, Map(new()));
        Assert.Equal(new() { Sampling = Defaults }, Map(new() { ModelId = "m", ResponseFormat = ChatResponseFormat.Text, Tools = [], ToolMode = ChatToolMode.RequireAny, Reasoning = new(), AllowMultipleToolCalls = true }));
    }

    [Fact]
    public void Map_Properties_ReplaceTheDefaults()
    {
        var mapped = Map(new()
        {
            Temperature = 0.1f,
            TopP = 0.2f,
            TopK = 3,
            FrequencyPenalty = 0.4f,
            PresencePenalty = 0.5f,
            Seed = 6,
            MaxOutputTokens = 7,
            StopSequences = ["8"],
        });

        Assert.Equal(Defaults with { Temperature = 0.1f, TopP = 0.2f, TopK = 3, FrequencyPenalty = 0.4f, PresencePenalty = 0.5f }, mapped.Sampling);
        Assert.Equal((6, 7), (mapped.Seed, mapped.MaxOutputTokens));
        Assert.Equal(["8"], mapped.StopSequences!);
    }

    [Fact]
    public void Map_AdditionalProperties_TakeNumbersOfEveryKind()
    {
        var mapped = Map(new()
        {
            AdditionalProperties = new()
            {
                ["min_p"] = 0.25,
                ["typical_p"] = "0.5",
                ["repetition_penalty"] = 2,
                ["penalty_window"] = JsonSerializer.SerializeToElement(12),
                ["dry_multiplier"] = 0.75m,
                ["xtc_probability"] = JsonValue.Create(0.5f),
                ["something_else"] = new object(),
            },
        });

        Assert.Equal(
            Defaults with { MinP = 0.25f, TypicalP = 0.5f, RepetitionPenalty = 2, PenaltyWindow = 12, DryMultiplier = 0.75f, XtcProbability = 0.5f },
            mapped.Sampling);
    }

    [Fact]
    public void Map_TypedExtensions_AreTheSameProperties()
    {
        var mapped = Map(new ChatOptions().WithMinP(0.25f).WithTypicalP(0.5f).WithRepetitionPenalty(2, window: 12).WithDry(0.75f).WithXtc(0.5f, 0.2f).WithMirostat(5, 0.3f));

        Assert.Equal(
            Defaults with { MinP = 0.25f, TypicalP = 0.5f, RepetitionPenalty = 2, PenaltyWindow = 12, DryMultiplier = 0.75f, XtcProbability = 0.5f, XtcThreshold = 0.2f, MirostatTau = 5, MirostatEta = 0.3f },
            mapped.Sampling);
    }

    [Fact]
    public void Map_EverySamplingOption_HasAPropertyOrAnExtensionOfItsName()
    {
        var own = typeof(ChatOptions).GetProperties().Select(property => property.Name);
        var keys = typeof(ChatOptionsExtensions).GetFields().Where(field => field.IsLiteral).ToDictionary(field => field.Name, field => (string)field.GetRawConstantValue()!);

        foreach (var name in typeof(SamplingOptions).GetProperties().Where(property => !property.GetMethod!.IsStatic).Select(property => property.Name).Except(own))
        {
            Assert.Equal(name, keys[name + "Key"].Replace("_", "", StringComparison.Ordinal), ignoreCase: true);
            Assert.Contains(name, SamplingProperties.Names);
        }
    }

    [Fact]
    public void Map_Dry_TakesAllItsSettings()
    {
        var set = Map(new ChatOptions().WithDry(0.75f, growth: 1.5f, allowedLength: 3, window: 100, breakers: new HashSet<int> { 5, 9 })).Sampling!;

        Assert.Equal((0.75f, 1.5f, 3, 100), (set.DryMultiplier, set.DryBase, set.DryAllowedLength, set.DryWindow));
        object[] lists = [new[] { 5, 9 }, JsonDocument.Parse("[5,9]").RootElement, JsonNode.Parse("[5,9]")!, new List<object> { 5, "9" }, new Dictionary<string, string?> { ["0"] = "5", ["1"] = "9" }];
        Assert.All(lists.Select(list => Map(new() { AdditionalProperties = new() { ["dry_breakers"] = list } }).Sampling!.DryBreakers!).Prepend(set.DryBreakers!), breakers => Assert.Equal([5, 9], breakers.Order()));
    }

    [Theory]
    [InlineData("repetition_penalty", 64)]
    [InlineData("presence_penalty", 64)]
    [InlineData("min_p", 0)]
    public void Map_PenaltyWhereTheModelLooksAtNothing_GetsAWindow(string key, int window) =>
        Assert.Equal(window, new RequestMapper("m", Defaults with { PenaltyWindow = 0 }, new(UnsupportedOptionPolicy.Throw, _log), _log)
            .Map(null!, new() { AdditionalProperties = new() { [key] = 0.5 } }).Sampling!.PenaltyWindow);

    [Fact]
    public void Map_Keys_SetWhatGenerationOptionsHave()
    {
        var byKey = Map(new()
        {
            AdditionalProperties = new()
            {
                ["stop_tokens"] = JsonNode.Parse("[5,9]"),
                ["logprobs"] = true,
                ["top_logprobs"] = "3",
                ["prompt_cache"] = JsonDocument.Parse("false").RootElement,
                ["prompt_cache_key"] = "tenant",
                ["context_overflow"] = "drop_oldest_turns",
                ["assistant_prefill"] = JsonValue.Create("{"),
                ["continue_final_message"] = "true",
            },
        });
        var byExtension = Map(new ChatOptions().WithStopTokens(5, 9).WithLogprobs(3).WithPromptCache(false).WithPromptCacheKey("tenant")
            .WithContextOverflow(ContextOverflow.DropOldestTurns).WithAssistantPrefill("{").WithContinueFinalMessage());

        Assert.Equal([5, 9], byKey.StopTokens!);
        var expected = new GenerationOptions
        {
            Sampling = Defaults,
            StopTokens = byKey.StopTokens,
            TopLogprobs = 3,
            PromptCache = false,
            PromptCacheKey = "tenant",
            ContextOverflow = ContextOverflow.DropOldestTurns,
            AssistantPrefill = "{",
            ContinueFinalMessage = true,
        };
        Assert.Equal(expected, byKey);
        Assert.Equal(expected, byExtension with { StopTokens = byKey.StopTokens });
        Assert.Equal(expected, Map(new() { RawRepresentationFactory = _ => expected }));
        Assert.Empty(Events);
    }

    [Theory]
    [InlineData(false, null, null)]
    [InlineData(true, null, 0)]
    [InlineData(true, 2, 2)]
    [InlineData(null, 0, null)]
    [InlineData(null, 2, 2)]
    public void Map_Logprobs_AreAskedForByEitherKey(bool? logprobs, int? top, int? expected) =>
        Assert.Equal(expected, Map(new() { AdditionalProperties = new() { ["top_logprobs"] = top, ["logprobs"] = logprobs } }).TopLogprobs);

    [Fact]
    public void Or_EveryProperty_IsFilledIn()
    {
        var all = new GenerationOptions
        {
            Sampling = Defaults,
            Seed = 1,
            MaxOutputTokens = 2,
            StopSequences = ["3"],
            StopTokens = [4],
            TopLogprobs = 5,
            PromptCache = false,
            PromptCacheKey = "6",
            ContextOverflow = ContextOverflow.KeepSystem,
            AssistantPrefill = "7",
            ContinueFinalMessage = true,
            Form = new AnswerForm.Regex("8"),
            Constraint = Constraint.FromRegex("9", ScriptedModel.Tokenizer),
            OwnPrefixKey = 10,
        };

        Assert.All(typeof(GenerationOptions).GetProperties(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic), property => Assert.NotNull(property.GetValue(all)));
        Assert.Equal(all, new GenerationOptions().Or(all));
        Assert.Equal(all, all.Or(new()));
    }

    [Fact]
    public void Map_LogitBias_TakesADictionaryOrJson()
    {
        var expected = new Dictionary<int, float> { [5] = -1, [9] = 2.5f };

        Assert.Equal(expected, Map(new ChatOptions().WithLogitBias(expected)).Sampling!.LogitBias!);
        Assert.Equal(expected, Map(new() { AdditionalProperties = new() { ["logit_bias"] = JsonDocument.Parse("""{"5":-1,"9":2.5}""").RootElement } }).Sampling!.LogitBias!);
        Assert.Equal(expected, Map(new() { AdditionalProperties = new() { ["logit_bias"] = JsonNode.Parse("""{"5":-1,"9":2.5}""") } }).Sampling!.LogitBias!);
    }

    [Fact]
    public void Map_RawOptions_WinAndTheRestIsFilledIn()
    {
        var raw = new GenerationOptions { Sampling = SamplingOptions.Greedy, Seed = 1 };
        var mapped = Map(new() { RawRepresentationFactory = _ => raw, Temperature = 1, Seed = 2, MaxOutputTokens = 3 });
        Assert.Equal(raw with { MaxOutputTokens = 3 }, mapped);

        Assert.Equal(SamplingOptions.Greedy, Map(new() { RawRepresentationFactory = _ => SamplingOptions.Greedy, Temperature = 1 }).Sampling);
    }

    [Fact]
    public void Map_ForeignRawOptions_AreIgnoredWithAnEvent()
    {
        Assert.Equal(new() { Sampling = Defaults }, Map(new() { RawRepresentationFactory = _ => "another provider's" }));
        Assert.Equal(2020, _log.LatestRecord.Id.Id);
    }

    [Theory]
    [InlineData("Temperature", -0.1f)]
    [InlineData("Temperature", float.NaN)]
    [InlineData("TopP", 1.1f)]
    [InlineData("TopK", -1f)]
    [InlineData("MaxOutputTokens", 0f)]
    [InlineData("FrequencyPenalty", float.PositiveInfinity)]
    [InlineData("MinP", 2f)]
    public void Map_ValueOutOfRange_IsNamed(string name, float value)
    {
        var options = new ChatOptions();
        switch (name)
        {
            case "Temperature": options.Temperature = value; break;
            case "TopP": options.TopP = value; break;
            case "TopK": options.TopK = (int)value; break;
            case "MaxOutputTokens": options.MaxOutputTokens = (int)value; break;
            case "FrequencyPenalty": options.FrequencyPenalty = value; break;
            default: options.WithMinP(value); break;
        }

        Assert.Throws<ArgumentOutOfRangeException>(name, () => Map(options));
    }

    [Fact]
    public void Map_WrongTypes_AreNamed()
    {
        Assert.Throws<ArgumentException>("min_p", () => Map(new() { AdditionalProperties = new() { ["min_p"] = "much" } }));
        Assert.Throws<ArgumentException>("penalty_window", () => Map(new() { AdditionalProperties = new() { ["penalty_window"] = 1.5 } }));
        Assert.Throws<ArgumentException>("logit_bias", () => Map(new() { AdditionalProperties = new() { ["logit_bias"] = 1 } }));
        Assert.Throws<ArgumentException>("StopSequences", () => Map(new() { StopSequences = [""] }));
        Assert.Throws<ArgumentException>("stop_tokens", () => Map(new() { AdditionalProperties = new() { ["stop_tokens"] = "5" } }));
        Assert.Throws<ArgumentException>("logprobs", () => Map(new() { AdditionalProperties = new() { ["logprobs"] = "yes" } }));
        Assert.Throws<ArgumentException>("prompt_cache_key", () => Map(new() { AdditionalProperties = new() { ["prompt_cache_key"] = 5 } }));
        Assert.Throws<ArgumentException>("context_overflow", () => Map(new() { AdditionalProperties = new() { ["context_overflow"] = "7" } }));
        Assert.Throws<ArgumentOutOfRangeException>("TopLogprobs", () => Map(new ChatOptions().WithLogprobs(21)));
        Assert.Throws<ArgumentOutOfRangeException>("TopLogprobs", () => Map(new ChatOptions().WithLogprobs(-1)));
    }

    [Fact]
    public void Map_AnotherModel_NamesTheKnownOne()
    {
        var error = Assert.Throws<InvalidOperationException>(() => Map(new() { ModelId = "other" }));
        Assert.Contains("'other'", error.Message, StringComparison.Ordinal);
        Assert.Contains("'m'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Map_WhatIsNotBuiltYet_IsRefused()
    {
        ChatOptions[] refused =
        [
            new() { ConversationId = "42" },
        ];
        Assert.All(refused, options => Assert.Throws<NotSupportedException>(() => Map(options)));
        Assert.All(refused, options => Assert.Equal(Defaults, Map(options, UnsupportedOptionPolicy.Log).Sampling));
        Assert.Equal(refused.Length, Events.Count(record => record == (2030, LogLevel.Warning)));

        Map(new() { Tools = [Tool] });
        Map(new() { Tools = [Tool], ToolMode = ChatToolMode.None });
        Map(new() { Reasoning = new() { Effort = ReasoningEffort.Low, Output = ReasoningOutput.None } });
        Map(new() { AdditionalProperties = new() { ["logprobs"] = false, ["top_logprobs"] = 0 } });
    }

    [Theory]
    [InlineData(UnsupportedOptionPolicy.Throw)]
    [InlineData(UnsupportedOptionPolicy.Log)]
    public void Map_WhatEveryClientMayPassOver_IsAnEvent(UnsupportedOptionPolicy policy)
    {
        Map(new() { Tools = [Tool, new HostedWebSearchTool()] }, policy);
        Map(new() { ContinuationToken = ResponseContinuationToken.FromBytes(new byte[1]) }, policy);
        Map(new() { AllowBackgroundResponses = true }, policy);

        Assert.Equal([(2031, LogLevel.Warning), (2032, LogLevel.Warning), (2033, LogLevel.Debug)], Events);
    }

    [Fact]
    public void Map_ForeignKeys_AreAWarningTheFirstTime()
    {
        var mapper = new RequestMapper("m", Defaults, new(UnsupportedOptionPolicy.Throw, _log), _log);
        for (var i = 0; i < 2; i++)
            mapper.Map(null!, new() { AdditionalProperties = new() { ["min-p"] = 0.1, ["num_ctx"] = 1, ["temperature"] = 1 } });

        Assert.Equal([(2022, LogLevel.Warning), (2022, LogLevel.Warning), (2022, LogLevel.Debug), (2022, LogLevel.Debug)], Events);
    }
}
