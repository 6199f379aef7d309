using System.Text.Json;
using Microsoft.Extensions.AI;
using Scripted = EmbeddedLlm.Testing.ScriptedModel;

namespace EmbeddedLlm.Tests.Chat.Contract;

/// <summary>Tools as the contract has them. The syntaxes of calls: <see cref="Syntax.ChatSyntaxesTests"/>; calls that are cut, and marks that are tokens: <see cref="ToolCallTests"/>.</summary>
public sealed class ToolContractTests
{
    private static readonly AIFunctionDeclaration Declared = AIFunctionFactory.CreateDeclaration("look", "Looks.", JsonElement.Parse("""{"type":"object","properties":{"where":{"type":"string"}}}"""));

    // Experimental kinds by their names alone.
    private static readonly string[] Unoffered =
        [nameof(HostedCodeInterpreterTool), nameof(HostedFileSearchTool), nameof(HostedImageGenerationTool), nameof(HostedMcpServerTool), "HostedToolSearchTool", nameof(HostedWebSearchTool)];

    private static readonly string[] Offered = [nameof(AIFunctionDeclaration), nameof(AIFunction), nameof(DelegatingAIFunction), nameof(ApprovalRequiredAIFunction)];

    public static TheoryData<bool> Ways => [false, true];

    public static MatrixTheoryData<string, bool> Kinds => new(
        [.. typeof(AITool).Assembly.GetExportedTypes().Where(type => type.IsSubclassOf(typeof(AITool))).Select(type => type.Name)], [false, true]);

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Kind_OfThePackage_IsOfferedIfItIsAFunction(string kind, bool streams)
    {
        Assert.True(Offered.Contains(kind) || Unoffered.Contains(kind), $"{kind} is new: offer it to the model or pass it over, say so in the guide, and add it here.");
        using var scripted = new Scripted("Fine.");
        AITool tool = kind switch
        {
            nameof(AIFunctionDeclaration) => Declared,
            nameof(AIFunction) or nameof(DelegatingAIFunction) => AIFunctionFactory.Create(() => 1, "look"),
            nameof(ApprovalRequiredAIFunction) => new ApprovalRequiredAIFunction(AIFunctionFactory.Create(() => 1, "look")),
            nameof(HostedMcpServerTool) => new HostedMcpServerTool("server", new Uri("https://example.org")),
            _ => (AITool)Activator.CreateInstance(typeof(AITool).Assembly.GetType($"{typeof(AITool).Namespace}.{kind}")!)!,
        };

        var response = await scripted.Client.AskAsync(streams, options: new() { Tools = [tool], ToolMode = ChatToolMode.Auto });

        Assert.Equal("Fine.", response.Text);
        Assert.Equal(Offered.Contains(kind), scripted.Prompts[0].Contains("tools", StringComparison.Ordinal));
        Assert.Equal(Offered.Contains(kind), scripted.Prompts[0].Contains("\"look\"", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Call_OfAFunction_IsGivenOutAndNeverMade(bool streams)
    {
        var made = 0;
        using var scripted = new Scripted("Let me look. " + Asking.Call("look", """{"where": "up", "far": null}"""));
        var function = AIFunctionFactory.Create((string where, int? far) => made++, "look");

        var response = await scripted.Client.AskAsync(streams, options: new() { Tools = [function] });

        var call = Assert.Single(response.All<FunctionCallContent>());
        Assert.Equal(("look", 0), (call.Name, made));
        Assert.Equal("up", Assert.IsType<JsonElement>(call.Arguments!["where"]).GetString());
        Assert.True(call.Arguments.TryGetValue("far", out var far) && far is null);
        Assert.False(call.InformationalOnly);
        Assert.Equal(("Let me look.", ChatFinishReason.ToolCalls), (response.Text, response.FinishReason));
    }

    [Fact]
    public async Task Calls_InAStream_ComeOnceAndWholeBehindTheText()
    {
        using var scripted = new Scripted("Let me look. " + Asking.Call("look", """{"where": "up"}""") + Asking.Call("look", """{"where": "down"}"""));

        var updates = await scripted.Client.StreamAsync(options: new() { Tools = [Declared] });

        var contents = updates.SelectMany(update => update.Contents).ToList();
        Assert.Equal(["up", "down"], contents.OfType<FunctionCallContent>().Select(call => call.Arguments!["where"]!.ToString()));
        Assert.True(contents.FindIndex(content => content is FunctionCallContent) > contents.FindLastIndex(content => content is TextContent));
        Assert.Single(updates.Select(update => update.MessageId).Distinct());
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Calls_OfManyRequests_HaveIdsOfTheirOwn(bool streams)
    {
        using var scripted = new Scripted(Asking.Call("look") + Asking.Call("look"));
        List<ChatMessage> history = [new(ChatRole.User, "Look!")];
        for (var i = 0; i < 3; i++)
        {
            history.AddMessages(await scripted.Client.AskAsync(streams, history, new() { Tools = [Declared] }));
            var open = history[^1].Contents.OfType<FunctionCallContent>().ToArray();
            history.Add(new(ChatRole.Tool, [.. open.Select(call => new FunctionResultContent(call.CallId, "nothing"))]));
        }

        var ids = history.SelectMany(message => message.Contents).OfType<FunctionCallContent>().Select(call => call.CallId).ToArray();
        Assert.Equal((6, 6), (ids.Length, ids.Distinct().Count()));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Call_WithAnIdOfTheModel_KeepsItUnlessItWasUsed(bool streams)
    {
        using var scripted = new Scripted(_ => "[TOOL_CALLS]look[CALL_ID]abcdefghi[ARGS]{}", new() { ChatTemplate = ToolTemplates.Mistral });
        List<ChatMessage> history = [new(ChatRole.User, "Look!")];

        var first = await scripted.Client.AskAsync(streams, history, new() { Tools = [Declared] });
        history.AddMessages(first);
        history.Add(new(ChatRole.Tool, [new FunctionResultContent("abcdefghi", "nothing")]));
        var second = await scripted.Client.AskAsync(streams, history, new() { Tools = [Declared] });

        Assert.Equal("abcdefghi", Assert.Single(first.All<FunctionCallContent>()).CallId);
        Assert.NotEqual("abcdefghi", Assert.Single(second.All<FunctionCallContent>()).CallId);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Results_InAnyOrder_BelongToTheCallsOfTheirIds(bool streams)
    {
        using var scripted = new Scripted(_ => "Done.", new() { ChatTemplate = ToolTemplates.Complete });

        await scripted.Client.AskAsync(
            streams,
            [
                new(ChatRole.User, "Well?"),
                new(ChatRole.Assistant, [new FunctionCallContent("a", "look"), new FunctionCallContent("b", "listen"), new FunctionCallContent("c", "smell")]),
                new(ChatRole.Tool, [new FunctionResultContent("c", null)]),
                new(ChatRole.Tool, [new FunctionResultContent("b", new[] { "wind", "\"rain\"" }), new FunctionResultContent("a", "\"sun\"")]),
            ],
            new() { Tools = [Declared] });

        Assert.EndsWith(
            "<|im_start|>tool smell\n<|im_end|>\n<|im_start|>tool listen\n[\"wind\",\"\\\"rain\\\"\"]<|im_end|>\n<|im_start|>tool look\n\"sun\"<|im_end|>\n<|im_start|>assistant\n",
            scripted.Prompts[0],
            StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task SchemaAndTools_Together_AllowEither(bool streams)
    {
        using var scripted = new Scripted(Asking.Call("look"), """{"seen":"stars"}""");
        var options = new ChatOptions { Tools = [Declared], ResponseFormat = ChatResponseFormat.ForJsonSchema<Sight>() };

        var call = await scripted.Client.AskAsync(streams, options: options);
        var text = await scripted.Client.AskAsync(streams, options: options);

        Assert.Equal(("look", ChatFinishReason.ToolCalls), (Assert.Single(call.All<FunctionCallContent>()).Name, call.FinishReason));
        Assert.Equal(("""{"seen":"stars"}""", ChatFinishReason.Stop), (text.Text, text.FinishReason));
    }

    private sealed record Sight(string Seen);
}
