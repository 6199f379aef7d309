using System.Diagnostics;
using EmbeddedLlm.Grammar;

namespace EmbeddedLlm.Tests.Grammar;

/// <summary>Schemas, expressions and grammars from strangers: whatever they say, they compile or end in <see cref="ConstraintException"/>, and not for long.</summary>
public sealed class ConstraintLimitsTests
{
    // Each takes far less than a second; this is for machines that are busy.
    private static readonly TimeSpan AllowedTime = TimeSpan.FromSeconds(30);

    public static TheoryData<string, string> Hostile() => new()
    {
        { "regex", "(a{1,100000}){1,100000}" },
        { "regex", "(((a|b){0,1000}){0,1000}){0,1000}c" },
        { "regex", "(.*a.{40}|.*b.{40}){3}" },
        { "regex", new string('(', 5000) + "a" + new string(')', 5000) },
        { "regex", "a{1,99999999999}" },
        { "gbnf", "root ::= " + new string('(', 5000) + "\"a\"" + new string(')', 5000) },
        { "gbnf", "root ::= \"a\"{1,100000} root{1,1000}" },
        { "gbnf", "root ::= root root | \"a\" | \"\"" },
        { "gbnf", string.Concat(Enumerable.Range(0, 3000).Select(i => $"r{i} ::= r{i + 1} r{i + 1}\n")) + "r3000 ::= \"a\"\nroot ::= r0" },
        { "schema", string.Concat(Enumerable.Repeat("""{"items":""", 50)) + "{}" + new string('}', 50) },
        { "schema", $$"""{"$defs": { {{string.Join(',', Enumerable.Range(0, 40).Select(i => $$"""
            "d{{i}}": {"allOf": [{"$ref": "#/$defs/d{{i + 1}}"}, {"$ref": "#/$defs/d{{i + 1}}"}]}
            """))}}, "d40": {"type": "string"} }, "$ref": "#/$defs/d0"}""" },
        { "schema", $$"""{"allOf": [ {{string.Join(',', Enumerable.Range(0, 12).Select(i => $$"""{"anyOf": [{"required": ["a{{i}}"]}, {"required": ["b{{i}}"]}]}"""))}} ]}""" },
        { "schema", """{"type": "array", "minItems": 1000000, "items": {"type": "string", "minLength": 100000}}""" },
        { "schema", """{"allOf": [{"pattern": "(a|b)*a(a|b){12}"}, {"pattern": "^(b|a)*b(a|b){11}$"}, {"not": {"pattern": "a(a|b){10}b"}}]}""" },
        { "schema", """{"type": "number", "multipleOf": 0.99999, "minimum": 1e300}""" },
        { "schema", """{"minimum": 1e999999999}""" },
        { "schema", $$"""{"type": "object", "properties": { {{string.Join(',', Enumerable.Range(0, 2000).Select(i => $"\"p{i}\": {{}}"))}} } }""" },
        { "schema", $$"""{"enum": [ {{string.Join(',', Enumerable.Range(0, 20000).Select(i => $"\"value {i}\""))}} ]}""" },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void From_HostileText_CompilesAndMasksOrIsRefusedSoon(string kind, string text)
    {
        var clock = Stopwatch.StartNew();
        Try(kind, text);
        Assert.True(clock.Elapsed < AllowedTime, $"{clock.Elapsed}");
    }

    private static void Try(string kind, string text)
    {
        try
        {
            var constraint = kind switch
            {
                "regex" => Constraint.FromRegex(text, GrammarTesting.Tiny),
                "gbnf" => Constraint.FromGbnf(text, GrammarTesting.Tiny),
                _ => GrammarTesting.Schema(text),
            };
            var state = constraint.Start();
            var mask = new ulong[constraint.MaskLength];
            for (var step = 0; step < 20 && !state.IsEnded; step++)
            {
                state.FillMask(mask);
                var token = Array.FindIndex(mask, word => word != 0) is var word and >= 0 ? word * 64 + System.Numerics.BitOperations.TrailingZeroCount(mask[word]) : -1;
                Assert.True(token >= 0 && state.Accept(token), text);
            }
        }
        catch (ConstraintException)
        {
            // Refused, with a reason.
        }
    }
}
