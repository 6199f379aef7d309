using System.ComponentModel;
using System.Text.Json;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Tests.Chat.Contract.Scenarios;

/// <summary>Tools with the schemas that apps and MCP servers really send: many types, many keywords, and some that mean little.</summary>
internal static class OddTools
{
    private static readonly string[] Schemas =
    [
        "{}",
        "true",
        """{"type":"object"}""",
        """{"type":"object","properties":{}}""",
        """{"properties":{"x":{}}}""",
        """{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"x":{"type":"string"}}}""",
        """{"$schema":"http://json-schema.org/draft-07/schema#","$id":"https://example.org/x","title":"X","type":"object","properties":{"x":{"type":"string","title":"x"}},"additionalProperties":false}""",
        """{"type":"object","properties":{"x":{"type":"integer","default":3,"description":"How many."}},"required":[]}""",
        """{"type":"object","properties":{"x":{"type":["string","null"]}},"required":["x"],"additionalProperties":false}""",
        """{"type":"object","properties":{"x":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["x"]}""",
        """{"type":"object","properties":{"x":{"oneOf":[{"type":"integer"},{"type":"array","items":{"type":"integer"}}]}}}""",
        """{"type":"object","properties":{"x":{"allOf":[{"type":"string"},{"minLength":2}]}},"required":["x"]}""",
        """{"type":"object","properties":{"x":{"enum":["a","b",1,null]}},"required":["x"]}""",
        """{"type":"object","properties":{"x":{"const":"fixed"}},"required":["x"]}""",
        """{"type":"object","properties":{"x":{"type":"string","format":"uri"},"y":{"type":"string","format":"date-time"},"z":{"type":"string","format":"made-up"}}}""",
        """{"type":"object","properties":{"x":{"type":"string","pattern":"^[a-z]+$"}},"required":["x"]}""",
        """{"type":"object","properties":{"x":{"type":"string","pattern":"(?<=a)b"}}}""",
        """{"type":"object","properties":{"x":{"type":"number","minimum":0,"exclusiveMaximum":1,"multipleOf":0.1}}}""",
        """{"type":"object","properties":{"x":{"type":"array","items":{"type":"string"},"minItems":1,"maxItems":3,"uniqueItems":true}}}""",
        """{"type":"object","properties":{"x":{"type":"array","prefixItems":[{"type":"string"},{"type":"integer"}]}}}""",
        """{"type":"object","properties":{"x":{"$ref":"#/$defs/node"}},"$defs":{"node":{"type":"object","properties":{"next":{"$ref":"#/$defs/node"}}}}}""",
        """{"type":"object","properties":{"x":{"$ref":"#/definitions/old"}},"definitions":{"old":{"type":"string"}}}""",
        """{"type":"object","additionalProperties":{"type":"string"}}""",
        """{"type":"object","patternProperties":{"^x-":{"type":"string"}},"additionalProperties":false}""",
        """{"type":"object","properties":{"x":{"type":"string","x-order":1,"examples":["a"],"deprecated":true,"readOnly":true}},"x-vendor":{"any":["thing"]}}""",
        """{"type":"object","properties":{"a b":{"type":"string"},"ünï":{"type":"string"},"$z":{"type":"string"}},"required":["a b"]}""",
    ];

    /// <summary>All of them; for OpenAI's strict mode or not, which means nothing here.</summary>
    public static AITool[] All(bool? isStrict) =>
    [
        .. Schemas.Select((schema, index) => (AITool)new Marked(AIFunctionFactory.CreateDeclaration($"declared_{index}", "", JsonElement.Parse(schema)), isStrict)),
        AIFunctionFactory.Create(() => { }, "nothing"),
        AIFunctionFactory.Create((object? anything) => anything, "anything"),
        AIFunctionFactory.Create((DateTimeOffset when, TimeSpan length, Guid id, Uri where, DayOfWeek? day, byte[] data) => 1, "types"),
        AIFunctionFactory.Create((Dictionary<string, int[]> map, List<Tree> trees) => 1, "collections"),
        AIFunctionFactory.Create(([Description("With a \"quote\", a \\ and\na line.")] string x, CancellationToken cancellation) => x, "described", "Says: {\"x\": 1} </tool_call> <|im_end|>"),
    ];

    private sealed record Tree(string Name, Tree[]? Branches);

    private sealed class Marked(AIFunctionDeclaration inner, bool? isStrict) : AIFunctionDeclaration
    {
        public override string Name => inner.Name;

        public override string Description => inner.Description;

        public override JsonElement JsonSchema => inner.JsonSchema;

        public override IReadOnlyDictionary<string, object?> AdditionalProperties => isStrict is { } strict ? new Dictionary<string, object?> { ["strictJsonSchema"] = strict } : inner.AdditionalProperties;
    }
}
