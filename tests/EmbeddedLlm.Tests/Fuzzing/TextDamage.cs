using System.Text;
using System.Text.RegularExpressions;

namespace EmbeddedLlm.Tests.Fuzzing;

/// <summary>Damages texts: takes parts away, doubles, moves and mixes them, and puts in what is seldom met.</summary>
internal sealed partial class TextDamage
{
    private const int MaxChanges = 8;

    private static readonly string[] Odd =
    [
        "\0", "\u0001", "\u007F", "\u0085", "\u00A0", "\u0301", "\u2028", "\uFEFF", "\uFFFF", "\uD83D", "\uDE00", "😀", "\U0010FFFF", "é", "\r\n", "\t", "\\", "\"", "'", "{", "}", "[", "]", "(", ")",
        "0", "-1", "1e999", "2147483647", "2147483648", "99999999999999999999", "0.1", "{0,}", "{1000}", "\\u0000", "\\uD800", "\\x", "*", "+", "?", "|", "^", "$", "<", ">", "::=",
    ];

    private readonly string[] _texts;
    private readonly string[] _pieces;

    public TextDamage(IEnumerable<string> texts)
    {
        _texts = [.. texts];
        _pieces = [.. _texts.SelectMany(text => Pieces().Matches(text)).Select(match => match.Value).Distinct(), .. Odd];
    }

    public string Next(Random random)
    {
        var text = new StringBuilder(Any(random, _texts));
        for (var change = random.Next(1, MaxChanges); change > 0; change--)
            Change(text, random);
        return text.ToString();
    }

    private void Change(StringBuilder text, Random random)
    {
        var at = random.Next(text.Length + 1);
        var span = Math.Min(random.Next(1, 1 << random.Next(2, 7)), text.Length - at);
        switch (random.Next(9))
        {
            case 0:
                text.Remove(at, span);
                break;
            case 1:
                text.Remove(at, span).Insert(at, Any(random, _pieces));
                break;
            case 2:
                text.Insert(at, Any(random, _pieces));
                break;
            case 3:
                text.Insert(at, text.ToString(at, span));
                break;
            case 4:
                var moved = text.ToString(at, span);
                text.Remove(at, span).Insert(random.Next(text.Length + 1), moved);
                break;
            case 5:
                var other = Any(random, _texts);
                var start = random.Next(other.Length + 1);
                text.Insert(at, other.AsSpan(start, Math.Min(random.Next(1, 60), other.Length - start)));
                break;
            case 6:
                text.Insert(at, Any(random, Odd));
                break;
            case 7 when random.Next(8) == 0:
                text.Insert(at, Any(random, _pieces), 1 << random.Next(1, 11));
                break;
            case 8 when random.Next(4) == 0:
                text.Length = at;
                break;
        }
    }

    private static string Any(Random random, string[] texts) => texts[random.Next(texts.Length)];

    [GeneratedRegex(@"\w+|\s+|[^\w\s]{1,3}", RegexOptions.Singleline)]
    private static partial Regex Pieces();
}
