using Microsoft.Extensions.AI;
using Scripted = EmbeddedLlm.Testing.ScriptedModel;

namespace EmbeddedLlm.Tests.Chat.Contract;

/// <summary>
/// Every <see cref="ChatToolMode"/> holds, whether the model would rather talk or call. A mode that a later version of the package brings fails here
/// until somebody decides what it means. Arguments and their schemas: <see cref="EnforcementTests"/>.
/// </summary>
public sealed class ToolModeContractTests
{
    private static readonly AITool[] Tools = [AIFunctionFactory.Create(() => "here", "look"), AIFunctionFactory.Create(() => "there", "listen")];

    private static readonly Dictionary<string, ChatToolMode?[]> Modes = new()
    {
        [nameof(AutoChatToolMode)] = [null, ChatToolMode.Auto],
        [nameof(NoneChatToolMode)] = [ChatToolMode.None],
        [nameof(RequiredChatToolMode)] = [ChatToolMode.RequireAny, ChatToolMode.RequireSpecific("listen")],
    };

    public static MatrixTheoryData<string, bool> Kinds => new(
        [.. typeof(ChatToolMode).Assembly.GetExportedTypes().Where(type => type.IsSubclassOf(typeof(ChatToolMode))).Select(type => type.Name)], [false, true]);

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Mode_OfThePackage_Holds(string kind, bool streams)
    {
        Assert.True(Modes.TryGetValue(kind, out var modes), $"{kind} is new: decide what it means, say so in the guide, and add a case here.");
        foreach (var mode in modes)
        {
            using var talking = new Scripted("I would rather talk.");
            using var calling = new Scripted(Asking.Call("look"));
            var options = new ChatOptions { Tools = Tools, ToolMode = mode };

            var talk = await talking.Client.AskAsync(streams, options: options);
            var call = await calling.Client.AskAsync(streams, options: options);

            Assert.Equal(mode is RequiredChatToolMode, talk.All<FunctionCallContent>().Length > 0);
            Assert.Equal(mode is not NoneChatToolMode, call.All<FunctionCallContent>().Length > 0);
            Assert.Equal(mode is not NoneChatToolMode, calling.Prompts[0].Contains("\"look\"", StringComparison.Ordinal));
            Assert.All(
                talk.All<FunctionCallContent>().Concat(call.All<FunctionCallContent>()),
                content => Assert.Contains(content.Name, mode is RequiredChatToolMode { RequiredFunctionName: { } name } ? [name] : (string[])["look", "listen"]));
            Assert.Equal(mode is RequiredChatToolMode ? ChatFinishReason.ToolCalls : ChatFinishReason.Stop, talk.FinishReason);
            Assert.Equal(mode is NoneChatToolMode ? ChatFinishReason.Stop : ChatFinishReason.ToolCalls, call.FinishReason);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Mode_WithoutTools_IsPassedOver(string kind, bool streams)
    {
        foreach (var mode in Modes[kind])
        {
            using var scripted = new Scripted("Talk.");

            var response = await scripted.Client.AskAsync(streams, options: new() { ToolMode = mode });

            Assert.Equal(("Talk.", ChatFinishReason.Stop), (response.Text, response.FinishReason));
        }
    }
}
