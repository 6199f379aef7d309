using System.Text;
using System.Text.Json;
using EmbeddedLlm.Chat.Syntax;
using EmbeddedLlm.Tests.Fuzzing;

namespace EmbeddedLlm.Tests.Chat.Syntax;

/// <summary>Damaged answers: they become parts, the same ones however they are cut into pieces, and calls that can be made have objects for arguments.</summary>
public sealed class AnswerFuzzTests
{
    private static readonly OfferedTools Tools = new(
    [
        .. new[] { "f", "special_function", "get_weather", "python", "complex_function", "search" }.Select(name => (name, JsonDocument.Parse(
            """{"type":"object","properties":{"a":{"type":"integer"},"code":{"type":"string"},"location":{"type":"string"},"list":{"type":"array","items":{"type":"number"}}}}""").RootElement)),
        ("bare", default),
    ]);

    [Fact]
    public void Append_DamagedAnswers_GivesTheSamePartsHoweverCut()
    {
        // The family's name, a line end, the answer.
        string[] answers = [.. FuzzRun.Kept("answer"), .. GoldenAnswer.All.Select(answer => $"{answer.Syntax.Name}\n{answer.Answer}").Distinct()];
        ChatSyntax[] families = [.. ChatSyntaxes.All];
        var damage = new TextDamage(answers.Select(answer => answer[(answer.IndexOf('\n', StringComparison.Ordinal) + 1)..]));

        FuzzRun.Over("answer", random => random.Next(3) == 0
            ? $"{families[random.Next(families.Length)].Name}\n{damage.Next(random)}"
            : new TextDamage([answers[random.Next(answers.Length)]]).Next(random), (text, random) =>
        {
            var line = text.IndexOf('\n', StringComparison.Ordinal);
            var family = Array.Find(families, one => line >= 0 && text.AsSpan(0, line).SequenceEqual(one.Name)) ?? families[text.Length % families.Length];
            // Answers are decoded from UTF-8, so their characters are whole.
            var answer = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text[(line + 1)..]));
            var isReasoning = random.Next(4) == 0;
            var whole = ParsedAnswer.Of(family.CreateParser(isReasoning, Tools), [answer]);
            for (var i = 0; i < 2; i++)
            {
                var pieces = ParsedAnswer.Of(family.CreateParser(isReasoning, Tools), Pieces(answer, random));
                Assert.Equal((whole.Text, whole.Reasoning), (pieces.Text, pieces.Reasoning));
                Assert.Equal(whole.Calls, pieces.Calls);
            }
            Assert.All(whole.Calls, call => Assert.True(call.Problem is not null || JsonDocument.Parse(call.Arguments).RootElement.ValueKind == JsonValueKind.Object, call.ToString()));
            return whole.Calls.Length > 0;
        });
    }

    private static IEnumerable<string> Pieces(string text, Random random)
    {
        var longest = 1 << random.Next(1, 6);
        for (var (at, length) = (0, 0); at < text.Length; at += length)
        {
            length = Math.Min(random.Next(1, longest + 1), text.Length - at);
            yield return text.Substring(at, length);
        }
    }
}
