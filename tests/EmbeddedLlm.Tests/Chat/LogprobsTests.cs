using System.Text;
using System.Text.Json;
using EmbeddedLlm.Chat;
using EmbeddedLlm.Engine.Drafts;
using EmbeddedLlm.Sampling;
using EmbeddedLlm.Tests.Engine;
using Microsoft.Extensions.AI;
using Scripted = EmbeddedLlm.Testing.ScriptedModel;

namespace EmbeddedLlm.Tests.Chat;

/// <summary>Log probabilities of answers, over scripts whose logits are known.</summary>
public sealed class LogprobsTests
{
    private const string Prompt = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";

    private static readonly ChatMessage[] Hi = [new(ChatRole.User, "Hi")];

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    // Every second token of a text follows from the one before: it soon repeats itself, which drafts guess.
    private static void Repeating(ReadOnlySpan<int> tokens, Span<float> logits) => ScriptedRunner.Hashed(tokens[^1..], logits);

    // The logarithm of the softmax, in double precision.
    private static double Logprob(ScriptedRunner.Script script, IEnumerable<int> before, int token)
    {
        var logits = new float[ScriptedModel.Tokenizer.VocabularySize];
        script([.. before], logits);
        return logits[token] - Math.Log(logits.Sum(logit => Math.Exp(logit)));
    }

    private static void Check(ScriptedRunner.Script script, ChatResponse response, int top)
    {
        var logprobs = response.GetLogprobs();
        Assert.Equal(response.Usage!.OutputTokenCount, logprobs.Count);
        List<int> tokens = [.. ScriptedModel.Tokenizer.Encode(Prompt)];
        foreach (var logprob in logprobs)
        {
            Assert.Equal(Logprob(script, tokens, logprob.Token), logprob.Logprob, 1e-4);
            Assert.Equal(ScriptedModel.Tokenizer.GetBytes(logprob.Token).ToArray(), logprob.Bytes.ToArray());
            var best = Enumerable.Range(0, ScriptedModel.Tokenizer.VocabularySize).OrderByDescending(token => Logprob(script, tokens, token)).Take(top);
            Assert.Equal(best, logprob.Top.Select(other => other.Token));
            Assert.All(logprob.Top, other => Assert.Equal(Logprob(script, tokens, other.Token), other.Logprob, 1e-4));
            tokens.Add(logprob.Token);
        }
    }

    [Theory]
    [InlineData(0f, false)]
    [InlineData(0f, true)]
    [InlineData(1.5f, false)]
    [InlineData(1.5f, true)]
    public async Task GetResponseAsync_Logprobs_AreThoseOfTheModelWhateverChoseTheTokens(float temperature, bool drafts)
    {
        using var model = new ScriptedModel(Repeating, drafter: drafts ? () => new NGramDrafter() : null);
        var options = new ChatOptions { MaxOutputTokens = 60, Temperature = temperature, Seed = 7, PresencePenalty = temperature == 0 ? 0 : 0.1f }
            .WithLogitBias(new Dictionary<int, float> { [65] = 3, [66] = float.NegativeInfinity }).WithLogprobs(5);

        var response = await model.Client.GetResponseAsync(Hi, options, Test);

        Check(Repeating, response, top: 5);
        if (drafts && temperature == 0)
            Assert.True(response.Usage!.AdditionalCounts!["accepted_tokens"] > 10);
    }

    [Fact]
    public async Task GetStreamingResponseAsync_Logprobs_ComeWithTheirUpdatesAndOnceInAll()
    {
        using var model = new ScriptedModel(Repeating);
        var options = new ChatOptions { MaxOutputTokens = 40, Seed = 3 }.WithLogprobs(2);

        var updates = await model.Client.GetStreamingResponseAsync(Hi, options, Test).ToListAsync(Test);

        var response = updates.ToChatResponse();
        Check(Repeating, response, top: 2);
        Assert.Equal(response.GetLogprobs(), updates.SelectMany(update => update.GetLogprobs()));
        Assert.True(updates.Count(update => update.GetLogprobs().Count > 0) > 10);
        Assert.Equal(Tokens(await model.Client.GetResponseAsync(Hi, options, Test)), Tokens(response));

        static IEnumerable<int> Tokens(ChatResponse response) => response.GetLogprobs().Select(logprob => logprob.Token);
    }

    [Fact]
    public async Task GetResponseAsync_StopString_ReportsTheTokensThatTheUsageCounts()
    {
        using var model = ScriptedModel.Answering("Hello", "!EN", "Ding", " world");

        var response = await model.Client.GetResponseAsync(Hi, new ChatOptions { StopSequences = ["END"] }.WithLogprobs(), Test);

        Assert.Equal("Hello!", response.Text);
        Assert.Equal(["Hello", "!EN", "Ding"], response.GetLogprobs().Select(logprob => logprob.Text));
        Assert.All(response.GetLogprobs(), logprob => Assert.Equal(0, logprob.Logprob, 1e-6));
    }

    [Fact]
    public async Task GetResponseAsync_ReasoningAndCalls_AreReportedWhole()
    {
        const string Answer = "<think>Hm.</think>Let me see.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>";
        using var model = ScriptedModel.Answering(_ => ScriptedModel.Tokenizer.Encode(Answer, addSpecial: false, parseSpecial: true), contextLength: 1024, template: ToolTemplates.Hermes + "{#- The model reasons: <think></think> #}");
        var options = new ChatOptions { Tools = [AIFunctionFactory.Create(() => 1, "f")] }.WithLogprobs();

        var updates = await model.Client.GetStreamingResponseAsync(Hi, options, Test).ToListAsync(Test);

        var response = updates.ToChatResponse();
        Assert.Single(response.Messages[0].Contents.OfType<FunctionCallContent>());
        Assert.Equal(ScriptedModel.Tokenizer.Encode(Answer, addSpecial: false), response.GetLogprobs().Select(logprob => logprob.Token));
        Assert.Equal(Answer, string.Concat(response.GetLogprobs().Select(logprob => logprob.Text)));
        Assert.Equal(response.GetLogprobs(), updates.SelectMany(update => update.GetLogprobs()));
    }

    [Fact]
    public async Task GetResponseAsync_PartsOfACharacter_HaveTheirBytes()
    {
        using var model = ScriptedModel.Answering("a€");

        var logprobs = (await model.Client.GetResponseAsync(Hi, new ChatOptions().WithLogprobs(), Test)).GetLogprobs();

        Assert.Equal(["a", "\uFFFD", "\uFFFD", "\uFFFD"], logprobs.Select(logprob => logprob.Text));
        Assert.Equal("a€", Encoding.UTF8.GetString([.. logprobs.SelectMany(logprob => logprob.Bytes.ToArray())]));
    }

    [Fact]
    public async Task GetResponseAsync_Schema_HasAScoreForTokensWithoutAChoice()
    {
        const string Said = """{"name":"Ada"}""";
        using var scripted = new Scripted(Said);
        var options = new ChatOptions { ResponseFormat = ChatResponseFormat.ForJsonSchema(JsonElement.Parse("""{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}""")) }.WithLogprobs();

        var response = await scripted.Client.GetResponseAsync("go", options, Test);

        Assert.Equal(Said, response.Text);
        Assert.Equal(response.Usage!.OutputTokenCount, response.GetLogprobs().Count);
        Assert.Equal(Said, string.Concat(response.GetLogprobs().Select(logprob => logprob.Text)));
    }

    [Fact]
    public async Task GetResponseAsync_NotAskedFor_HasNone()
    {
        using var model = ScriptedModel.Answering("Hello");

        var response = await model.Client.GetResponseAsync(Hi, cancellationToken: Test);

        Assert.Empty(response.GetLogprobs());
        Assert.Null(response.Messages[0].AdditionalProperties);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task GetLogprobs_OfAResponseKeptAsJson_AreTheSame(bool streams)
    {
        using var model = new ScriptedModel(Repeating);
        var options = new ChatOptions { MaxOutputTokens = 8, Temperature = 0 }.WithLogprobs(1);
        var response = streams
            ? await model.Client.GetStreamingResponseAsync(Hi, options, Test).ToChatResponseAsync(Test)
            : await model.Client.GetResponseAsync(Hi, options, Test);

        var json = JsonSerializer.Serialize(response, AIJsonUtilities.DefaultOptions);
        var kept = JsonSerializer.Deserialize<ChatResponse>(json, AIJsonUtilities.DefaultOptions)!;

        Assert.Equal(8, kept.GetLogprobs().Count);
        Assert.Equal(response.GetLogprobs().Select(Flat), kept.GetLogprobs().Select(Flat));
        Assert.Equal(response.GetLogprobs().Select(Flat), kept.ToChatResponseUpdates().SelectMany(update => update.GetLogprobs()).Select(Flat));

        static string Flat(TokenLogprob logprob) => $"{logprob.Token} {logprob.Text} {Convert.ToHexString(logprob.Bytes.Span)} {logprob.Logprob} {string.Join(',', logprob.Top.Select(Flat))}";
    }

    [Fact]
    public async Task CompleteAsync_Logprobs_AreThoseOfTheTokens()
    {
        using var model = ScriptedModel.Answering("Hello", " world");

        var completion = await model.Model.CompleteAsync(Prompt, new() { TopLogprobs = 1 }, Test);

        Assert.Equal(["Hello", " world"], completion.Logprobs.Select(logprob => logprob.Text));
        Assert.Equal(["Hello", " world"], completion.Logprobs.Select(logprob => Assert.Single(logprob.Top).Text));
        Assert.Empty((await model.Model.CompleteAsync(Prompt, cancellationToken: Test)).Logprobs);
    }
}
