using System.Text.Json;
using EmbeddedLlm.Chat.Syntax;

namespace EmbeddedLlm.Tests.Chat.Syntax;

/// <summary>Calls written as a form's shape says are read back by its parser.</summary>
public sealed class CallShapeTests
{
    private const string City = """Bern "old" <town>""";

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
                var call = shape.BeforeName + "get_time" + shape.AfterName + Arguments(shape.Arguments, City, 2) + shape.AfterArguments;
                var written = Fill(shape.Begin + string.Join(shape.Between, Enumerable.Repeat(call, count)) + shape.End);

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

    /// <summary>Puts something in the places where the model chooses.</summary>
    internal static string Fill(string text) => text.Replace($"{CallShape.Number}", "0", StringComparison.Ordinal).Replace($"{CallShape.Id}", "a1b2c3d4e", StringComparison.Ordinal).Replace($"{CallShape.Word}", "number", StringComparison.Ordinal);

    internal static string Arguments(ArgumentShape shape, string city, int days)
    {
        var escaped = city.Replace("\"", "\\\"", StringComparison.Ordinal);
        return shape switch
        {
            ArgumentShape.Literal { Style: { HasBareKeys: true } style } => $"{{city:{style.Quotes[0]}{city}{style.Quotes[0]},days:{days}}}",
            ArgumentShape.Literal => $"{{\"city\": \"{escaped}\", \"days\": {days}}}",
            ArgumentShape.Keywords => $"city=\"{escaped}\", days={days}",
            ArgumentShape.Parameters parameters => $"{parameters.BeforeName}city{parameters.BeforeText}{city}{parameters.AfterValue}{parameters.BeforeName}days{parameters.BeforeOther}{days}{parameters.AfterValue}",
            _ => throw new InvalidOperationException(shape.ToString()),
        };
    }
}
