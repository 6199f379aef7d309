using System.Text;
using System.Text.Json;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Grammar.Schemas;

namespace EmbeddedLlm.Tests.Grammar;

/// <summary>The JSON Schema test suite, draft 2020-12: values are written in their one spelling, in the order they have.</summary>
public sealed class GoldenSchemaTests
{
    // Tests that are judged wrong or out of reach, each with the reason.
    private static readonly (string Schema, string Test, string Reason)[] Exceptions =
    [
        ("format__", "is only an annotation by default", "formats are enforced here; who asks for a format means it"),
        ("optional_format_date-time__0", "leap second", "leap seconds are not written"),
        ("optional_format_time__0", "leap second", "leap seconds are not written"),
        ("optional_format_hostname__1", "", "names are not decoded from Punycode"),
    ];

    [Fact]
    public void FromJsonSchema_GoldenSuite_AcceptsValidAndRefusesInvalidValues()
    {
        var options = new ConstraintOptions { AllowAnyOrder = true };
        var refused = new List<string>();
        var wrong = new List<string>();
        var count = 0;
        foreach (var row in File.ReadLines(Golden.Path("json-schema", "draft2020-12.jsonl"), Encoding.UTF8).Select(line => JsonDocument.Parse(line).RootElement))
        {
            count++;
            var name = row.GetProperty("name").GetString()!;
            Constraint? constraint = null;
            try
            {
                constraint = Constraint.FromJsonSchema(row.GetProperty("schema"), GrammarTesting.Tiny, options);
            }
            catch (ConstraintException exception) when (exception.Feature != "root")
            {
                Assert.False(string.IsNullOrEmpty(exception.Feature));
                refused.Add(exception.Message);
                continue;
            }
            catch (ConstraintException)
            {
                // The schema allows nothing, which is said at once; all its values must be invalid.
            }
            foreach (var test in row.GetProperty("tests").EnumerateArray())
            {
                var description = test.GetProperty("description").GetString()!;
                var isValid = test.GetProperty("valid").GetBoolean();
                if ((constraint is not null && GrammarTesting.Accepts(constraint, Write(test.GetProperty("data")))) != isValid
                    && !Exceptions.Any(e => name.Contains(e.Schema, StringComparison.Ordinal) && description.Contains(e.Test, StringComparison.Ordinal)))
                {
                    wrong.Add($"{name}: {description}: should be {(isValid ? "valid" : "invalid")}");
                }
            }
        }

        Assert.Empty(wrong);
        Assert.Equal(461, count);
        Assert.True(refused.Count <= 0.2 * count, $"{refused.Count} schemas are refused: {string.Join('\n', refused)}");
    }

    private static string Write(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => $"{{{string.Join(',', value.EnumerateObject().Select(p => $"{Quote(p.Name)}:{Write(p.Value)}"))}}}",
        JsonValueKind.Array => $"[{string.Join(',', value.EnumerateArray().Select(Write))}]",
        JsonValueKind.String => Quote(value.GetString()!),
        JsonValueKind.Number => ExactDecimal.Parse(value.GetRawText())?.ToString() ?? value.GetRawText(),
        _ => value.GetRawText(),
    };

    private static string Quote(string text) => $"\"{Encoding.UTF8.GetString(JsonStrings.Spell(text))}\"";
}
