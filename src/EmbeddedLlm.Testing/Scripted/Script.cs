using System.Text;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Testing;

/// <summary>
/// Which token follows after which. It knows requests by their tokens alone: tokens that go on from where a request stood belong to its answer, all others
/// are a new prompt. Where a request allows no such answer, the script is left for the shortest one that it allows.
/// </summary>
internal sealed class Script(Func<string, string> answer)
{
    // What ends things, most wanted first. Within a string that is its quote; where it has a form, such as that of a time, what stands between digits
    // goes before the digits. Elsewhere what closes goes before a quote, which would open.
    private static readonly string[] ClosingText = ["\"", ":", "Z", ".", "-", "0", "}", "]", ")"];
    private static readonly string[] Closing = ["}", "]", ")", "\"", "0"];

    private readonly Lock _gate = new();
    private readonly List<Request> _requests = [];
    private readonly List<string> _prompts = [];

    /// <summary>Set once the model is loaded, before it is asked.</summary>
    public Tokenizer? Tokenizer { get; set; }

    public IReadOnlyList<string> Prompts
    {
        get
        {
            lock (_gate)
                return [.. _prompts];
        }
    }

    /// <summary>The tokens that may come after these, the most wanted first.</summary>
    public int[] Next(int[] tokens)
    {
        lock (_gate)
        {
            // The newest first: an older prompt may begin it.
            var request = _requests.FindLast(request => request.Has(tokens)) ?? Begin(tokens);
            request.Seen = tokens;
            return request.Next();
        }
    }

    private Tokenizer Known => Tokenizer ?? throw new InvalidOperationException("The model is asked before it is loaded.");

    // The same prompt again is another request, with an answer of its own.
    private Request Begin(int[] prompt)
    {
        var text = Known.Decode(prompt);
        var request = new Request(prompt, answer(text), Known);
        _prompts.Add(text);
        _requests.Add(request);
        return request;
    }

    private sealed class Request(int[] prompt, string answer, Tokenizer tokenizer)
    {
        private readonly int[] _written = tokenizer.Encode(answer, addSpecial: false);
        private readonly byte[] _text = Encoding.UTF8.GetBytes(answer);
        private bool _isOver;

        /// <summary>The tokens that were asked about last.</summary>
        public int[] Seen { get; set; } = [];

        public bool Has(int[] tokens) =>
            !_isOver && tokens.Length > Seen.Length && tokens.AsSpan().StartsWith(Seen) && !Array.Exists(tokens[Seen.Length..], tokenizer.IsSpecial);

        public int[] Next()
        {
            var end = tokenizer.EosId ?? throw new InvalidOperationException("The vocabulary has no end token.");
            var said = Seen[prompt.Length..];
            byte[] text = [.. said.SelectMany(token => tokenizer.GetBytes(token).ToArray())];
            var at = After(text);
            _isOver = at == _text.Length;
            if (_isOver)
                return [end];

            int[] closing = [end, .. (IsInString(text) ? ClosingText : Closing).Select(First)];
            if (at < 0)
                return closing;
            var rest = Encoding.UTF8.GetString(_text[at..]);
            var wanted = _written.AsSpan().StartsWith(said) && said.Length < _written.Length ? _written[said.Length] : First(rest);
            int[] script = rest.TrimStart() is { Length: > 0 } trimmed ? [wanted, First(trimmed)] : [wanted];
            return [.. script.Union(closing)];
        }

        private int First(string text) => tokenizer.Encode(text, addSpecial: false)[0];

        // Where the script goes on behind a text, which may have other white space; negative where it is another text.
        private int After(byte[] said)
        {
            var at = 0;
            foreach (var value in said)
            {
                while (at < _text.Length && _text[at] != value && IsBlank(_text[at]))
                    at++;
                if (at < _text.Length && _text[at] == value)
                    at++;
                else if (!IsBlank(value))
                    return -1;
            }

            return at;
        }

        private static bool IsBlank(byte value) => value is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t';

        private static bool IsInString(byte[] json)
        {
            var isIn = false;
            for (var at = 0; at < json.Length; at++)
            {
                if (json[at] == '"')
                    isIn = !isIn;
                else if (isIn && json[at] == '\\')
                    at++; // what is escaped is no quote
            }

            return isIn;
        }
    }
}
