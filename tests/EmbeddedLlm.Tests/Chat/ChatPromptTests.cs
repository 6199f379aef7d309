using EmbeddedLlm.Chat;
using EmbeddedLlm.Chat.Templates;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Tokenization;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace EmbeddedLlm.Tests.Chat;

public sealed class ChatPromptTests
{
    private static readonly ChatMessage[] Hi = [new(ChatRole.User, "Hi")];

    private static int[] Tokens(Tokenizer tokenizer, string template, TimeProvider? time = null) =>
        new ChatPrompt("m", ChatTemplate.Create(template, "<s>", "</s>", false), tokenizer, time ?? TimeProvider.System, NullLogger.Instance).Write(Hi, null, ToolOffer.None, null, "", TestContext.Current.CancellationToken).Tokens;

    /// <summary>A SentencePiece tokenizer that wants a begin token.</summary>
    private static Tokenizer Spm()
    {
        using var file = GgufFile.Open(Golden.Repo("models", "llama", "model.gguf"));
        return Tokenizer.FromGguf(file.Metadata);
    }

    [Theory]
    [InlineData("{{ bos_token }}{{ messages[0].content }}")]
    [InlineData("{{ messages[0].content }}")]
    public void Tokens_BeginToken_StandsThereOnce(string template)
    {
        var tokenizer = Spm();
        Assert.True(tokenizer.AddsBos);

        var tokens = Tokens(tokenizer, template);

        Assert.Equal(tokenizer.BosId, tokens[0]);
        Assert.Single(tokens, token => token == tokenizer.BosId);
        Assert.Equal("Hi", tokenizer.Decode(tokens, removeSpecial: true).Trim());
    }

    [Fact]
    public void Tokens_ModelWithoutBeginToken_GetsNone() =>
        Assert.Equal(ScriptedModel.Tokenizer.Encode("Hi", addSpecial: false), Tokens(ScriptedModel.Tokenizer, "{{ messages[0].content }}"));

    [Fact]
    public void Tokens_SpecialTokensOfTheTemplate_AreTokens()
    {
        var tokens = Tokens(ScriptedModel.Tokenizer, "<|im_start|>{{ messages[0].role }}<|im_end|>");

        Assert.Equal(1 + "user".Length + 1, tokens.Length);
    }

    [Fact]
    public void Tokens_TemplateAsksForTheDate_GetsTheClock()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 1, 2, 0, 0, 0, TimeSpan.Zero));

        Assert.Equal("2026-01-02", ScriptedModel.Tokenizer.Decode(Tokens(ScriptedModel.Tokenizer, "{{ strftime_now('%Y-%m-%d') }}", time)));
    }

    [Fact]
    public void Tokens_TemplateRefuses_ThrowsItsWords()
    {
        var error = Assert.ThrowsAny<LlmException>(() => Tokens(ScriptedModel.Tokenizer, "{{ raise_exception('only assistants, please') }}"));

        Assert.Contains("only assistants, please", error.Message, StringComparison.Ordinal);
    }
}
