using System.Text.Json;
using EmbeddedLlm.Tests.Grammar;
using Microsoft.Extensions.AI;
using Scripted = EmbeddedLlm.Testing.ScriptedModel;

namespace EmbeddedLlm.Tests.Chat.Contract;

/// <summary>
/// Every <see cref="ChatResponseFormat"/> holds. A kind that a later version of the package brings fails here until somebody decides what it means.
/// What cannot be enforced, white space, other forms: <see cref="EnforcementTests"/>.
/// </summary>
public sealed class ResponseFormatContractTests
{
    private static readonly JsonElement Schema = JsonElement.Parse(
        """{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0},"friends":{"type":"array","items":{"$ref":"#"}}},"required":["name","age"]}""");

    private static readonly Dictionary<string, (ChatResponseFormat Format, Func<string, bool> Fits)[]> Formats = new()
    {
        [nameof(ChatResponseFormatText)] = [(ChatResponseFormat.Text, text => text == "Well …")],
        [nameof(ChatResponseFormatJson)] =
        [
            (ChatResponseFormat.Json, text => JsonElement.Parse(text).ValueKind is JsonValueKind.Object or JsonValueKind.Array),
            (ChatResponseFormat.ForJsonSchema(Schema), text => new SchemaValidator(Schema).IsValid(text) == true),
            (ChatResponseFormat.ForJsonSchema(Schema, "person", "A person."), text => new SchemaValidator(Schema).IsValid(text) == true),
            (ChatResponseFormat.ForJsonSchema<DayOfWeek>(), text => Enum.TryParse<DayOfWeek>(JsonElement.Parse(text).GetString(), out _)),
            (ChatResponseFormat.ForJsonSchema(JsonElement.Parse("true")), text => JsonElement.Parse(text).ValueKind != JsonValueKind.Undefined),
        ],
    };

    public static MatrixTheoryData<string, bool> Kinds => new(
        [.. typeof(ChatResponseFormat).Assembly.GetExportedTypes().Where(type => type.IsSubclassOf(typeof(ChatResponseFormat))).Select(type => type.Name)], [false, true]);

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Format_OfThePackage_Holds(string kind, bool streams)
    {
        Assert.True(Formats.TryGetValue(kind, out var formats), $"{kind} is new: decide what it means, say so in the guide, and add a case here.");
        foreach (var (format, fits) in formats)
        {
            using var scripted = new Scripted("Well …");

            var response = await scripted.Client.AskAsync(streams, options: new() { ResponseFormat = format });

            Assert.True(fits(response.Text), response.Text);
            Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Schema_AndReasoning_IsOfTheTextAlone(bool streams)
    {
        using var scripted = new Scripted(_ => "<think>Who was it?</think>\n\n{\"name\":\"Ada\",\"age\":36}", new() { ChatTemplate = ToolTemplates.Switched });

        var response = await scripted.Client.AskAsync(streams, options: new() { ResponseFormat = ChatResponseFormat.ForJsonSchema(Schema) });

        Assert.Equal("""{"name":"Ada","age":36}""", response.Text);
        Assert.Equal("Who was it?", Assert.Single(response.All<TextReasoningContent>()).Text);
    }
}
