using EmbeddedLlm.Tokenization;
using Microsoft.Extensions.AI;
using Scripted = EmbeddedLlm.Testing.ScriptedModel;

namespace EmbeddedLlm.Tests.Chat.Contract;

/// <summary>What <see cref="IChatClient.GetService"/> gives, from the client itself and through middleware around it.</summary>
public sealed class GetServiceContractTests
{
    public static TheoryData<bool> Ways => [false, true];

    [Theory]
    [MemberData(nameof(Ways))]
    public void GetService_WithoutKey_GivesMetadataClientAndModel(bool isWrapped)
    {
        using var scripted = new Scripted("Hello");
        var (inner, client) = Clients(scripted, isWrapped);

        var metadata = client.GetService<ChatClientMetadata>()!;
        Assert.Equal(("embeddedllm", "scripted", null), (metadata.ProviderName, metadata.DefaultModelId, metadata.ProviderUri)); // there is no server
        Assert.Same(client, client.GetService<IChatClient>());
        Assert.Same(inner, client.GetService(inner.GetType()));
        Assert.Same(scripted.Model, client.GetService<LlmModel>());
        Assert.Same(scripted.Model.Tokenizer, client.GetService<Tokenizer>());
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void GetService_OfAKeyOrAnUnknownType_GivesNothing(bool isWrapped)
    {
        using var scripted = new Scripted("Hello");
        var client = Clients(scripted, isWrapped).Client;

        foreach (var type in new[] { typeof(ChatClientMetadata), typeof(IChatClient), typeof(LlmModel), typeof(object) })
            Assert.Null(client.GetService(type, "key"));
        foreach (var type in new[] { typeof(string), typeof(int), typeof(IDisposable[]), typeof(List<>), typeof(IEmbeddingGenerator) })
            Assert.Null(client.GetService(type));
        Assert.Throws<ArgumentNullException>("serviceType", () => client.GetService(null!));
    }

    private static (IChatClient Inner, IChatClient Client) Clients(Scripted scripted, bool isWrapped)
    {
        var inner = scripted.Client;
        return (inner, isWrapped ? inner.AsBuilder().UseFunctionInvocation().UseOpenTelemetry().Build() : inner);
    }
}
