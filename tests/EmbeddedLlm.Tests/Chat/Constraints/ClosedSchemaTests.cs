using System.Text.Json;
using EmbeddedLlm.Chat.Constraints;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Tests.Grammar;

namespace EmbeddedLlm.Tests.Chat.Constraints;

public sealed class ClosedSchemaTests
{
    [Theory]
    [InlineData("""{"type":"object","properties":{"a":{"type":"object","properties":{"b":{}}}}}""", """{"a":{"b":1,"c":1}}""", """{"a":{"b":1}}""")]
    [InlineData("""{"type":"array","items":{"properties":{"a":{}}}}""", """[{"b":1}]""", """[{"a":1}]""")]
    [InlineData("""{"anyOf":[{"type":"object","properties":{"a":{}}},{"type":"null"}]}""", """{"b":1}""", "null")]
    [InlineData("""{"$ref":"#/$defs/A","$defs":{"A":{"type":"object","properties":{"a":{}}}}}""", """{"b":1}""", """{"a":1}""")]
    public void Of_PropertiesThatAreListed_AreAll(string schema, string refused, string accepted)
    {
        var constraint = Compile(schema);

        Assert.False(GrammarTesting.Accepts(constraint, refused));
        Assert.True(GrammarTesting.Accepts(constraint, accepted));
    }

    // Where several schemas describe one object, or it says itself what else may come.
    [Theory]
    [InlineData("""{"type":"object","properties":{"kind":{}},"required":["kind"],"oneOf":[{"$ref":"#/$defs/A"}],"$defs":{"A":{"type":"object","properties":{"x":{}}}}}""", """{"kind":1,"x":2}""")]
    [InlineData("""{"type":"object","properties":{"a":{}},"allOf":[{"properties":{"b":{}}}]}""", """{"a":1,"b":2}""")]
    [InlineData("""{"type":"object","properties":{"a":{}},"additionalProperties":{"type":"integer"}}""", """{"a":1,"b":2}""")]
    [InlineData("""{"type":"object","properties":{"a":{}},"required":["b"]}""", """{"a":1,"b":2}""")]
    [InlineData("""{"$ref":"#/$defs/A","properties":{"b":{}},"$defs":{"A":{"type":"object","properties":{"a":{}}}}}""", """{"b":1,"a":2}""")]
    public void Of_ObjectsThatOthersAddTo_StayOpen(string schema, string accepted) => Assert.True(GrammarTesting.Accepts(Compile(schema), accepted));

    [Fact]
    public void Of_AKeyTwice_IsRefused()
    {
        var schema = JsonElement.Parse("""{"type":"object","properties":{"a":{},"a":{"type":"null"}}}""");

        Assert.Throws<ConstraintException>(() => ClosedSchema.Of(schema));
        Assert.Throws<ConstraintException>(() => ClosedSchema.OfArguments(schema));
        Assert.Throws<ConstraintException>(() => ClosedSchema.OfArguments(JsonElement.Parse("""{"type":"object","type":"object"}""")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("""{"type":["object","null"]}""")]
    public void OfArguments_AreAnObject(string schema)
    {
        var arguments = ClosedSchema.OfArguments(schema.Length == 0 ? default : JsonElement.Parse(schema));

        Assert.Equal("object", arguments.GetProperty("type").GetString());
    }

    private static Constraint Compile(string schema) => Constraint.FromJsonSchema(ClosedSchema.Of(JsonElement.Parse(schema)), GrammarTesting.Tiny, new() { AllowAnyOrder = true });
}
