using EmbeddedLlm.Grammar;

namespace EmbeddedLlm.Tests.Grammar;

public sealed class ConstraintTests
{
    [Theory]
    [InlineData("a*b", "aaab", true)]
    [InlineData("a{2,3}", "aaaa", false)]
    [InlineData("[^a-c]", "é", true)]
    [InlineData("[^a-c]", "b", false)]
    [InlineData(@"\d+(\.\d+)?", "12.5", true)]
    [InlineData(@"\p{Lu}\p{Ll}+", "Äpfel", true)]
    [InlineData(@"\p{Lu}\p{Ll}+", "äpfel", false)]
    [InlineData("(?!no)[a-z]+", "nobody", false)]
    [InlineData("(?!no)[a-z]+", "anon", true)]
    [InlineData("^(a|b$)", "b", true)]
    [InlineData("😀|x", "😀", true)]
    [InlineData("a.c", "a\nc", false)]
    public void FromRegex_Text_IsAcceptedOrNot(string pattern, string text, bool accepted) =>
        Assert.Equal(accepted, GrammarTesting.Accepts(Constraint.FromRegex(pattern, GrammarTesting.Tiny), text));

    [Theory]
    [InlineData("(a", "')'")]
    [InlineData("a**", "one count")]
    [InlineData(@"(a)\1", "reference back")]
    [InlineData(@"(?<=a)b", "look behind")]
    [InlineData(@"\bword", "word boundary")]
    [InlineData("[z-a]", "a range that rises")]
    [InlineData("a{3,2}", "not below 3")]
    [InlineData("(a$)+", "inside what is repeated")]
    public void FromRegex_NotRegular_IsRefusedWithTheReason(string pattern, string reason)
    {
        var exception = Assert.Throws<ConstraintException>(() => Constraint.FromRegex(pattern, GrammarTesting.Tiny));
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\0")]
    [InlineData("(?=d)[ab]c")]
    public void FromRegex_NothingMatches_IsRefused(string pattern) =>
        Assert.Equal("root", Assert.Throws<ConstraintException>(() => Constraint.FromRegex(pattern, GrammarTesting.Tiny)).Feature);

    [Theory]
    [InlineData("root ::= \"a\" root \"b\" | \"\"", "aaabbb", true)]
    [InlineData("root ::= \"a\" root \"b\" | \"\"", "aabbb", false)]
    [InlineData("root ::= root \"+\" [0-9] | [0-9]", "1+2+3", true)]
    [InlineData("root ::= a | b\na ::= b\nb ::= a | \"x\"", "x", true)]
    [InlineData("root ::= e e \"x\"\ne ::= \"\" | e \"y\"", "yyx", true)]
    [InlineData("root ::= \"a\" root | \"a\"", "aaaa", true)]
    [InlineData("# comment\nroot ::= ( # more\n  [\\x41-C] | \"\\u00e9\" ) \"\\n\"", "é\n", true)]
    public void FromGbnf_Text_IsAcceptedOrNot(string grammar, string text, bool accepted) =>
        Assert.Equal(accepted, GrammarTesting.Accepts(Constraint.FromGbnf(grammar, GrammarTesting.Tiny), text));

    [Theory]
    [InlineData("root := \"a\"", "'::='")]
    [InlineData("other ::= \"a\"", "named root")]
    [InlineData("root ::= missing", "used but not defined")]
    [InlineData("root ::= \"a", "a character")]
    [InlineData("root ::= \"a\"{2,1}", "not below 2")]
    [InlineData("root ::= <no-such-token>", "A token of the vocabulary")]
    [InlineData("root ::= \"a\" root", "none does")]
    [InlineData("root ::= \"a\"\nroot ::= \"b\"", "one definition")]
    public void FromGbnf_Malformed_IsRefusedWithTheReason(string grammar, string reason)
    {
        var exception = Assert.Throws<ConstraintException>(() => Constraint.FromGbnf(grammar, GrammarTesting.Tiny));
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"type": "object", "properties": {"a": true, "b": true}}""", """{"a":1,"b":2}""", true)]
    [InlineData("""{"type": "object", "properties": {"a": true, "b": true}}""", """{"b":1,"a":2}""", false)]
    [InlineData("""{"type": "object", "properties": {"a": true}}""", """{"b":1}""", true)]
    [InlineData("""{"type": "object", "properties": {"a": {"type": "null"}}}""", """{"\u0061":1}""", false)]
    [InlineData("""{"type": "string"}""", "\"\\u00e9\\ud83d\\ude00\"", true)]
    [InlineData("""{"type": "string"}""", "\"\\ud83d\"", false)]
    [InlineData("""{"type": "string", "maxLength": 2}""", "\"😀é\"", true)]
    [InlineData("""{"type": "integer"}""", "1.0", false)]
    [InlineData("""{"type": "number"}""", "-1.5e+10", true)]
    [InlineData("""{"type": "number"}""", "01", false)]
    [InlineData("""{"type": "array", "items": {"$ref": "#"}}""", "[[],[[]]]", true)]
    public void FromJsonSchema_Text_IsAcceptedOrNot(string schema, string text, bool accepted) =>
        Assert.Equal(accepted, GrammarTesting.Accepts(GrammarTesting.Schema(schema), text));

    [Fact]
    public void FromJsonSchema_AnyOrder_TakesEachNameOnce()
    {
        var constraint = GrammarTesting.Schema("""{"type": "object", "properties": {"a": true, "b": true}, "required": ["a"], "additionalProperties": false}""", new ConstraintOptions { AllowAnyOrder = true });

        Assert.True(GrammarTesting.Accepts(constraint, """{"b":1,"a":2}"""));
        Assert.False(GrammarTesting.Accepts(constraint, """{"b":1}"""));
        Assert.False(GrammarTesting.Accepts(constraint, """{"a":1,"a":2}"""));
    }

    [Fact]
    public void FromJsonSchema_WhiteSpaceAllowed_TakesIndentedText()
    {
        const string Schema = """{"type": "object", "properties": {"a": {"type": "array"}}}""";
        const string Text = "{\n  \"a\": [\n    1,\n    2\n  ]\n}";

        Assert.True(GrammarTesting.Accepts(GrammarTesting.Schema(Schema, new ConstraintOptions { AllowWhiteSpace = true }), Text));
        Assert.False(GrammarTesting.Accepts(GrammarTesting.Schema(Schema), Text));
    }

    [Theory]
    [InlineData("""{"type": "array", "uniqueItems": true}""", "uniqueItems", "#")]
    [InlineData("""{"properties": {"a/b": {"format": "iri"}}}""", "format", "#/properties/a~1b")]
    [InlineData("""{"not": {"additionalProperties": false}}""", "not", "#")]
    [InlineData("""{"multipleOf": 0.123456789}""", "multipleOf", "#")]
    public void FromJsonSchema_Unenforceable_IsRefusedOrWarnedOfByName(string schema, string keyword, string location)
    {
        var exception = Assert.Throws<ConstraintException>(() => GrammarTesting.Schema(schema));
        Assert.Equal((keyword, location), (exception.Feature, exception.Location));

        var warning = Assert.Single(GrammarTesting.Schema(schema, new ConstraintOptions { PassOverUnenforceable = true }).Warnings);
        Assert.StartsWith($"{location}: {keyword}: ", warning, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"type": "text"}""", "type")]
    [InlineData("""{"minLength": -1}""", "minLength")]
    [InlineData("""{"required": "a"}""", "required")]
    [InlineData("""{"$ref": "https://example.com/other"}""", "$ref")]
    [InlineData("""{"$ref": "#"}""", "$ref")]
    [InlineData("""{"minimum": 5, "maximum": 4, "type": "number"}""", "root")]
    [InlineData("false", "root")]
    [InlineData("[]", "schema")]
    public void FromJsonSchema_Malformed_NamesTheKeyword(string schema, string keyword) =>
        Assert.Equal(keyword, Assert.Throws<ConstraintException>(() => GrammarTesting.Schema(schema)).Feature);

    [Fact]
    public void FromJsonSchema_UnknownKeyword_IsWarnedOf() =>
        Assert.Contains("maxLenght", Assert.Single(GrammarTesting.Schema("""{"type": "string", "maxLenght": 3}""").Warnings), StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"anyOf": [{"const": 1}, {"type": "object", "required": ["a", "b"], "maxProperties": 1}]}""")]
    [InlineData("""{"anyOf": [{"const": 1}, {"type": "object", "patternProperties": {"^k$": true}, "additionalProperties": false, "properties": {"k": false}, "minProperties": 1}]}""")]
    public void FromJsonSchema_BranchThatNothingSatisfies_IsNotBegun(string schema) =>
        Assert.Equal("1", GrammarTesting.Schema(schema).Start().DescribeNext());

    [Fact]
    public void FromJsonSchema_LongConstant_IsTaken()
    {
        var text = $"\"{new string('a', 200_000)}\"";

        Assert.True(GrammarTesting.Accepts(GrammarTesting.Schema($$"""{"const": {{text}}}"""), text));
    }

    [Theory]
    [InlineData("""{"properties": {"a": {"enum": ["\ud800"]}}}""", "#/properties/a/enum")]
    [InlineData("""{"properties": {"\udc00": {}}}""", "#/properties")]
    public void FromJsonSchema_HalfASurrogatePair_IsRefused(string schema, string place)
    {
        var exception = Assert.Throws<ConstraintException>(() => GrammarTesting.Schema(schema));
        Assert.Equal(place, exception.Location);
    }

    [Fact]
    public void FromJsonSchema_RandomBounds_AgreeWithDecimals()
    {
        var random = new Random(3);
        for (var i = 0; i < 300; i++)
        {
            var scale = (decimal)Math.Pow(10, random.Next(4));
            var (low, high) = (random.Next(-3000, 3000) / scale, random.Next(-3000, 3000) / scale);
            if (low > high)
                (low, high) = (high, low);
            var strict = random.Next(2) == 0;
            var schema = string.Create(System.Globalization.CultureInfo.InvariantCulture, $$"""{"type": "number", "{{(strict ? "exclusiveMinimum" : "minimum")}}": {{low}}, "maximum": {{high + 1}}}""");
            var constraint = GrammarTesting.Schema(schema);
            for (var j = 0; j < 20; j++)
            {
                var value = random.Next(4) switch { 0 => low, 1 => high + 1, _ => low + random.Next(-500, 4000) / 100m };
                var text = value.ToString(System.Globalization.CultureInfo.InvariantCulture);
                if (text.StartsWith("-0", StringComparison.Ordinal) && value == 0)
                    continue;
                Assert.True((strict ? value > low : value >= low) && value <= high + 1 == GrammarTesting.Accepts(constraint, text) || !((strict ? value > low : value >= low) && value <= high + 1) && !GrammarTesting.Accepts(constraint, text), $"{text} under {schema}");
            }
        }
    }
}
