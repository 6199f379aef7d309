using System.Text.Json;
using EmbeddedLlm.Chat.Syntax;

namespace EmbeddedLlm.Tests.Chat.Syntax;

/// <summary>The 285 answers of golden/chat-parse.</summary>
public sealed class AnswerGoldenTests
{
    private const string Raw = "asks that reasoning stays in the text; here it is always told apart";
    private const string Fence = "has a schema and a code fence or line end around the JSON; a schema's grammar lets the model write neither";

    private const string NotOffered = "drops a call although no tools were offered; here it is reported, as one that cannot be made";

    /// <summary>The cases that come out otherwise, and why.</summary>
    private static readonly Dictionary<int, string> Exceptions = new()
    {
        [1] = Raw,
        [12] = "begins reasoning again that the prompt has begun; the second mark is no part of the thought",
        [22] = Raw,
        [26] = Fence,
        [36] = Raw,
        [48] = Raw,
        [106] = "keeps a line end of the text as one of the reasoning",
        [134] = Raw,
        [258] = Fence,
        [259] = Fence,
        [269] = Raw,
        [276] = NotOffered,
        [277] = NotOffered,
    };

    public static TheoryData<int> Cases => [.. GoldenAnswer.All.Select(answer => answer.Number)];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases), DisableDiscoveryEnumeration = true)]
    public void Parse_GoldenAnswer_BecomesItsMessage(int number)
    {
        var answer = GoldenAnswer.All[number];
        var differences = Differences(answer).ToArray();
        if (Exceptions.TryGetValue(number, out var reason))
            Assert.True(differences.Length > 0, $"Case {number} is no exception any more: it {reason}.");
        else
            Assert.True(differences.Length == 0, $"{number} {answer.Template} as {answer.Syntax.Name}\n  {answer.Answer}\n  {string.Join("\n  ", differences)}");
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases), DisableDiscoveryEnumeration = true)]
    public void Parse_AnswerInPieces_IsTheSame(int number)
    {
        var answer = GoldenAnswer.All[number];
        var random = new Random(number);
        foreach (var text in new[] { answer.Answer, answer.Answer[..random.Next(answer.Answer.Length)], answer.Answer[..random.Next(answer.Answer.Length)] })
        {
            var whole = answer.Parse([text]);
            AssertSame(whole, answer.Parse(text.Select(c => c.ToString())));
            AssertSame(whole, answer.Parse(Pieces(text, random)));
            AssertSame(whole, answer.Parse(Pieces(text, random)));
        }
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases), DisableDiscoveryEnumeration = true)]
    public void Parse_DamagedAnswer_GivesPartsAndNoFailure(int number)
    {
        var answer = GoldenAnswer.All[number];
        var random = new Random(number);
        for (var round = 0; round < 20; round++)
        {
            var at = random.Next(answer.Answer.Length);
            var damaged = answer.Answer[..at] + answer.Answer[Math.Min(answer.Answer.Length, at + random.Next(5))..];
            var whole = answer.Parse([damaged]);
            Assert.All(whole.Calls, call => Assert.True(call.Problem is not null || IsObject(call.Arguments)));
            AssertSame(whole, answer.Parse(Pieces(damaged, random)));
        }
    }

    private static bool IsObject(string json) => JsonDocument.Parse(json).RootElement.ValueKind == JsonValueKind.Object;

    private static void AssertSame((string Text, string Reasoning, ToolCall[] Calls) expected, (string Text, string Reasoning, ToolCall[] Calls) actual)
    {
        Assert.Equal((expected.Text, expected.Reasoning), (actual.Text, actual.Reasoning));
        Assert.Equal(expected.Calls, actual.Calls);
    }

    private static IEnumerable<string> Pieces(string text, Random random)
    {
        for (var (at, length) = (0, 0); at < text.Length; at += length)
        {
            length = Math.Min(random.Next(1, 9), text.Length - at);
            yield return text.Substring(at, length);
        }
    }

    private static IEnumerable<string> Differences(GoldenAnswer answer)
    {
        var (text, reasoning, calls) = answer.Parse([answer.Answer]);
        if (text != answer.Content)
            yield return $"content: '{answer.Content}' is '{text}'";
        if (reasoning != answer.Reasoning)
            yield return $"reasoning: '{answer.Reasoning}' is '{reasoning}'";
        if (calls.Length != answer.Calls.Length || !calls.Zip(answer.Calls).All(pair => Same(pair.First, pair.Second, answer.IsPartial)))
            yield return $"calls: '{string.Join<ToolCall>("; ", answer.Calls)}' are '{string.Join<ToolCall>("; ", calls)}'";
    }

    private static bool Same(ToolCall actual, ToolCall expected, bool isPartial) =>
        (actual.Name, actual.Id) == (expected.Name, expected.Id) && actual.Problem is not null == isPartial
        && (isPartial
            ? string.Concat(actual.Arguments.Split()) == string.Concat(expected.Arguments.Split())
            : JsonElement.DeepEquals(JsonDocument.Parse(actual.Arguments).RootElement, JsonDocument.Parse(expected.Arguments).RootElement));
}
