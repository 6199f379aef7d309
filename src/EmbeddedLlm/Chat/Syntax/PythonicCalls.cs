using System.Text;

namespace EmbeddedLlm.Chat.Syntax;

/// <summary>Calls as Python writes them, in a list: <c>[search(query="tea", count=3), now()]</c>.</summary>
internal sealed record PythonicCalls : CallForm
{
    public override CallShape Shape => new(Trigger + "[", "", "(", new ArgumentShape.Keywords(), ")", "]" + string.Concat(Closers.Take(1)), ", ");

    public override CallReader CreateReader(OfferedTools tools, string trigger) => new Reader(this, trigger);

    private sealed class Reader(PythonicCalls form, string trigger) : CallReader(form, trigger)
    {
        private readonly Nesting _nesting = new(LiteralStyle.Python);
        private bool _isRead;

        public override bool TryRead(AnswerText text, AnswerWriter writer)
        {
            if (!_isRead)
            {
                if (Block.Length == 0 && text.Blanks() == text.Rest.Length && !text.HasEnded)
                    return false;
                if (Block.Length == 0 && text.Rest.TrimStart() is not ['[', ..])
                {
                    GiveBack(writer);
                    return true;
                }

                var isWhole = _nesting.TryTake(text, Block);
                if (!isWhole && !text.HasEnded)
                    return false;
                ReadCalls(writer, isWhole);
                _isRead = true;
            }

            return Close(text) is not null;
        }

        private void ReadCalls(AnswerWriter writer, bool isWhole)
        {
            var python = new LiteralReader(Block.ToString(), LiteralStyle.Python);
            var before = writer.Calls;
            python.TryTake('[');
            while (python.Next != ']' && python.TakeUntil('(')?.Trim() is { Length: > 0 } name)
            {
                var arguments = new StringBuilder("{");
                if (TryArguments(python, arguments))
                {
                    Finish(writer, name, arguments.Append('}').ToString());
                    if (python.TryTake(','))
                        continue;
                }
                else
                {
                    Add(writer, new(name, arguments.ToString(), Problem: isWhole ? "The arguments are not written as Python writes them." : ToolCall.Cut));
                }

                break;
            }

            if (writer.Calls == before)
                GiveBack(writer);
            Block.Clear();
        }

        private static bool TryArguments(LiteralReader python, StringBuilder json)
        {
            python.TryTake('(');
            for (var isFirst = true; !python.TryTake(')'); isFirst = false)
            {
                if (!isFirst && !python.TryTake(','))
                    return false;
                if (python.Next == '\0' || python.TakeUntil('=', ')')?.Trim() is not { } key || !python.TryTake('='))
                    return false;
                json.Append(isFirst ? "" : ", ");
                LiteralReader.WriteString(json, key);
                json.Append("\": ");
                if (!python.TryValue(json))
                    return false;
            }

            return true;
        }
    }
}
