using EmbeddedLlm.Chat.Syntax;

namespace EmbeddedLlm.Tests.Chat.Syntax;

/// <summary>Parsers of answers whose beginning the prompt has written: wherever it was cut, they give what comes behind the cut.</summary>
public sealed class PrefillTests
{
    private static readonly OfferedTools Weather = new([("weather", default)]);

    public static TheoryData<string, string> Answers => new()
    {
        { "<tool_call>", "Plain text, with  blanks and a < sign.\n\nTwo lines. " },
        { "<tool_call>", "<think>One.\nTwo.</think>\n\nThree." },
        { "<tool_call>", "Let me see.\n\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Bern\"}}\n</tool_call>" },
        { "<tool_call>", "Not a call: <tool_call> hm {\"name\": 1} <tool" },
        { "<|start_header_id|> parameters", "{\"name\": \"weather\", \"parameters\": {\"city\": \"Bern\"}}" },
        { "<|start_header_id|> parameters", "{\"name\": \"Ada\", \"age\": 36}" },
        { "<|tool_call_start|>", "<|tool_call_start|>[weather(city=\"Bern\")]<|tool_call_end|>Done." },
        { "<function=<parameter=", "<tool_call>\n<function=weather>\n<parameter=city>\nBern\n</parameter>\n</function>\n</tool_call>" },
        { "<|channel|><|message|>", "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Hello there." },
        { ">>>all", "all\nHello there.>>>weather\n{\"city\": \"Bern\"}" },
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public void Begin_AtEveryPlace_GivesWhatIsBehind(string template, string answer)
    {
        var syntax = ChatSyntaxes.Of(template);
        var whole = ParsedAnswer.Of(syntax.CreateParser(false, Weather), [answer]);
        var (text, reasoning) = ("", "");
        for (var at = answer.Length; at >= 0; at--)
        {
            foreach (var size in (int[])[1, 3, answer.Length])
            {
                var parser = syntax.CreateParser(false, Weather);
                parser.Begin(answer[..at]);
                var rest = ParsedAnswer.Of(parser, answer[at..].Chunk(size).Select(piece => new string(piece)));

                Assert.EndsWith(rest.Text, whole.Text, StringComparison.Ordinal);
                Assert.EndsWith(rest.Reasoning, whole.Reasoning, StringComparison.Ordinal);
                Assert.Equal(whole.Calls.TakeLast(rest.Calls.Length), rest.Calls);
                if (size == 1)
                {
                    // A character earlier gives that character more, or none where it belongs to a mark, or to blanks that are nobody's.
                    Assert.EndsWith(text, rest.Text, StringComparison.Ordinal);
                    Assert.EndsWith(reasoning, rest.Reasoning, StringComparison.Ordinal);
                    Assert.InRange(rest.Text.Length + rest.Reasoning.Length, 0, answer.Length - at);
                    (text, reasoning) = (rest.Text, rest.Reasoning);
                }
                else
                {
                    Assert.Equal((text, reasoning), (rest.Text, rest.Reasoning));
                }
            }
        }

        Assert.Equal((whole.Text, whole.Reasoning), (text, reasoning));
    }

    [Fact]
    public void Begin_PlainText_GivesEveryCharacterBehind()
    {
        const string Answer = "Plain text, with  blanks\n\nand lines.";
        for (var at = 0; at <= Answer.Length; at++)
        {
            var parser = ChatSyntaxes.Of("<tool_call>").CreateParser(false, Weather);
            parser.Begin(Answer[..at]);
            Assert.Equal(Answer[at..], ParsedAnswer.Of(parser, Answer[at..].Chunk(2).Select(piece => new string(piece))).Text);
        }
    }

    [Fact]
    public void Prefill_TextForAFormatOfMessages_GetsItsHeader()
    {
        var harmony = ChatSyntaxes.Of("<|channel|><|message|>");
        Assert.Equal("<|channel|>final<|message|>Hello", harmony.Prefill("Hello", Weather));
        Assert.Equal("<|channel|>analysis<|message|>Hm", harmony.Prefill("<|channel|>analysis<|message|>Hm", Weather));

        var functionary = ChatSyntaxes.Of(">>>all");
        Assert.Equal("all\nOne\nTwo", functionary.Prefill("One\nTwo", Weather));
        Assert.Equal("all\nOne", functionary.Prefill("all\nOne", Weather));
        Assert.Equal("weather\n{", functionary.Prefill("weather\n{", Weather));

        Assert.Equal("Hello", ChatSyntaxes.Of("").Prefill("Hello", Weather));
    }
}
