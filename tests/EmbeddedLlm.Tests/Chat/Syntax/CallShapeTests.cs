using System.Text.Json;
using EmbeddedLlm.Chat.Syntax;

namespace EmbeddedLlm.Tests.Chat.Syntax;

/// <summary>Calls written as a form's shape says are read back by its parser.</summary>
public sealed class CallShapeTests
{
    private static readonly OfferedTools Tools = new([("get_time", JsonDocument.Parse("""{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}}}""").RootElement)]);

    // In Muse the tool's name stands in the header of the message too.
    public static TheoryData<int> Syntaxes => [.. ChatSyntaxes.All.Index().Where(row => row.Item.Name != "Muse").Select(row => row.Index)];

    [Theory]
    [MemberData(nameof(Syntaxes))]
    public void Shape_WrittenCalls_AreReadBack(int index)
    {
        var syntax = ChatSyntaxes.All.ElementAt(index);
        foreach (var shape in syntax.Calls.Select(form => form.Shape))
        {
            foreach (var count in shape.Between is null ? new[] { 1 } : [1, 2])
            {
                var call = shape.BeforeName + "get_time" + shape.AfterName + Arguments(shape.Arguments) + shape.AfterArguments;
                var written = shape.Begin + string.Join(shape.Between, Enumerable.Repeat(call, count)) + shape.End;

                var (text, reasoning, calls) = ParsedAnswer.Of(syntax.CreateParser(isReasoning: false, Tools), written.Select(c => c.ToString()));

                Assert.True(calls.Length == count, $"{syntax.Name}: {written}");
                Assert.Equal(("", ""), (text, reasoning));
                Assert.All(calls, one =>
                {
                    Assert.Equal(("get_time", null), (one.Name, one.Problem));
                    Assert.True(JsonElement.DeepEquals(JsonDocument.Parse("""{"city":"Bern \"old\" <town>","days":2}""").RootElement, JsonDocument.Parse(one.Arguments).RootElement), one.Arguments);
                });
            }
        }
    }

    private static string Arguments(ArgumentShape shape)
    {
        const string City = """Bern "old" <town>""";
        return shape switch
        {
            ArgumentShape.Literal { Style: { HasBareKeys: true } style } => $"{{city:{style.Quotes[0]}{City}{style.Quotes[0]},days:2}}",
            ArgumentShape.Literal => """{"city": "Bern \"old\" <town>", "days": 2}""",
            ArgumentShape.Keywords => "city='" + City + "', days=2",
            ArgumentShape.Parameters(var before, var after, var end) when after.StartsWith('>') && before.EndsWith('"') =>
                $"{before}city\" string=\"true\"{after}{City}{end}{before}days\" string=\"false\"{after}2{end}",
            ArgumentShape.Parameters(var before, var after, var end) when before.EndsWith('"') => $"{before}city\" type=\"string\"{after}{City}{end}{before}days\" type=\"number\"{after}2{end}",
            ArgumentShape.Parameters(var before, var after, var end) => $"{before}city{after}{City}{end}{before}days{after}2{end}",
            _ => throw new InvalidOperationException(shape.ToString()),
        };
    }
}
