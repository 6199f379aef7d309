using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Tests.Fuzzing;

namespace EmbeddedLlm.Tests.Grammar;

/// <summary>Schemas, expressions and grammars, damaged: they compile and go on, or end in <see cref="ConstraintException"/>.</summary>
public sealed class GrammarFuzzTests
{
    private const int Steps = 8;

    [Fact]
    public void FromJsonSchema_DamagedSchemas_CompilesOrRefuses()
    {
        string[] schemas = [.. FuzzRun.Kept("schema").Where(IsObject), .. Rows("json-schema", "draft2020-12.jsonl").Select(row => row.GetProperty("schema").GetRawText()).Where(IsObject)];
        var (parts, text) = (new JsonDamage(schemas), new TextDamage(schemas));

        FuzzRun.Over("schema", random => random.Next(4) > 0 ? parts.Next(random) : text.Next(random), (schema, random) =>
        {
            try
            {
                using var document = JsonDocument.Parse(Encoding.UTF8.GetBytes(schema));
                var options = new ConstraintOptions { AllowAnyOrder = random.Next(2) == 0, AllowWhiteSpace = random.Next(2) == 0, PassOverUnenforceable = random.Next(2) == 0 };
                return Follow(() => Constraint.FromJsonSchema(document.RootElement, GrammarTesting.Tiny, options), random);
            }
            catch (JsonException)
            {
                return false;
            }
        });
    }

    [Fact]
    public void FromRegex_DamagedExpressions_CompilesOrRefuses()
    {
        var damage = new TextDamage([.. FuzzRun.Kept("regex"), .. Rows("json-schema", "draft2020-12.jsonl").SelectMany(row => Patterns(row.GetProperty("schema"))).Distinct()]);

        FuzzRun.Over("regex", damage.Next, (pattern, random) => Follow(() => Constraint.FromRegex(pattern, GrammarTesting.Tiny), random));
    }

    [Fact]
    public void FromGbnf_DamagedGrammars_CompilesOrRefuses()
    {
        string[] golden = Golden.IsPresent ? [.. Directory.GetFiles(Golden.Path("grammar", "gbnf"), "*.gbnf").Select(File.ReadAllText)] : [];
        var damage = new TextDamage([.. FuzzRun.Kept("gbnf"), .. golden, .. Rows("grammar", "grammar_integration.jsonl").Select(Grammar).OfType<string>().Distinct()]);

        FuzzRun.Over("gbnf", damage.Next, (grammar, random) => Follow(() => Constraint.FromGbnf(grammar, GrammarTesting.Tiny), random));
    }

    // Whether it compiles. Then every mask must leave a way on.
    private static bool Follow(Func<Constraint> compile, Random random)
    {
        try
        {
            var constraint = compile();
            var state = constraint.Start();
            var mask = new ulong[constraint.MaskLength];
            for (var step = 0; step < Steps && !state.IsEnded; step++)
            {
                state.FillMask(mask);
                var start = random.Next(GrammarTesting.Tiny.VocabularySize);
                var token = Enumerable.Range(start, GrammarTesting.Tiny.VocabularySize).Select(id => id % GrammarTesting.Tiny.VocabularySize).FirstOrDefault(id => GrammarTesting.Allows(mask, id), -1);
                Assert.True(token >= 0, "No token may follow.");
                Assert.True(state.Accept(token), $"The mask allows token {token}, which is not accepted.");
            }
            state.DescribeNext();
            state.Forced();
            state.AcceptText(Encoding.UTF8.GetBytes("{\"a\":é"));
            return true;
        }
        catch (ConstraintException)
        {
            return false;
        }
    }

    private static bool IsObject(string text)
    {
        try
        {
            return !text.Contains("\\ud", StringComparison.OrdinalIgnoreCase) && JsonNode.Parse(text) is JsonObject;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static IEnumerable<JsonElement> Rows(params string[] path) =>
        Golden.IsPresent ? File.ReadLines(Golden.Path(path), Encoding.UTF8).Where(line => line.Length > 0).Select(line => JsonDocument.Parse(line).RootElement) : [];

    private static string? Grammar(JsonElement row) => row.TryGetProperty("grammar", out var grammar) || row.TryGetProperty("llamacpp_grammar", out grammar) ? grammar.GetString() : null;

    private static IEnumerable<string> Patterns(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject().SelectMany(member => member.Name == "pattern" && member.Value.ValueKind == JsonValueKind.String ? [member.Value.GetString()!] : Patterns(member.Value)),
        JsonValueKind.Array => value.EnumerateArray().SelectMany(Patterns),
        _ => [],
    };
}
