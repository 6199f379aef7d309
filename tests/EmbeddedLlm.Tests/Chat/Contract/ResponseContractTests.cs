using Microsoft.Extensions.AI;
using Scripted = EmbeddedLlm.Testing.ScriptedModel;

namespace EmbeddedLlm.Tests.Chat.Contract;

/// <summary>
/// Every member of a response, of its updates and of its usage has a value or, on purpose, none. The members are read from the package: one that a later
/// version brings fails here until somebody decides.
/// </summary>
public sealed class ResponseContractTests
{
    private static readonly ChatOptions Look = new() { Tools = [AIFunctionFactory.Create(() => 1, "look")] };

    private static readonly Dictionary<string, Action<ChatResponse>> OfResponse = new()
    {
        [nameof(ChatResponse.AdditionalProperties)] = response => Assert.Null(response.AdditionalProperties),
        [nameof(ChatResponse.ContinuationToken)] = response => Assert.Null(response.ContinuationToken), // nothing is made in the background
        [nameof(ChatResponse.ConversationId)] = response => Assert.Null(response.ConversationId), // no history is kept unless asked for
        [nameof(ChatResponse.CreatedAt)] = response => Assert.InRange(response.CreatedAt!.Value, DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow),
        [nameof(ChatResponse.FinishReason)] = response => Assert.Equal(ChatFinishReason.Stop, response.FinishReason),
        [nameof(ChatResponse.Messages)] = response => Assert.Equal((ChatRole.Assistant, null), (Assert.Single(response.Messages).Role, response.Messages[0].AuthorName)),
        [nameof(ChatResponse.ModelId)] = response => Assert.Equal("scripted", response.ModelId),
        [nameof(ChatResponse.RawRepresentation)] = response => Assert.Null(response.RawRepresentation),
        [nameof(ChatResponse.ResponseId)] = response => Assert.NotEmpty(response.ResponseId!),
        [nameof(ChatResponse.Text)] = response => Assert.Equal("The whole answer.", response.Text),
        [nameof(ChatResponse.Usage)] = response => Assert.NotNull(response.Usage),
    };

    private static readonly Dictionary<string, Action<List<ChatResponseUpdate>>> OfUpdates = new()
    {
        [nameof(ChatResponseUpdate.AdditionalProperties)] = updates => Assert.All(updates, update => Assert.Null(update.AdditionalProperties)),
        [nameof(ChatResponseUpdate.AuthorName)] = updates => Assert.All(updates, update => Assert.Null(update.AuthorName)),
        [nameof(ChatResponseUpdate.Contents)] = updates => Assert.All(updates, update => Assert.Single(update.Contents)),
        [nameof(ChatResponseUpdate.ContinuationToken)] = updates => Assert.All(updates, update => Assert.Null(update.ContinuationToken)),
        [nameof(ChatResponseUpdate.ConversationId)] = updates => Assert.All(updates, update => Assert.Null(update.ConversationId)),
        [nameof(ChatResponseUpdate.CreatedAt)] = updates => Assert.NotNull(Assert.Single(updates.Select(update => update.CreatedAt).Distinct())),
        [nameof(ChatResponseUpdate.FinishReason)] = updates => Assert.Equal(updates.Count - 1, updates.FindIndex(update => update.FinishReason is not null)),
        [nameof(ChatResponseUpdate.MessageId)] = updates => Assert.NotEmpty(Assert.Single(updates.Select(update => update.MessageId).Distinct())!),
        [nameof(ChatResponseUpdate.ModelId)] = updates => Assert.All(updates, update => Assert.Equal("scripted", update.ModelId)),
        [nameof(ChatResponseUpdate.RawRepresentation)] = updates => Assert.All(updates, update => Assert.Null(update.RawRepresentation)),
        [nameof(ChatResponseUpdate.ResponseId)] = updates => Assert.NotEmpty(Assert.Single(updates.Select(update => update.ResponseId).Distinct())!),
        [nameof(ChatResponseUpdate.Role)] = updates => Assert.All(updates, update => Assert.Equal(ChatRole.Assistant, update.Role)),
        [nameof(ChatResponseUpdate.Text)] = updates => Assert.Equal("The whole answer.", string.Concat(updates.Select(update => update.Text))),
    };

    private static readonly Dictionary<string, Action<UsageDetails>> OfUsage = new()
    {
        [nameof(UsageDetails.AdditionalCounts)] = usage => Assert.Null(usage.AdditionalCounts), // of guessed tokens, where any are
        [nameof(UsageDetails.CachedInputTokenCount)] = usage => Assert.InRange(usage.CachedInputTokenCount!.Value, 0, usage.InputTokenCount!.Value),
        [nameof(UsageDetails.InputTokenCount)] = usage => Assert.True(usage.InputTokenCount > 1),
        [nameof(UsageDetails.OutputTokenCount)] = usage => Assert.True(usage.OutputTokenCount > 1),
        [nameof(UsageDetails.ReasoningTokenCount)] = usage => Assert.InRange(usage.ReasoningTokenCount!.Value, 0, usage.OutputTokenCount!.Value),
        [nameof(UsageDetails.TotalTokenCount)] = usage => Assert.Equal(usage.InputTokenCount + usage.OutputTokenCount, usage.TotalTokenCount),
    };

    // Experimental, and of models that hear and speak.
    private static readonly string[] Unset = ["InputAudioTokenCount", "InputTextTokenCount", "OutputAudioTokenCount", "OutputTextTokenCount"];

    public static TheoryData<bool> Ways => [false, true];

    public static MatrixTheoryData<string, bool> ResponseMembers => new(Names(typeof(ChatResponse)), [false, true]);

    public static TheoryData<string> UpdateMembers => [.. Names(typeof(ChatResponseUpdate))];

    public static MatrixTheoryData<string, bool> UsageMembers => new(Names(typeof(UsageDetails)), [false, true]);

    [Theory]
    [MemberData(nameof(ResponseMembers))]
    public async Task Member_OfAResponse_HasItsValue(string member, bool streams)
    {
        Assert.True(OfResponse.TryGetValue(member, out var check), $"ChatResponse.{member} is new: give it a value or none, and say so here.");
        using var scripted = new Scripted("The whole answer.");

        check(await scripted.Client.AskAsync(streams));
    }

    [Theory]
    [MemberData(nameof(UpdateMembers))]
    public async Task Member_OfUpdates_HasItsValue(string member)
    {
        Assert.True(OfUpdates.TryGetValue(member, out var check), $"ChatResponseUpdate.{member} is new: give it a value or none, and say so here.");
        using var scripted = new Scripted("The whole answer.");

        var updates = await scripted.Client.StreamAsync();

        Assert.True(updates.Count > 2);
        check(updates);
    }

    [Theory]
    [MemberData(nameof(UsageMembers))]
    public async Task Member_OfUsage_HasItsValue(string member, bool streams)
    {
        using var scripted = new Scripted("The whole answer.");
        var usage = (await scripted.Client.AskAsync(streams)).Usage!;
        if (Unset.Contains(member))
        {
            Assert.Null(typeof(UsageDetails).GetProperty(member)!.GetValue(usage));
            return;
        }

        Assert.True(OfUsage.TryGetValue(member, out var check), $"UsageDetails.{member} is new: count it or leave it, and say so here.");
        check(usage);
    }

    [Fact]
    public async Task Usage_OfAStream_ComesOnceInTheLastUpdate()
    {
        using var scripted = new Scripted("<think>Hm.</think>\n\nLet me look. " + Asking.Call("look"), "");
        foreach (var options in new[] { Look, new() })
        {
            var updates = await scripted.Client.StreamAsync(options: options);

            Assert.Single(updates.SelectMany(update => update.Contents).OfType<UsageContent>());
            Assert.IsType<UsageContent>(Assert.Single(updates[^1].Contents));
            Assert.NotNull(updates[^1].FinishReason);
        }
    }

    [Fact]
    public async Task Ids_OfEachResponse_AreItsOwn()
    {
        using var scripted = new Scripted("The same.");
        List<ChatResponse> responses = [];
        for (var i = 0; i < 4; i++)
            responses.Add(await scripted.Client.AskAsync(streams: i % 2 == 0));

        Assert.Equal(4, responses.Select(response => response.ResponseId).Distinct().Count());
        Assert.Equal(4, responses.Select(response => response.Messages[0].MessageId).Distinct().Count());
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Contents_OfOneMessage_AreJoinedByKindAndInOrder(bool streams)
    {
        using var scripted = new Scripted(_ => "<think>What do I see?</think>\n\nLet me look. " + Asking.Call("look"), new() { ChatTemplate = ToolTemplates.Switched });

        var response = await scripted.Client.AskAsync(streams, options: Look);

        var message = Assert.Single(response.Messages);
        Assert.Equal([typeof(TextReasoningContent), typeof(TextContent), typeof(FunctionCallContent)], message.Contents.Select(content => content.GetType()));
        Assert.Equal("What do I see?", Assert.IsType<TextReasoningContent>(message.Contents[0]).Text);
        Assert.Null(Assert.IsType<TextReasoningContent>(message.Contents[0]).ProtectedData);
        Assert.Equal("Let me look.", response.Text);
    }

    [Fact]
    public async Task Response_OnceMoreAsUpdates_IsTheSame()
    {
        using var scripted = new Scripted("The whole answer.");
        var response = await scripted.Client.AskAsync(streams: false);

        var again = response.ToChatResponseUpdates().ToChatResponse();

        Assert.Equal((response.Text, response.ResponseId, response.FinishReason, response.ModelId), (again.Text, again.ResponseId, again.FinishReason, again.ModelId));
        Assert.Equal((response.Messages[0].MessageId, response.Usage!.TotalTokenCount), (again.Messages[0].MessageId, again.Usage!.TotalTokenCount));
    }

    private static string[] Names(Type type) => [.. type.GetProperties().Select(property => property.Name)];
}
