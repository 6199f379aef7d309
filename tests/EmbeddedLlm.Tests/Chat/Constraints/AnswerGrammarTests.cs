using System.Text;
using System.Text.Json;
using EmbeddedLlm.Chat.Constraints;
using EmbeddedLlm.Chat.Syntax;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Tests.Chat.Syntax;
using EmbeddedLlm.Tests.Grammar;
using EmbeddedLlm.Tests.Tokenization;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Chat.Constraints;

/// <summary>What an answer may be, in every format, where marks are control tokens and where they are text.</summary>
public sealed class AnswerGrammarTests
{
    private const string Eos = "<eos>";

    // With these, <|end|> ends a message, not the answer.
    private static readonly string[] AnswerEnds = ["<|flush|>", "<|calls|>"];

    private static readonly Lazy<Tokenizer> Bytes = new(() => Vocabulary([]));

    private static readonly OfferedTools Tools = new(
    [
        ("get_time", JsonElement.Parse("""{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city"]}""")),
        ("now", JsonElement.Parse("""{"type":"object","properties":{}}""")),
    ]);

    public static MatrixTheoryData<int, bool> Syntaxes => new(Enumerable.Range(0, ChatSyntaxes.All.Count()), [false, true]);

    [Theory]
    [MemberData(nameof(Syntaxes))]
    public void Compile_MustCall_TakesCallsAndNothingElse(int index, bool hasMarks)
    {
        var (syntax, tokenizer) = Case(index, hasMarks);
        var constraint = AnswerGrammar.Compile(syntax, new() { Tools = Tools, MustCall = true }, tokenizer);

        AssertTakes(constraint, tokenizer, Written(syntax, "get_time", """Bern "old" <town>""", 2));
        AssertTakes(constraint, tokenizer, Written(syntax, "now"));
        AssertRefuses(constraint, tokenizer, "Hello!");
        AssertRefuses(constraint, tokenizer, Written(syntax, "get_tim", "Bern", 2));
        AssertRefuses(constraint, tokenizer, Written(syntax, "get_time"));
        AssertRefuses(constraint, tokenizer, Written(syntax, "get_time", "Bern", 2).Replace("2", "true", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Syntaxes))]
    public void Compile_MayCall_TakesTextAndCallsOfOfferedToolsOnly(int index, bool hasMarks)
    {
        var (syntax, tokenizer) = Case(index, hasMarks);
        var constraint = AnswerGrammar.Compile(syntax, new() { Tools = Tools }, tokenizer);
        var header = syntax is MessageSyntax messages ? messages.TextHeader : "";

        AssertTakes(constraint, tokenizer, $"{header}Hello! 1 < 2, {{\"a\": [1]}}, <b>bold</b>, functools.");
        AssertTakes(constraint, tokenizer, Written(syntax, "get_time", "Bern", 2));
        AssertRefuses(constraint, tokenizer, Written(syntax, "get_tim", "Bern", 2));
        AssertRefuses(constraint, tokenizer, Written(syntax, "get_time"));
        if (syntax is MarkedSyntax)
        {
            AssertTakes(constraint, tokenizer, $"I shall look. {Written(syntax, "get_time", "Bern", 2)}{Written(syntax, "now")}");
            AssertRefuses(constraint, tokenizer, $"I shall look. {Written(syntax, "get_tim", "Bern", 2)}");
        }
    }

    [Theory]
    [MemberData(nameof(Syntaxes))]
    public void Compile_FormAndTools_TakesEither(int index, bool hasMarks)
    {
        var (syntax, tokenizer) = Case(index, hasMarks);
        var form = new AnswerForm.Schema(JsonElement.Parse("""{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}"""), AllowsWhiteSpace: false);
        var constraint = AnswerGrammar.Compile(syntax, new() { Tools = Tools, Form = form }, tokenizer);
        var alone = AnswerGrammar.Compile(syntax, new() { Form = form }, tokenizer);
        var header = syntax is MessageSyntax messages ? messages.TextHeader : "";

        AssertTakes(constraint, tokenizer, header + """{"n":1}""");
        AssertTakes(constraint, tokenizer, Written(syntax, "get_time", "Bern", 2));
        AssertRefuses(constraint, tokenizer, header + """{"n":"1"}""");
        AssertRefuses(constraint, tokenizer, header + "Hello!");
        AssertTakes(alone, tokenizer, header + """{"n":1}""");
        AssertRefuses(alone, tokenizer, Written(syntax, "get_time", "Bern", 2));
    }

    [Theory]
    [MemberData(nameof(Syntaxes))]
    public void Compile_Reasoning_ComesFirst(int index, bool hasMarks)
    {
        var (syntax, tokenizer) = Case(index, hasMarks);
        var next = syntax is MessageSyntax messages ? messages.Next : "";
        var written = syntax.ReasoningStart + "Well, 1 < 2." + syntax.ReasoningEnds[0] + next + Written(syntax, "get_time", "Bern", 2);
        var rules = new AnswerRules { Tools = Tools, MustCall = true };

        AssertTakes(AnswerGrammar.Compile(syntax, rules with { MayReason = true }, tokenizer), tokenizer, written);
        AssertRefuses(AnswerGrammar.Compile(syntax, rules, tokenizer), tokenizer, written);
        if (syntax is MarkedSyntax)
        {
            var begun = AnswerGrammar.Compile(syntax, rules with { IsReasoning = true }, tokenizer);
            AssertTakes(begun, tokenizer, written[syntax.ReasoningStart.Length..]);
            AssertTakes(begun, tokenizer, written);
        }
    }

    [Theory]
    [MemberData(nameof(Syntaxes))]
    public void Compile_OneCall_TakesNoSecond(int index, bool hasMarks)
    {
        var (syntax, tokenizer) = Case(index, hasMarks);
        var one = Written(syntax, "get_time", "Bern", 2);
        var next = syntax is MessageSyntax messages ? messages.Next : "";
        foreach (var mustCall in new[] { false, true })
        {
            var constraint = AnswerGrammar.Compile(syntax, new() { Tools = Tools, MustCall = mustCall, MayCallOften = false }, tokenizer);

            AssertTakes(constraint, tokenizer, one);
            AssertRefuses(constraint, tokenizer, one + next + one);
        }
    }

    [Theory]
    [MemberData(nameof(Syntaxes))]
    public void Compile_AnyWalk_IsReadAsCallsThatFitTheirSchemas(int index, bool hasMarks)
    {
        var (syntax, tokenizer) = Case(index, hasMarks);
        var schemas = new Dictionary<string, string>
        {
            ["search"] = """{"type":"object","properties":{"text":{"type":"string","minLength":1,"maxLength":4},"kind":{"enum":["a","b c"]},"count":{"type":"integer","minimum":1,"maximum":20},"flag":{"type":"boolean"}},"required":["text","kind"],"additionalProperties":false}""",
            ["nest"] = """{"type":"object","properties":{"list":{"type":"array","items":{"type":"object","properties":{"x":{"type":"number"},"y":{"type":"null"}},"required":["y"],"additionalProperties":false},"maxItems":3}},"required":["list"],"additionalProperties":false}""",
        };
        var tools = new OfferedTools(schemas.Select(tool => (tool.Key, JsonElement.Parse(tool.Value))));
        var constraint = AnswerGrammar.Compile(syntax, new() { Tools = tools, MustCall = true, MayCallOften = false }, tokenizer);

        var calls = 0;
        for (var seed = 0; seed < 6; seed++)
        {
            if (Walk(constraint, tokenizer, new Random(seed)) is not { } written)
                continue;
            var (text, reasoning, read) = ParsedAnswer.Of(syntax.CreateParser(isReasoning: false, tools), [written]);

            Assert.True((text.Trim(), reasoning, read.Length) == ("", "", 1), $"{syntax.Name}: {written}");
            Assert.True(read[0].Problem is null, $"{syntax.Name}: {written}: {read[0].Problem}");
            var schema = JsonElement.Parse(schemas[read[0].Name]);
            Assert.True(new SchemaValidator(schema).IsValid(read[0].Arguments) == true, $"{syntax.Name}: {written}: {read[0].Arguments}");
            calls++;
        }

        Assert.True(calls >= 3, $"{syntax.Name}: {calls} of 6 walks ended.");
    }

    // Parameters that stand without quotes are read by their type, wherever the schema says it.
    [Theory]
    [InlineData("""{"$ref":"#/$defs/Zip"}""")]
    [InlineData("""{"anyOf":[{"$ref":"#/$defs/Zip"},{"type":"null"}]}""")]
    [InlineData("""{"allOf":[{"$ref":"#/$defs/Zip"}]}""")]
    public void Parser_ParameterOfAReferencedType_IsReadAsThat(string zip)
    {
        var tools = new OfferedTools([("send", JsonElement.Parse($"{{\"type\":\"object\",\"properties\":{{\"zip\":{zip}}},\"$defs\":{{\"Zip\":{{\"type\":\"string\"}}}}}}"))]);
        foreach (var syntax in ChatSyntaxes.All.Where(syntax => syntax is MarkedSyntax && syntax.Calls[0].Shape.Arguments is ArgumentShape.Parameters))
        {
            var (shape, parameters) = (syntax.Calls[0].Shape, (ArgumentShape.Parameters)syntax.Calls[0].Shape.Arguments);
            var written = CallShapeTests.Fill(shape.Begin + shape.BeforeName + "send" + shape.AfterName + parameters.BeforeName + "zip" + parameters.BeforeText + "12345" + parameters.AfterValue + shape.AfterArguments + shape.End);

            var (_, _, calls) = ParsedAnswer.Of(syntax.CreateParser(isReasoning: false, tools), [written]);

            Assert.Equal("""{"zip":"12345"}""", JsonElement.Parse(Assert.Single(calls).Arguments).GetRawText().Replace(" ", "", StringComparison.Ordinal));
        }
    }

    // The vocabulary of bytes, with or without the format's marks as tokens.
    private static (ChatSyntax Syntax, Tokenizer Tokenizer) Case(int index, bool hasMarks)
    {
        var syntax = ChatSyntaxes.All.ElementAt(index);
        return (syntax, hasMarks ? Vocabulary(syntax.Markers.Where(mark => mark.StartsWith('<') && mark.EndsWith('>') && !mark.Contains('\n', StringComparison.Ordinal))) : Bytes.Value);
    }

    private static Tokenizer Vocabulary(IEnumerable<string> marks) => Tokenizer.FromGguf(VocabularyFiles.BytePair("gpt-2", [], [(Eos, TokenKind.Control), .. marks.Concat(AnswerEnds).Distinct().Select(mark => (mark, TokenKind.Control))])
        .With("tokenizer.ggml.eos_token_id", EmbeddedLlm.Gguf.GgufValue.Of(256)));

    private static void AssertTakes(Constraint constraint, Tokenizer tokenizer, string text)
    {
        var (taken, state) = Take(constraint, tokenizer, text);
        Assert.True(taken == text && state.IsComplete, $"After {taken}, which is {(state.IsComplete ? "" : "not ")}complete, was expected {state.DescribeNext()}, found {text[taken.Length..]}");
    }

    private static void AssertRefuses(Constraint constraint, Tokenizer tokenizer, string text)
    {
        var (taken, _) = Take(constraint, tokenizer, text);
        Assert.NotEqual(text, taken);                                       // there and then, not at the end
    }

    private static (string Taken, ConstraintState State) Take(Constraint constraint, Tokenizer tokenizer, string text)
    {
        var state = constraint.Start();
        var taken = new List<int>();
        foreach (var token in tokenizer.Encode(text, addSpecial: false, parseSpecial: true))
        {
            if (!state.Accept(token))
                break;
            taken.Add(token);
        }

        return (tokenizer.Decode([.. taken]), state);
    }

    private static string Written(ChatSyntax syntax, string tool, string? city = null, int days = 0)
    {
        var form = syntax.Calls[0];
        var shape = form.Shape;
        var call = shape.Begin + shape.BeforeName + tool + shape.AfterName + Arguments(shape.Arguments, city, days) + shape.AfterArguments + shape.End;
        if (syntax is MessageSyntax messages)
        {
            if (call.StartsWith(messages.Next, StringComparison.Ordinal))
                call = call[messages.Next.Length..];
            call = messages.Body is null ? call : messages.BeforeTool + tool + messages.HeaderEnd + call;
        }

        return CallShapeTests.Fill(call);
    }

    private static string Arguments(ArgumentShape shape, string? city, int days) => city is null
        ? shape is ArgumentShape.Literal ? "{}" : ""
        : CallShapeTests.Arguments(shape, city, days);

    // Tokens at random, then whatever closes what is open.
    private static string? Walk(Constraint constraint, Tokenizer tokenizer, Random random)
    {
        const int Free = 40;
        const int Most = 400;
        var state = constraint.Start();
        var mask = new ulong[constraint.MaskLength];
        var text = new List<int>();
        for (var step = 0; step < Most; step++)
        {
            if (state.IsFinal)
                return tokenizer.Decode([.. text]);
            state.FillMask(mask);
            var allowed = Enumerable.Range(0, tokenizer.VocabularySize).Where(id => GrammarTesting.Allows(mask, id)).ToArray();
            Assert.True(allowed.Length > 0, $"No token may follow {tokenizer.Decode([.. text])}");
            if (tokenizer.EndOfGeneration.FirstOrDefault(end => allowed.Contains(end), -1) >= 0)
                return tokenizer.Decode([.. text]);
            var token = step < Free ? Plain(allowed, tokenizer, random) : Closing(state, allowed, tokenizer, random);
            Assert.True(state.Accept(token));
            text.Add(token);
        }

        return null;
    }

    private static int Plain(int[] allowed, Tokenizer tokenizer, Random random)
    {
        var plain = allowed.Where(id => tokenizer.IsSpecial(id) || char.IsAsciiLetterOrDigit((char)tokenizer.GetBytes(id)[0]) || tokenizer.GetBytes(id)[0] is (byte)'"' or (byte)'}' or (byte)']' or (byte)'<').ToArray();
        return plain.Length > 0 ? plain[random.Next(plain.Length)] : allowed[random.Next(allowed.Length)];
    }

    // A mark of the format where one fits, else what closes JSON.
    private static int Closing(ConstraintState state, int[] allowed, Tokenizer tokenizer, Random random)
    {
        if (Array.Find(allowed, tokenizer.IsSpecial) is > 0 and var mark)
            return mark;
        foreach (var closing in Closings)
        {
            var bytes = Encoding.UTF8.GetBytes(closing);
            var probe = state.Clone();
            if (probe.AcceptText(bytes) == bytes.Length)
                return tokenizer.Encode(closing, addSpecial: false)[0];
        }

        int[] digits = [.. allowed.Where(id => char.IsAsciiDigit((char)tokenizer.GetBytes(id)[0]))];
        return digits.Length > 0 ? digits[random.Next(digits.Length)] : allowed[random.Next(allowed.Length)];
    }

    private static readonly string[] Closings =
    [
        .. ChatSyntaxes.All.SelectMany(syntax => syntax.Calls).Select(form => form.Shape.Arguments).OfType<ArgumentShape.Parameters>().Select(shape => shape.AfterValue.Trim()).Distinct(),
        "<|\"|>", "<escape>", "\"", "}", "]", ")",
    ];
}
