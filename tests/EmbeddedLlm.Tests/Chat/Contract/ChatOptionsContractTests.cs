using System.Text.Json;
using EmbeddedLlm.Chat;
using EmbeddedLlm.Sampling;
using Microsoft.Extensions.AI;
using Scripted = EmbeddedLlm.Testing.ScriptedModel;

namespace EmbeddedLlm.Tests.Chat.Contract;

/// <summary>
/// Every member of <see cref="ChatOptions"/> is honoured, refused or passed over, as documented. The members are read from the package: one that a
/// later version brings fails here until somebody decides what becomes of it. Values, ranges and events: <see cref="RequestMapperTests"/>.
/// </summary>
public sealed class ChatOptionsContractTests
{
    private const string Said = "One, two, three.";

    private static readonly AITool Look = AIFunctionFactory.CreateDeclaration("look", "Looks.", JsonElement.Parse("""{"type":"object","properties":{}}"""));

    private static readonly Dictionary<string, Func<bool, Task>> Decisions = new()
    {
        [nameof(ChatOptions.AdditionalProperties)] = AdditionalPropertiesAreHonoured,
        [nameof(ChatOptions.AllowBackgroundResponses)] = streams => IsPassedOver(streams, new() { AllowBackgroundResponses = true }),
        [nameof(ChatOptions.AllowMultipleToolCalls)] = AllowMultipleToolCallsIsHonoured,
        [nameof(ChatOptions.ContinuationToken)] = streams => IsPassedOver(streams, new() { ContinuationToken = ResponseContinuationToken.FromBytes(new byte[] { 1 }) }),
        [nameof(ChatOptions.ConversationId)] = ConversationIdIsHonouredWhereHistoryIsKept,
        [nameof(ChatOptions.FrequencyPenalty)] = async streams => Assert.NotEqual(await Greedy(streams), await Babble(streams, new() { Temperature = 0, FrequencyPenalty = 2 })),
        [nameof(ChatOptions.Instructions)] = InstructionsAreTheFirstSystemMessage,
        [nameof(ChatOptions.MaxOutputTokens)] = MaxOutputTokensIsHonoured,
        [nameof(ChatOptions.ModelId)] = ModelIdIsCompared,
        [nameof(ChatOptions.PresencePenalty)] = async streams => Assert.NotEqual(await Greedy(streams), await Babble(streams, new() { Temperature = 0, PresencePenalty = 2 })),
        [nameof(ChatOptions.RawRepresentationFactory)] = RawRepresentationFactoryWins,
        [nameof(ChatOptions.Reasoning)] = ReasoningIsHonoured,
        [nameof(ChatOptions.ResponseFormat)] = ResponseFormatIsHonoured,
        [nameof(ChatOptions.Seed)] = SeedIsHonoured,
        [nameof(ChatOptions.StopSequences)] = StopSequencesAreHonoured,
        [nameof(ChatOptions.Temperature)] = async streams => Assert.NotEqual(await Greedy(streams), await Babble(streams, new() { Temperature = 2, Seed = 1 })),
        [nameof(ChatOptions.ToolMode)] = ToolModeIsHonoured,
        [nameof(ChatOptions.Tools)] = ToolsAreOffered,
        [nameof(ChatOptions.TopK)] = async streams => Assert.Equal(await Greedy(streams), await Babble(streams, new() { Temperature = 2, Seed = 1, TopK = 1 })),
        [nameof(ChatOptions.TopP)] = async streams => Assert.Equal(await Greedy(streams), await Babble(streams, new() { Temperature = 2, Seed = 1, TopP = 0.0001f })),
    };

    public static MatrixTheoryData<string, bool> Members => new([.. typeof(ChatOptions).GetProperties().Select(property => property.Name)], [false, true]);

    [Theory]
    [MemberData(nameof(Members))]
    public async Task Member_OfThePackage_IsDecidedUpon(string member, bool streams)
    {
        Assert.True(Decisions.TryGetValue(member, out var decision), $"ChatOptions.{member} is new: honour it, refuse it or pass it over, say so in the guide, and add a case here.");
        await decision(streams);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Options_OfTheCaller_AreLeftAsTheyWere(bool streams)
    {
        using var scripted = new Scripted(Said);
        var options = new ChatOptions
        {
            Instructions = "Be brief.",
            Tools = [Look],
            StopSequences = ["four"],
            Reasoning = new() { Effort = ReasoningEffort.None },
            ResponseFormat = ChatResponseFormat.Text,
            AdditionalProperties = new() { ["min_p"] = 0.5 },
        };
        List<ChatMessage> messages = [new(ChatRole.System, "Be kind."), new(ChatRole.User, "Count!")];
        var before = Json(options) + Json(messages);

        await scripted.Client.AskAsync(streams, messages, options);

        Assert.Equal(before, Json(options) + Json(messages));
        Assert.Same(Look, Assert.Single(options.Tools));
    }

    private static async Task AdditionalPropertiesAreHonoured(bool streams) => Assert.Equal(
        await Greedy(streams),
        await Babble(streams, new() { Temperature = 2, Seed = 1, AdditionalProperties = new() { ["min_p"] = 1, ["for_another_client"] = "x" } }));

    private static async Task AllowMultipleToolCallsIsHonoured(bool streams)
    {
        using var scripted = new Scripted(Asking.Call("look") + Asking.Call("look"));

        var many = await scripted.Client.AskAsync(streams, options: new() { Tools = [Look] });
        var one = await scripted.Client.AskAsync(streams, options: new() { Tools = [Look], AllowMultipleToolCalls = false });
        var text = await scripted.Client.AskAsync(streams, options: new() { AllowMultipleToolCalls = false });

        Assert.Equal((2, 1, 0), (many.All<FunctionCallContent>().Length, one.All<FunctionCallContent>().Length, text.All<FunctionCallContent>().Length));
    }

    // In full: ConversationTests.
    private static async Task ConversationIdIsHonouredWhereHistoryIsKept(bool streams)
    {
        using var stateless = new Scripted(Said);
        using var keeping = new Scripted(_ => Said, new() { Conversations = new() });
        var id = keeping.Model.Conversations!.Create([new(ChatRole.System, "Be brief.")]);

        var refused = await Assert.ThrowsAsync<NotSupportedException>(() => stateless.Client.AskAsync(streams, options: new() { ConversationId = id }));
        var first = await keeping.Client.AskAsync(streams, "One.", new() { ConversationId = id });
        var second = await keeping.Client.AskAsync(streams, "Two.", new() { ConversationId = id });

        Assert.Contains("ConversationId", refused.Message, StringComparison.Ordinal);
        Assert.Equal((id, id), (first.ConversationId, second.ConversationId));
        Assert.Contains("One.", keeping.Prompts[1], StringComparison.Ordinal);
    }

    private static async Task InstructionsAreTheFirstSystemMessage(bool streams)
    {
        using var scripted = new Scripted(Said);

        await scripted.Client.AskAsync(streams, options: new() { Instructions = "Be brief." });

        Assert.StartsWith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi", scripted.Prompts[0], StringComparison.Ordinal);
    }

    private static async Task MaxOutputTokensIsHonoured(bool streams)
    {
        using var scripted = new Scripted(Said);

        var response = await scripted.Client.AskAsync(streams, options: new() { MaxOutputTokens = 3 });

        Assert.Equal((ChatFinishReason.Length, 3L), (response.FinishReason, response.Usage!.OutputTokenCount));
    }

    private static async Task ModelIdIsCompared(bool streams)
    {
        using var scripted = new Scripted(Said);

        Assert.Equal(Said, (await scripted.Client.AskAsync(streams, options: new() { ModelId = "scripted" })).Text);
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => scripted.Client.AskAsync(streams, options: new() { ModelId = "another" }));
        Assert.Contains("'another'", refused.Message, StringComparison.Ordinal);
    }

    private static async Task RawRepresentationFactoryWins(bool streams)
    {
        using var scripted = new Scripted(Said);
        var client = scripted.Client;
        List<IChatClient> asked = [];
        var options = new ChatOptions
        {
            MaxOutputTokens = 2,
            StopSequences = [", three"],
            RawRepresentationFactory = by =>
            {
                asked.Add(by);
                return new GenerationOptions { MaxOutputTokens = 1000 };
            },
        };

        var first = await client.AskAsync(streams, options: options);
        await client.AskAsync(streams, options: options);

        Assert.Equal(("One, two", ChatFinishReason.Stop), (first.Text, first.FinishReason)); // the factory's budget, the options' stop
        Assert.Equal([client, client], asked);
        Assert.Equal(await Greedy(streams), await Babble(streams, new() { Temperature = 2, Seed = 1, RawRepresentationFactory = _ => SamplingOptions.Greedy }));
        await IsPassedOver(streams, new() { RawRepresentationFactory = _ => "another client's options" });
    }

    // In full: ReasoningTests.
    private static async Task ReasoningIsHonoured(bool streams)
    {
        foreach (var effort in Enum.GetValues<ReasoningEffort>())
        {
            foreach (var output in Enum.GetValues<ReasoningOutput>())
            {
                using var scripted = new Scripted(_ => effort == ReasoningEffort.None ? "Four." : "<think>Two and two.</think>\n\nFour.", new() { ChatTemplate = ToolTemplates.Switched });

                var response = await scripted.Client.AskAsync(streams, options: new() { Reasoning = new() { Effort = effort, Output = output } });

                Assert.Equal("Four.", response.Text);
                Assert.Equal(effort != ReasoningEffort.None, response.Usage!.ReasoningTokenCount > 0);
                Assert.Equal(effort != ReasoningEffort.None && output != ReasoningOutput.None, response.All<TextReasoningContent>().Length == 1);
            }
        }
    }

    // In full: ResponseFormatContractTests.
    private static async Task ResponseFormatIsHonoured(bool streams)
    {
        using var scripted = new Scripted(Said);

        var response = await scripted.Client.AskAsync(streams, options: new() { ResponseFormat = ChatResponseFormat.Json });

        Assert.True(JsonElement.Parse(response.Text).ValueKind is JsonValueKind.Object or JsonValueKind.Array);
    }

    private static async Task SeedIsHonoured(bool streams)
    {
        var first = await Babble(streams, new() { Temperature = 2, Seed = 1 });

        Assert.Equal(first, await Babble(streams, new() { Temperature = 2, Seed = 1 }));
        Assert.NotEqual(first, await Babble(streams, new() { Temperature = 2, Seed = 2 }));
    }

    private static async Task StopSequencesAreHonoured(bool streams)
    {
        using var scripted = new Scripted(Said);

        var response = await scripted.Client.AskAsync(streams, options: new() { StopSequences = ["nine", ", two"] });

        Assert.Equal(("One", ChatFinishReason.Stop), (response.Text, response.FinishReason));
    }

    // In full: ToolModeContractTests.
    private static async Task ToolModeIsHonoured(bool streams)
    {
        using var scripted = new Scripted(Said);

        var response = await scripted.Client.AskAsync(streams, options: new() { Tools = [Look], ToolMode = ChatToolMode.RequireAny });

        Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);
    }

    // In full: ToolContractTests.
    private static async Task ToolsAreOffered(bool streams)
    {
        using var scripted = new Scripted(Asking.Call("look"));

        var response = await scripted.Client.AskAsync(streams, options: new() { Tools = [Look] });

        Assert.Contains("\"look\"", scripted.Prompts[0], StringComparison.Ordinal);
        Assert.Equal("look", Assert.Single(response.All<FunctionCallContent>()).Name);
    }

    private static async Task IsPassedOver(bool streams, ChatOptions options)
    {
        using var scripted = new Scripted(Said);

        var response = await scripted.Client.AskAsync(streams, options: options);

        Assert.Equal((Said, ChatFinishReason.Stop), (response.Text, response.FinishReason));
        Assert.Null(response.ContinuationToken);
    }

    private static Task<string> Greedy(bool streams) => Babble(streams, new() { Temperature = 0 });

    // Of a real model: a script leaves sampling no choice.
    private static async Task<string> Babble(bool streams, ChatOptions options)
    {
        using var model = LlmModel.Load(Golden.TinyModel, new() { Threads = 1 });
        options.MaxOutputTokens = 24;
        return (await model.AsIChatClient().AskAsync(streams, "The old man", options)).Text;
    }

    private static string Json<T>(T value) => JsonSerializer.Serialize(value, AIJsonUtilities.DefaultOptions);
}
