using System.Text;
using EmbeddedLlm.Chat.Syntax;

namespace EmbeddedLlm.Tests.Chat.Syntax;

/// <summary>Runs a parser over an answer in pieces and joins its parts.</summary>
internal static class ParsedAnswer
{
    public static (string Text, string Reasoning, ToolCall[] Calls) Of(AnswerParser parser, IEnumerable<string> pieces)
    {
        var (text, reasoning, calls) = (new StringBuilder(), new StringBuilder(), new List<ToolCall>());
        foreach (var part in pieces.SelectMany(parser.Append).Concat(Ending(parser)))
        {
            switch (part)
            {
                case AnswerPart.Text { Value: var value }:
                    text.Append(value);
                    break;
                case AnswerPart.Reasoning { Value: var value }:
                    reasoning.Append(value);
                    break;
                case AnswerPart.Call { Value: var call }:
                    calls.Add(call);
                    break;
            }
        }

        return (text.ToString(), reasoning.ToString(), [.. calls]);
    }

    // Only when all pieces are read.
    private static IEnumerable<AnswerPart> Ending(AnswerParser parser)
    {
        foreach (var part in parser.End())
            yield return part;
    }
}
